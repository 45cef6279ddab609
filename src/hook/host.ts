import { normaliseHost } from "../core/route-table.ts";

/** Whether `host` (as sent) is one of a route's hosts; `*.x` is one label, `**.x` any number, `*` all. */
export function isOneOf(hosts: readonly string[], host: string): boolean {
  // As sent first: that is how nearly all of them arrive.
  if (hosts.includes(host)) return true;
  const name = normaliseHost(host);
  return hosts.some((pattern) => isHost(pattern, name));
}

function isHost(pattern: string, name: string): boolean {
  if (pattern === "*" || pattern === name) return true;
  if (pattern.startsWith("**.")) return name.endsWith(pattern.slice(2)) && name.length > pattern.length - 2;
  if (!pattern.startsWith("*.") || !name.endsWith(pattern.slice(1))) return false;
  const label = name.slice(0, name.length - pattern.length + 1);
  return label !== "" && !label.includes(".");
}
