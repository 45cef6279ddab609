import { normaliseHost } from "../core/route-table.ts";
import type { RouteSpec } from "../core/spec.ts";
import { isOneOf } from "./host.ts";

/**
 * `return=` as a link that may be followed: an absolute http(s) URL of this route, in the form the URL parser gave it;
 * null for anything else. What browsers and parsers read differently (backslashes, spaces, control characters,
 * userinfo) is refused rather than understood, so that nobody can be sent elsewhere.
 */
export function toReturnLink(value: string | null, route: RouteSpec, askedHost: string): string | null {
  if (value === null || !/^https?:\/\/[^/]/i.test(value) || /[\s\p{Cc}\\]/u.test(value)) return null;
  if (!URL.canParse(value)) return null;
  const url = new URL(value);
  if (url.username !== "" || url.password !== "" || /^[^/]*\/\/[^/?#]*@/.test(value)) return null;
  if (!isNamed(route.hosts, url.host, askedHost) || !isUnder(route.path, url.pathname)) return null;
  return url.href;
}

/** A route for every host (`*`, or none) names no host: then only the one that was asked is its own. */
function isNamed(hosts: readonly string[], host: string, askedHost: string): boolean {
  const named = hosts.filter((pattern) => pattern !== "*");
  if (isOneOf(named, host)) return true;
  return named.length === hosts.length && hosts.length > 0 ? false : normaliseHost(host) === normaliseHost(askedHost);
}

function isUnder(prefix: string, path: string): boolean {
  const base = prefix.endsWith("/") ? prefix.slice(0, -1) : prefix;
  return path === base || path.startsWith(`${base}/`);
}
