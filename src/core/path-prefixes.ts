/** One path prefix and what it leads to. */
interface Entry<T> {
  /** Without trailing slash: `/` is the empty string. */
  readonly prefix: string;
  readonly value: T;
  /** Added later under the same prefix: they wait for the first to be deleted. */
  readonly waiting: readonly T[];
}

interface Segment<T> {
  value: T | undefined;
  readonly next: Map<string, Segment<T>>;
}

/** The path prefixes of one host. Data without methods: there is one for each of thousands of hosts. Never changed. */
export interface Prefixes<T> {
  /** Longest prefix first. */
  readonly entries: readonly Entry<T>[];
  /** The value for every path, where there is only `/`: nearly every host. */
  readonly only: T | undefined;
  /** The same as a tree, where there are many. */
  readonly root: Segment<T> | null;
}

// Measured: up to here trying one after the other is the fastest; from about 16 on walking the segments is.
const mostInArray = 8;

const nobody: readonly never[] = [];

export const noPrefixes: Prefixes<never> = { entries: [], only: undefined, root: null };

/** With `value` under `path`, behind those that are there already. */
export function addPrefix<T>({ entries }: Prefixes<T>, path: string, value: T): Prefixes<T> {
  const prefix = toPrefix(path);
  const known = entries.find((entry) => entry.prefix === prefix);
  if (known === undefined) return toPrefixes([...entries, { prefix, value, waiting: nobody }]);
  return toPrefixes(
    entries.map((entry) => (entry === known ? { ...entry, waiting: [...entry.waiting, value] } : entry)),
  );
}

/** Without one `value` under `path`; the next that waits there takes its place. */
export function deletePrefix<T>({ entries }: Prefixes<T>, path: string, value: T): Prefixes<T> {
  const prefix = toPrefix(path);
  return toPrefixes(
    entries.flatMap((entry) => {
      if (entry.prefix !== prefix) return [entry];
      const values = [entry.value, ...entry.waiting];
      const at = values.indexOf(value);
      if (at !== -1) values.splice(at, 1);
      const [first, ...waiting] = values;
      return first === undefined ? [] : [{ prefix, value: first, waiting }];
    }),
  );
}

/** The value under the longest prefix of `path` that ends where a segment of it ends. */
export function matchPrefix<T>({ entries, only, root }: Prefixes<T>, path: string): T | undefined {
  if (only !== undefined) return only;
  if (root !== null) return matchSegments(root, path);
  for (const entry of entries) if (isPrefixOf(entry.prefix, path)) return entry.value;
  return undefined;
}

function toPrefixes<T>(unsorted: readonly Entry<T>[]): Prefixes<T> {
  const entries = unsorted.toSorted((a, b) => b.prefix.length - a.prefix.length);
  const [first, ...others] = entries;
  const only = first !== undefined && others.length === 0 && first.prefix === "" ? first.value : undefined;
  return { entries, only, root: entries.length > mostInArray ? toSegments(entries) : null };
}

function toPrefix(path: string): string {
  return path.endsWith("/") ? path.slice(0, -1) : path;
}

function isPrefixOf(prefix: string, path: string): boolean {
  if (prefix === "") return true;
  return path.startsWith(prefix) && (path.length === prefix.length || path[prefix.length] === "/");
}

function toSegments<T>(entries: readonly Entry<T>[]): Segment<T> {
  const root: Segment<T> = { value: undefined, next: new Map() };
  for (const { prefix, value } of entries) {
    let segment = root;
    // The part before the first slash is empty: the root stands for it.
    for (const name of prefix.split("/").slice(1)) {
      const next = segment.next.get(name) ?? { value: undefined, next: new Map() };
      segment.next.set(name, next);
      segment = next;
    }
    segment.value = value;
  }
  return root;
}

/** Stops at the first segment no prefix has: a client's endless path costs no more than our deepest prefix. */
function matchSegments<T>(root: Segment<T>, path: string): T | undefined {
  let found = root.value;
  let segment = root;
  let from = 1;
  while (from <= path.length && segment.next.size > 0) {
    const slash = path.indexOf("/", from);
    const end = slash === -1 ? path.length : slash;
    const next = segment.next.get(path.slice(from, end));
    if (next === undefined) break;
    segment = next;
    found = next.value ?? found;
    from = end + 1;
  }
  return found;
}
