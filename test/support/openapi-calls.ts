import fc from "fast-check";

/** The parts of an OpenAPI document that say what may be asked. */
export interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, ApiOperation>>>>;
}

export interface ApiOperation {
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: JsonSchema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>> };
  readonly responses: Readonly<Record<string, { readonly content: Readonly<Record<string, unknown>> }>>;
}

interface JsonSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly examples?: readonly unknown[];
}

/** One call: mostly as documented, sometimes as no client should. */
export interface Call {
  /** As the document names it. */
  readonly template: string;
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly credentials: "operator" | "viewer" | "none" | "wrong";
}

const junk = fc.oneof(
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.constantFrom(
    "",
    "0",
    "-1",
    "1e9",
    "__proto__",
    "..",
    "%00",
    "null",
    "a".repeat(300),
    "é\u202e\u0000",
    "[object Object]",
  ),
);
const mostly = <T>(usual: fc.Arbitrary<T>, odd: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 8, arbitrary: usual }, { weight: 2, arbitrary: odd });

/** Values a schema allows, as far as its keywords are read here. */
function valueOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.examples !== undefined) return fc.constantFrom(...schema.examples);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(valueOf));
  switch (schema.type) {
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    case "integer":
      return fc.integer({ min: schema.minimum ?? -1_000, max: Math.min(schema.maximum ?? 1_000, 2 ** 31 - 1) });
    case "object":
      return fc.record(
        Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, each]) => [name, valueOf(each)])),
        { requiredKeys: [...(schema.required ?? [])] },
      );
    case "string":
      return fc.string({ unit: "grapheme", maxLength: Math.min(schema.maxLength ?? 40, 250) });
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function bodyOf({ requestBody }: ApiOperation): fc.Arbitrary<Pick<Call, "body" | "headers">> {
  const schema = requestBody?.content["application/json"]?.schema;
  const json = { "content-type": "application/json" };
  const asJson = (value: unknown): Pick<Call, "body" | "headers"> => ({ body: JSON.stringify(value), headers: json });
  const none = fc.constant<Pick<Call, "body" | "headers">>({ body: null, headers: {} });
  const wrong = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }).map(asJson),
    junk.map((body) => ({ body, headers: json })),
    fc
      .constantFrom("text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", ";")
      .map((type) => ({ body: "{}", headers: { "content-type": type } })),
    fc.constant({ body: "{}", headers: { ...json, "content-encoding": "gzip" } }),
    fc.constant(asJson({ reason: "x".repeat(20_000) })),
    fc.constant({ body: '{"__proto__":{"force":true},"constructor":1}', headers: json }),
  );
  return schema === undefined ? mostly(none, wrong) : mostly(fc.oneof(none, valueOf(schema).map(asJson)), wrong);
}

function queryOf({ parameters = [] }: ApiOperation): fc.Arbitrary<string> {
  const known = parameters.filter((parameter) => parameter.in === "query");
  const one = known.map(({ name, schema }) => fc.tuple(fc.constant(name), mostly(valueOf(schema).map(String), junk)));
  const odd = fc.tuple(fc.oneof(junk, fc.constantFrom(...known.map(({ name }) => name), "x")), junk);
  return fc.array(one.length === 0 ? odd : mostly(fc.oneof(...one), odd), { maxLength: 3 }).map((pairs) => {
    const query = pairs.map(([name, value]) => `${percent(name)}=${percent(value)}`).join("&");
    return query === "" ? "" : `?${query}`;
  });
}

/** Half characters cannot be sent. */
function percent(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

const oddHeaders = fc.record(
  {
    "last-event-id": fc.constantFrom("0", "1", "-1", "99999999999999999999", "x"),
    accept: fc.constantFrom("text/html", "*/*", "nothing/at-all", ""),
    origin: fc.constantFrom("null", "http://evil.test", "nonsense"),
    "sec-fetch-site": fc.constantFrom("same-origin", "cross-site", "none", "x"),
    cookie: fc.constantFrom("nodoff_session=x", "nodoff_session=%E0%A4%A", "=;;", "a=b"),
    "if-none-match": fc.constant("*"),
    range: fc.constant("bytes=0-1"),
    "x-forwarded-for": fc.constantFrom("1.2.3.4", "x, y"),
    "x-http-method-override": fc.constant("DELETE"),
  },
  { requiredKeys: [] },
);

const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;

/** Calls to everything a document describes; `names` are values that path parameters may well have. */
export function callsTo(document: ApiDocument, names: readonly string[]): fc.Arbitrary<Call> {
  const all = Object.entries(document.paths).flatMap(([template, byMethod]) =>
    Object.entries(byMethod).map(([method, operation]) => ({ template, method: method.toUpperCase(), operation })),
  );
  return fc.constantFrom(...all).chain(({ template, method, operation }) => {
    const name = mostly(fc.constantFrom(...names), junk);
    return fc
      .record({
        names: fc.array(name, { minLength: 3, maxLength: 3 }),
        tail: mostly(fc.constant(""), fc.constantFrom("/", "/x", "%2f", "//")),
        query: queryOf(operation),
        method: fc.oneof({ weight: 12, arbitrary: fc.constant(method) }, fc.constantFrom(...methods)),
        sent: bodyOf(operation),
        headers: mostly(fc.constant({}), oddHeaders),
        credentials: fc.oneof(
          { weight: 16, arbitrary: fc.constant("operator" as const) },
          fc.constantFrom("viewer", "none", "wrong"),
        ),
      })
      .map(({ names: values, tail, query, sent, headers, method: asked, credentials }) => ({
        template,
        method: asked,
        credentials,
        path: `${template.replace(/\{\w+\}/g, () => percent(values.pop() ?? ""))}${tail}${query}`,
        headers: { ...headers, ...sent.headers } as Readonly<Record<string, string>>,
        body: sent.body,
      }));
  });
}
