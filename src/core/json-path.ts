/** Member names and array indexes (negative: from the end) from the root on. */
export type JsonPath = readonly (string | number)[];

const segment = /^(?:\.([\p{L}_][\p{L}\p{N}_-]*)|\[(-?\d{1,9})\]|\['([^'\\]*)'\]|\["([^"\\]*)"\])/u;

/**
 * Reads a singular query of RFC 9535 (section 2.3.5.1), which selects one value at most: `$.jobs.active`, `$.items[0]`,
 * `$['a name'][-1].state`. undefined for anything else: wildcards, filters, escapes in quoted names. As in most apps,
 * a name after a dot may hold a hyphen.
 */
export function parseJsonPath(text: string): JsonPath | undefined {
  if (!text.startsWith("$")) return undefined;
  const path: (string | number)[] = [];
  for (let rest = text.slice(1); rest !== "";) {
    const match = segment.exec(rest);
    if (match === null) return undefined;
    const [whole, name, index, single, double] = match;
    path.push(index === undefined ? (name ?? single ?? double ?? "") : Number(index));
    rest = rest.slice(whole.length);
  }
  return path;
}

/** The value a path leads to in parsed JSON; undefined = nothing is there (null is a value). */
export function valueAt(path: JsonPath, root: unknown): unknown {
  let value = root;
  for (const step of path) {
    if (typeof step === "number") value = Array.isArray(value) ? (value as unknown[]).at(step) : undefined;
    else if (typeof value !== "object" || value === null || Array.isArray(value) || !Object.hasOwn(value, step))
      return undefined;
    else value = (value as Readonly<Record<string, unknown>>)[step];
  }
  return value;
}
