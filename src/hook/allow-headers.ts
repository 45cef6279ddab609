import type { Route } from "../core/route.ts";

/**
 * Headers of an allow, made once per route: the path that every request of an awake service takes. `named`: `?route=`
 * named the route, so the proxy may be told where it leads.
 */
export function allowHeaders(route: Route, named: boolean): Readonly<Record<string, string>> {
  const plain = (route.allowHeaders ??= toHeaders(route.spec.alias));
  if (!named) return plain;
  const upstream = route.upstream();
  if (route.namedAllow === null || route.namedAllow.upstream !== upstream) {
    const headers = upstream === null ? plain : { ...plain, "x-nodoff-upstream": upstream };
    route.namedAllow = { upstream, headers };
  }
  return route.namedAllow.headers;
}

function toHeaders(alias: string): Readonly<Record<string, string>> {
  return {
    "content-length": "0",
    // A header takes no other characters, a container's name may have them.
    "x-nodoff-route": encodeURI(alias),
    "x-nodoff-state": "ready",
  };
}
