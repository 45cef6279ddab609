import { parse } from "yaml";
import { z } from "zod";
import { isBroken, isLabelText, isLoose, withText } from "./loose.ts";
import type { Loose } from "./loose.ts";
import type { Reader } from "./readers.ts";

// Else zod compiles a function for each kind of map it meets: a tenth of the start, and no faster even with 10,000 routes.
z.config({ jitless: true });

/** JSON Schema keywords for editors. */
export type Keywords = Readonly<Record<string, unknown>>;

/** One for all leaves, which are hundreds; nor is `meta` used for them, which makes each a second time. */
const anything = z.unknown();

/** A single value, read by `read`, which also words the error. */
export function leaf<T>(read: Reader<T>, keywords: Keywords) {
  return anything
    .transform((value, context): T => {
      const reading = readLeaf(read, value);
      if (reading.ok) return reading.value;
      context.issues.push({ code: "custom", message: reading.problem, input: value });
      return z.NEVER;
    })
    .register(z.globalRegistry, { ...keywords });
}

function readLeaf<T>(read: Reader<T>, value: unknown): ReturnType<Reader<T>> {
  if (value === undefined) return { ok: false, problem: "is missing" };
  if (value === null) return { ok: false, problem: "has no value" };
  if (!isLoose(value)) return read(value, false);
  return isBroken(value) ? { ok: false, problem: value.text } : read(value.text, true);
}

/** A map with these keys and no others; `x-*` keys are ignored, an empty one is an empty map. */
export function map<S extends z.ZodRawShape>(shape: S) {
  const allowed = Object.keys(shape).join("\n");
  return z.preprocess(
    toMap,
    z.strictObject(shape, { error: (issue) => (issue.code === "unrecognized_keys" ? allowed : undefined) }),
  );
}

/** As `map`; `false` in its place switches it off, `true` is an empty one. */
export function switchable<S extends z.ZodRawShape>(shape: S) {
  return z.preprocess(
    (value) => {
      const plain = isLoose(value) && !isBroken(value) ? value.text : value;
      if (plain === true || (isLoose(value) && isWord(plain, "true"))) return {};
      return plain === false || (isLoose(value) && isWord(plain, "false")) ? false : value;
    },
    z.union([map(shape), z.literal(false)]),
  );
}

function isWord(value: unknown, word: string): boolean {
  return typeof value === "string" && value.toLowerCase() === word;
}

/** As `map`, for one of several shapes told apart by the value of `type`. */
export function mapUnion<const O extends readonly [z.ZodObject, ...z.ZodObject[]]>(options: O) {
  return z.preprocess(
    (value, context) => withPlainType(toMap(value, context)),
    z.discriminatedUnion("type", options, {
      error: (issue) => (issue.code === "invalid_union" ? typeText(issue.input) : undefined),
    }),
  );
}

/** One shape of a `mapUnion`. */
export function option<T extends string, S extends z.ZodRawShape>(type: T, shape: S) {
  const allowed = ["type", ...Object.keys(shape)].join("\n");
  return z.strictObject(
    { type: z.literal(type), ...shape },
    { error: (issue) => (issue.code === "unrecognized_keys" ? allowed : undefined) },
  );
}

/** What an alias or another free name may look like. */
export const namePattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;

/** A map from free names to `schema`. */
export function named<T extends z.ZodType>(schema: T) {
  return z.preprocess(toMap, z.record(z.string().regex(namePattern), schema));
}

/** A map whose keys belong to somebody else (headers, environment): `x-*` keys are kept. */
export function freeKeys<T extends z.ZodType>(schema: T) {
  return z.preprocess((value, context) => unwrap(value, context) ?? {}, z.record(z.string(), schema));
}

/** A list. In a label, or from a `${VAR}`, also a comma list; `separator` says between what its commas stand. */
export function list<T extends z.ZodType>(item: T, separator: string | RegExp = ",") {
  return z.preprocess((value, context) => {
    if (!isLoose(value) || isBroken(value)) return unwrap(value, context);
    const yaml = isLabelText(value) && value.text.trimStart().startsWith("[");
    return yaml ? readYamlValue(value, context) : splitList(value, separator);
  }, z.array(item));
}

/** The parts of a comma list, each as if it stood alone. */
function splitList(value: Loose, separator: string | RegExp): readonly Loose[] {
  const parts = value.text.split(separator).map((part) => part.trim());
  return parts.filter((part) => part !== "").map((part) => withText(value, part));
}

type Context = z.core.$RefinementCtx;

function toMap(value: unknown, context: Context): unknown {
  const plain = unwrap(value, context) ?? {};
  if (typeof plain !== "object" || Array.isArray(plain)) return plain;
  const entries = Object.entries(plain);
  const kept = entries.filter(([key]) => !key.startsWith("x-"));
  return kept.length === entries.length ? plain : Object.fromEntries(kept);
}

function unwrap(value: unknown, context: Context): unknown {
  if (!isLoose(value)) return value;
  if (isBroken(value)) return fail(value, value.text, context);
  return isLabelText(value) ? readYamlValue(value, context) : value.text;
}

function readYamlValue(value: Loose, context: Context): unknown {
  try {
    return parse(value.text, { prettyErrors: false });
  } catch {
    return fail(value, `"${value.text}" is not valid YAML`, context);
  }
}

function fail(input: unknown, message: string, context: Context): never {
  context.issues.push({ code: "custom", message, input });
  return z.NEVER;
}

function withPlainType(value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("type" in value)) return value;
  const { type } = value;
  return isLoose(type) && !isBroken(type) ? { ...value, type: type.text } : value;
}

function typeText(input: unknown): string {
  if (typeof input !== "object" || input === null || !("type" in input)) return "";
  return isLoose(input.type) ? input.type.text : String(input.type);
}
