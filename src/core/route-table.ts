import { createHostMap } from "./host-map.ts";
import { addPrefix, deletePrefix, matchPrefix, noPrefixes } from "./path-prefixes.ts";
import type { Prefixes } from "./path-prefixes.ts";

/**
 * Finds a value by host and path (design §8.1). Among everything that matches, the most specific host wins: exact,
 * `*.x` (one label), `**.x` (any number of labels, the longest `x` first), `*`; then the longest path prefix. A host
 * whose prefixes do not match this path leaves the request to the next less specific one.
 *
 * Hosts match without regard to case, port and trailing dot. Paths are compared as sent, on segment boundaries: `%2F` is
 * no boundary, `//` holds an empty segment, and `..` is a segment like any other, so no spelling of a path reaches a
 * prefix that the path does not literally start with. What decoding would make of it is the upstream's business.
 */
export interface RouteTable<T> {
  /** Where host and path are taken already, the earlier value stays in front until it is deleted. */
  add(hosts: readonly string[], path: string, value: T): void;
  /** Undoes `add` with the same arguments; what was never added is ignored. */
  delete(hosts: readonly string[], path: string, value: T): void;
  /** `host` as sent; `path` raw, starting with `/`, without query. Remembers nothing about hosts it does not know. */
  match(host: string, path: string): T | undefined;
}

/** One map per kind of pattern, so that a client's literal `*.x` in Host meets none of them. Keys are the `x`. */
type HostKind = "exact" | "oneLabel" | "anyDepth" | "all";
type Hosts<T> = Map<string, Prefixes<T>>;

// RFC 1035 §2.3.4. Bounds the work a long Host header full of dots could cause.
const longestHost = 253;

/** An empty table. Lookups cost the same however many hosts there are. */
export function createRouteTable<T extends object>(): RouteTable<T> {
  const hosts: Record<HostKind, Hosts<T>> = {
    exact: new Map(),
    oneLabel: new Map(),
    anyDepth: new Map(),
    all: new Map(),
  };
  const { exact } = hosts;
  /**
   * Values of exact hosts that have one for all their paths, nearly all of them: one step less per request, and nothing
   * else is kept of those hosts.
   */
  const sole = createHostMap<T>();

  const change = (pattern: string, edit: (prefixes: Prefixes<T>) => Prefixes<T>): void => {
    const [kind, key] = toKey(pattern);
    const only = kind === "exact" ? sole.get(key) : undefined;
    const before = only === undefined ? hosts[kind].get(key) : addPrefix(noPrefixes, "/", only);
    const after = edit(before ?? noPrefixes);
    const alone = kind === "exact" ? toSole(after) : undefined;
    if (kind === "exact") sole.delete(key);
    if (alone !== undefined) sole.set(key, alone);
    if (alone !== undefined || after.entries.length === 0) hosts[kind].delete(key);
    else hosts[kind].set(key, after);
  };
  const matchExact = (name: string, path: string): T | undefined => {
    const only = sole.get(name);
    if (only !== undefined) return only;
    return matchIn(exact, name, path);
  };

  return {
    add(patterns, path, value) {
      for (const pattern of patterns) change(pattern, (prefixes) => addPrefix(prefixes, path, value));
    },
    delete(patterns, path, value) {
      for (const pattern of patterns) change(pattern, (prefixes) => deletePrefix(prefixes, path, value));
    },
    match(host, path) {
      // Nearly every request names its host in the very form we keep: normalise only what is not found.
      const found = matchExact(host, path);
      if (found !== undefined) return found;
      const name = normaliseHost(host);
      return matchExact(name, path) ?? matchPatterns(hosts, name, path);
    },
  };
}

/** The value where it is the only one, under `/`. */
function toSole<T>({ entries, only }: Prefixes<T>): T | undefined {
  return entries[0]?.waiting.length === 0 ? only : undefined;
}

function matchPatterns<T>(hosts: Record<HostKind, Hosts<T>>, name: string, path: string): T | undefined {
  const found = name.length <= longestHost ? matchSuffixes(hosts, name, path) : undefined;
  return found ?? matchIn(hosts.all, "", path);
}

function matchSuffixes<T>(hosts: Record<HostKind, Hosts<T>>, name: string, path: string): T | undefined {
  let dot = name.indexOf(".");
  // A wildcard stands for at least one character.
  if (dot <= 0) return undefined;
  const found = matchIn(hosts.oneLabel, name.slice(dot + 1), path);
  if (found !== undefined || hosts.anyDepth.size === 0) return found;
  for (; dot !== -1; dot = name.indexOf(".", dot + 1)) {
    const deeper = matchIn(hosts.anyDepth, name.slice(dot + 1), path);
    if (deeper !== undefined) return deeper;
  }
  return undefined;
}

function matchIn<T>(hosts: Hosts<T>, key: string, path: string): T | undefined {
  const prefixes = hosts.get(key);
  return prefixes && matchPrefix(prefixes, path);
}

function toKey(host: string): readonly [HostKind, string] {
  if (host === "*") return ["all", ""];
  if (host.startsWith("**.")) return ["anyDepth", normaliseHost(host.slice(3))];
  if (host.startsWith("*.")) return ["oneLabel", normaliseHost(host.slice(2))];
  return ["exact", normaliseHost(host)];
}

/**
 * A Host header in the form routes keep: lower case, no port, no trailing dot; IPv6 addresses stay in their brackets,
 * and get them where they come without.
 */
export function normaliseHost(host: string): string {
  const lower = host.toLowerCase();
  if (lower.startsWith("[")) return lower.slice(0, lower.indexOf("]") + 1) || lower;
  const colon = lower.indexOf(":");
  if (colon !== lower.lastIndexOf(":")) return `[${lower}]`;
  const name = colon === -1 ? lower : lower.slice(0, colon);
  return name.endsWith(".") ? name.slice(0, -1) : name;
}
