import { z } from "zod";
import { statusByCode } from "../core/errors.ts";
import type { ErrorCode } from "../core/errors.ts";
import { sessionCookie } from "../core/session-cookie.ts";
import { askingProblems, commonProblems, operations } from "./operations.ts";
import type { Operation } from "./operations.ts";
import * as shapes from "./schema.ts";

type Json = Readonly<Record<string, unknown>>;

const about = `The API of nodoff. Every answer that is no success is application/problem+json (RFC 9457): match on \`code\`.
A path or an alias there is not gets 404, a method a path has not 405 with Allow. GET may also be asked as HEAD.`;

/**
 * The OpenAPI 3.1 document of the API, made from the very schemas it is checked with. `basePath` as in the configuration.
 * Everything that is asked for with POST needs an operator; looking needs a viewer.
 */
export function toOpenApi({ version, basePath }: { readonly version: string; readonly basePath: string }): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const [key, operation] of Object.entries(operations)) {
    const [method = "", path = ""] = key.split(" ");
    const item = (paths[`/api/v1${path.replace(/:(\w+)/g, "{$1}")}`] ??= {});
    item[method.toLowerCase()] = toOperation({ method, path, operation });
  }
  return {
    openapi: "3.1.1",
    info: { title: "nodoff", version, description: about, license: { name: "GPL-3.0-or-later" } },
    servers: [{ url: basePath === "/" ? "/" : basePath }],
    security: [{ token: [] }, { session: [] }, { password: [] }],
    paths,
    components: {
      schemas: componentSchemas(),
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "`admin.token`" },
        session: { type: "apiKey", in: "cookie", name: sessionCookie, description: "From POST /login" },
        password: { type: "http", scheme: "basic", description: "`admin.users`" },
      },
    },
  };
}

function toOperation({
  method,
  path,
  operation,
}: {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}): Json {
  const { summary, query, body, answer } = operation;
  const { shape, stream, status } = answer;
  const type = stream === true ? "text/event-stream" : "application/json";
  const isAsked = method === "POST";
  const problems = [...commonProblems, ...(isAsked ? askingProblems : []), ...(operation.problems ?? [])];
  const parameters = [...pathParameters(path), ...(query === undefined ? [] : queryParameters(query))];
  const requestBody = isAsked ? { requestBody: toRequestBody(body) } : {};
  return {
    operationId: toId(method, path),
    summary,
    ...(parameters.length > 0 && { parameters }),
    ...requestBody,
    responses: {
      [status]: {
        description: isAsked ? "Done, or under way" : "As asked",
        content: { [type]: { schema: toRef(shape) } },
      },
      ...toProblems(problems),
    },
  };
}

function toId(method: string, path: string): string {
  const words = path.split(/[^a-zA-Z]+/).filter((word) => word !== "");
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}

function pathParameters(path: string): Json[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
}

function queryParameters(query: z.ZodObject): Json[] {
  const { properties = {}, required = [] } = toInput(query);
  return Object.entries(properties as Record<string, Json>).map(([name, schema]) => ({
    name,
    in: "query",
    required: (required as readonly string[]).includes(name),
    schema,
  }));
}

/** Where nothing is needed the body may be left out. */
function toRequestBody(body: z.ZodObject | undefined): Json {
  const schema = body === undefined ? { type: "object" } : toInput(body);
  const { required } = schema as { readonly required?: readonly string[] };
  return { required: required !== undefined && required.length > 0, content: { "application/json": { schema } } };
}

function toProblems(codes: readonly ErrorCode[]): Json {
  const byStatus = Map.groupBy(new Set(codes), (code) => statusByCode[code]);
  const content = { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } };
  return Object.fromEntries(
    [...byStatus].map(([status, some]) => [String(status), { description: some.join(", "), content }]),
  );
}

/** Every shape by the name it has in `schema.ts`. */
const registry = z.registry<{ readonly id: string }>();
const names = new Map<z.ZodType, string>();
for (const [id, shape] of Object.entries(shapes)) {
  registry.add(shape, { id });
  names.set(shape, id);
}

function toRef(shape: z.ZodType): Json {
  const name = names.get(shape);
  if (name === undefined) throw new Error("an answer of operations.ts has no name in schema.ts");
  return { $ref: `#/components/schemas/${name}` };
}

function componentSchemas(): Json {
  const { schemas } = z.toJSONSchema(registry, { uri: (id) => `#/components/schemas/${id}`, io: "output" });
  return Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, withoutIds(schema)]));
}

function toInput(schema: z.ZodType): Json {
  return withoutIds(z.toJSONSchema(schema, { io: "input" }));
}

/** Inside of the document the place is the id. */
function withoutIds({ $schema: _dialect, $id: _id, ...schema }: Json): Json {
  return schema;
}
