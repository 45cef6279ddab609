import type { PreparedAllow, Route } from "../core/route.ts";

/**
 * Headers of an allow, made once per route: the path that every request of an awake service takes. `named`: `?route=`
 * named the route, so the proxy may be told where it leads.
 */
export function allowHeaders(route: Route, named: boolean): Readonly<Record<string, string>> {
  const prepared = (route.prepared ??= prepare(route.spec.alias));
  if (!named) return prepared.plain;
  const upstream = route.upstream();
  if (prepared.named === null || prepared.upstream !== upstream) {
    prepared.upstream = upstream;
    prepared.named = upstream === null ? prepared.plain : { ...prepared.plain, "x-nodoff-upstream": upstream };
  }
  return prepared.named;
}

function prepare(alias: string): PreparedAllow {
  const plain = {
    "content-length": "0",
    // A header takes no other characters, a container's name may have them.
    "x-nodoff-route": encodeURI(alias),
    "x-nodoff-state": "ready",
  };
  return { plain, upstream: null, named: null };
}
