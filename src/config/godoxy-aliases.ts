import { parse } from "yaml";
import { splitWords } from "./adopting.ts";
import type { Adopting } from "./adopting.ts";
import type { Labels } from "./foreign-door.ts";

/** One field of one alias, such as `healthcheck.path`, as far as nodoff looks at it. */
export interface GodoxyField {
  readonly value: string;
  /** The label that says so. */
  readonly from: string;
}

/** The fields of an alias by their path: lower case, without underscores. */
export type GodoxyAlias = ReadonlyMap<string, GodoxyField>;

/** Labels that belong to the container, not to an alias; both spellings of each. */
export const containerKeys: ReadonlySet<string> = new Set(
  [
    "idle_timeout",
    "wake_timeout",
    "stop_timeout",
    "stop_method",
    "stop_signal",
    "start_endpoint",
    "no_loading_page",
    "depends_on",
  ].flatMap((key) => [key, key.startsWith("idle_") ? key : `idle_${key}`]),
);
const otherContainerKeys = new Set(["aliases", "exclude", "network"]);

/** `proxy.ports=80,81`: the first is the first alias's, and so on. */
const plurals: Readonly<Record<string, string>> = {
  ports: "port",
  hosts: "host",
  schemes: "scheme",
  protos: "scheme",
  protocols: "scheme",
};

/**
 * The aliases of a container and their fields (GoDoxy's label grammar): `proxy.<alias>.<path>`, `proxy.#N.<path>` and
 * `proxy.$N.<path>` for the N-th alias, `proxy.*.<path>` for all, each also as one YAML value of `proxy.<alias>`. As
 * there, a dotted label wins over the YAML of its alias, and `*` wins over both.
 */
export function readAliases(
  labels: Labels,
  containerName: string,
  adopting: Adopting,
): ReadonlyMap<string, GodoxyAlias> {
  const given = splitWords(labels["proxy.aliases"] ?? "").map((alias) => alias.toLowerCase());
  const named = given.length > 0 ? given : [containerName.toLowerCase()];
  const aliases = new Map(named.map((alias) => [alias, new Map<string, GodoxyField>()]));
  const later: (() => void)[] = [];
  // Shorter keys first, so that dotted ones come on top of YAML.
  for (const key of Object.keys(labels).sort((a, b) => a.length - b.length || (a < b ? -1 : 1))) {
    if (!key.startsWith("proxy.")) continue;
    const [name = "", ...path] = key.slice("proxy.".length).split(".");
    if (path.length === 0 && (containerKeys.has(name) || otherContainerKeys.has(name))) continue;
    const value = labels[key] ?? "";
    const plural = path.length === 0 ? plurals[name] : undefined;
    if (plural !== undefined) {
      for (const [index, item] of splitWords(value).entries()) put(aliases.get(named[index] ?? ""), plural, item, key);
      continue;
    }
    const fields = toFields(path, value, key);
    if (fields === null) {
      adopting.note(key, "is neither a label of the container nor an alias with fields");
      continue;
    }
    const write = (alias: string): void => {
      const known = aliases.get(alias) ?? new Map<string, GodoxyField>();
      aliases.set(alias, known);
      for (const [field, one] of fields) known.set(field, one);
    };
    const number = /^[#$](\d+)$/.exec(name)?.[1];
    const numbered = number === undefined ? undefined : named[Number(number) - 1];
    if (name === "*")
      later.push(() => {
        for (const alias of aliases.keys()) write(alias);
      });
    else if (number === undefined) write(name.toLowerCase());
    else if (numbered === undefined) adopting.wrong(key, `there is no alias ${number}: there are ${named.length}`);
    else write(numbered);
  }
  for (const run of later) run();
  return aliases;
}

function put(alias: Map<string, GodoxyField> | undefined, field: string, value: string, from: string): void {
  alias?.set(field, { value, from });
}

/** What a label says, by field; null = it has no fields. */
function toFields(path: readonly string[], value: string, from: string): ReadonlyMap<string, GodoxyField> | null {
  if (path.length > 0) {
    const tree = readYaml(value);
    const flat = isMap(tree) ? flatten(tree, path) : [[path, value] as const];
    return new Map(flat.map(([steps, text]) => [toFieldName(steps), { value: text, from }]));
  }
  const tree = readYaml(value);
  if (!isMap(tree)) return null;
  return new Map(flatten(tree, []).map(([steps, text]) => [toFieldName(steps), { value: text, from }]));
}

function readYaml(value: string): unknown {
  if (!value.includes(":")) return value;
  try {
    return parse(value.replaceAll("\t", "  "), { prettyErrors: false, logLevel: "error" });
  } catch {
    return value;
  }
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function flatten(tree: Record<string, unknown>, path: readonly string[]): (readonly [readonly string[], string])[] {
  return Object.entries(tree).flatMap(([key, value]) => {
    const steps = [...path, key];
    if (isMap(value)) return flatten(value, steps);
    return [[steps, Array.isArray(value) ? value.join(",") : String(value)] as const];
  });
}

/** GoDoxy matches field names whatever their case and underscores. */
function toFieldName(steps: readonly string[]): string {
  return steps.map((step) => step.toLowerCase().replaceAll("_", "")).join(".");
}
