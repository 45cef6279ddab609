import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { configJsonSchema } from "../../src/config/schema.ts";
import { type Page, toTable, withSections } from "./page.ts";

/** What of a JSON Schema is looked at. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly const?: string | boolean;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | false;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

/** One key, with everything there is to say of it. */
interface Row {
  readonly key: string;
  readonly schema: Schema;
  readonly required: boolean;
}

const everything = "test/fixtures/nodoff.everything.yaml";

/** docs/configuration.md: every key of nodoff.yaml. Texts, types and bounds come from the zod schema. */
export function configurationPage(): Page {
  const schema = configJsonSchema() as Schema;
  const { workloads, routes, providers, notify, defaults, ...rest } = schema.properties ?? {};
  const example = parse(readFileSync(new URL(`../../${everything}`, import.meta.url), "utf8"), {
    merge: true,
  }) as unknown;
  const workload = valueOf(workloads);
  const route = valueOf(routes);
  const ofWorkload = new Set(Object.keys(workload.properties ?? {}));
  const ownOfRoute = { properties: without(route.properties ?? {}, ofWorkload), required: route.required ?? [] };
  const below = (path: string) => valuesAt(example, [path, "*"]);
  return withSections("docs/configuration.md", {
    top: keyTable(rowsOf({ properties: rest }), [example]),
    providers: variants(valueOf(providers), below("providers")),
    workloads: keyTable(rowsOf(workload), [
      ...below("workloads"),
      ...valuesAt(example, ["defaults"]),
      ...below("routes"),
    ]),
    routes: keyTable(rowsOf(ownOfRoute), below("routes")),
    shared: [`Also, as in a workload: ${sharedKeys(route, ofWorkload)}.`],
    notify: variants(valueOf(notify), below("notify")),
    defaults: [`${defaults?.description ?? ""}.`],
  });
}

function sharedKeys({ properties = {} }: Schema, ofWorkload: ReadonlySet<string>): string {
  return Object.keys(properties)
    .filter((key) => ofWorkload.has(key))
    .map((key) => `\`${key}\``)
    .join(", ");
}

function without(properties: Readonly<Record<string, Schema>>, keys: ReadonlySet<string>): Record<string, Schema> {
  return Object.fromEntries(Object.entries(properties).filter(([key]) => !keys.has(key)));
}

/** What stands under each free name. */
function valueOf(schema: Schema | undefined): Schema {
  return typeof schema?.additionalProperties === "object" ? schema.additionalProperties : {};
}

/** A table for each `type`. */
function variants({ oneOf, anyOf }: Schema, examples: readonly unknown[]): readonly string[] {
  return (oneOf ?? anyOf ?? []).flatMap((variant) => {
    const type = String(variant.properties?.["type"]?.const);
    const properties = without(variant.properties ?? {}, new Set(["type"]));
    const ofType = examples.filter((example) => valuesAt(example, ["type"])[0] === type);
    const rows = rowsOf({ properties, required: variant.required ?? [] });
    const table = rows.length === 0 ? ["No other keys."] : keyTable(rows, ofType);
    return [`### \`type: ${type}\``, ""].concat(table, "");
  });
}

/** The keys of a map and of the maps below it, each by its whole path. */
function rowsOf(schema: Schema, path = ""): readonly Row[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const key = path === "" ? name : `${path}.${name}`;
    const inner = innerOf(property);
    const own: Row = { key, schema: property, required: schema.required?.includes(name) === true };
    if (inner === null) return [own];
    return (property.description === undefined ? [] : [own]).concat(rowsOf(inner.schema, key + inner.step));
  });
}

/** The map a key leads to, through lists, free names and switches. */
function innerOf(schema: Schema): { readonly schema: Schema; readonly step: string } | null {
  if (schema.properties !== undefined) return { schema, step: "" };
  if (schema.items?.properties !== undefined) return { schema: schema.items, step: "[]" };
  const value = valueOf(schema);
  if (value.properties !== undefined) return { schema: value, step: ".NAME" };
  const map = schema.anyOf?.find(({ properties }) => properties !== undefined);
  return map === undefined ? null : { schema: map, step: "" };
}

function keyTable(rows: readonly Row[], examples: readonly unknown[]): readonly string[] {
  const cells = rows.map((row) => {
    const { text, fallback } = split(row.schema.description ?? "");
    const what = row.required ? `${text}${text === "" ? "" : ". "}Required` : text;
    return [`\`${row.key}\``, typeOf(row.schema), fallback, what, exampleOf(row, examples)];
  });
  return toTable(["key", "value", "default", "what", "example"], cells);
}

/** Descriptions end in what is taken where a key is absent: `(default 30s)`, or are nothing else: `Default GET`. */
function split(description: string): { readonly text: string; readonly fallback: string } {
  const [, before, inside] = /^(.*?) ?\(default:? ([^()]*)\)$/.exec(description) ?? [];
  if (before !== undefined && inside !== undefined) return { text: before, fallback: toCode(inside) };
  const [, only] = /^Default:? (.*)$/.exec(description) ?? [];
  return only === undefined ? { text: description, fallback: "" } : { text: "", fallback: toCode(only) };
}

/** A value in code, a sentence as it is. */
function toCode(text: string): string {
  return text.includes(" ") ? text : `\`${text}\``;
}

const durations = /\\d\+h/;

function typeOf(schema: Schema): string {
  const { type = [], pattern = "", items, anyOf, minimum, maximum = Number.MAX_SAFE_INTEGER } = schema;
  if (schema.enum !== undefined) return schema.enum.map((word) => `\`${word}\``).join(", ");
  if (schema.const !== undefined) return `\`${String(schema.const)}\``;
  if (items !== undefined) return `list of ${items.properties === undefined ? typeOf(items) : "maps"}`;
  if (anyOf !== undefined) return Array.from(new Set(anyOf.map(typeOf))).join(" or ");
  if (schema.properties !== undefined || schema.additionalProperties !== undefined) return "map";
  const types = typeof type === "string" ? [type] : type;
  if (types.includes("null")) return "`null`";
  if (durations.test(pattern)) return "duration";
  if (types.includes("boolean") && !types.includes("number")) return "`true`, `false`";
  if (types.includes("integer") && minimum !== undefined)
    return maximum === Number.MAX_SAFE_INTEGER ? `number from ${minimum}` : `number ${minimum} to ${maximum}`;
  return types.includes("object") ? "text or map" : "text";
}

/** The first value the contract's example has there. */
function exampleOf({ key, schema }: Row, examples: readonly unknown[]): string {
  const steps = key.split(".").flatMap((step) => (step.endsWith("[]") ? [step.slice(0, -2), "*"] : [step]));
  const path = steps.map((step) => (step === "NAME" ? "*" : step));
  const value = examples.flatMap((example) => valuesAt(example, path)).find((found) => found !== undefined);
  if (value === undefined || value === null || (typeof value === "object" && innerOf(schema) !== null)) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 60 ? "" : `\`${text}\``;
}

function valuesAt(value: unknown, path: readonly string[]): readonly unknown[] {
  const [step, ...rest] = path;
  if (step === undefined) return [value];
  if (typeof value !== "object" || value === null) return [];
  if (step === "*") return Object.values(value).flatMap((each) => valuesAt(each, rest));
  return Object.hasOwn(value, step) ? valuesAt(Reflect.get(value, step), rest) : [];
}
