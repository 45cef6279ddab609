import type { Route } from "../core/route.ts";
import { toRouteContext } from "../core/route-context.ts";

/**
 * Headers of an allow, as names and values in turn: node:http writes those with less ado than an object. `named`:
 * `?route=` named the route, so the proxy may be told where it leads.
 */
export function allowHeaders(route: Route, named: boolean): string[] {
  const name = (route.headerName ??= toHeader(route.spec.alias));
  const upstream = named ? toRouteContext(route) : null;
  if (upstream === null) return ["content-length", "0", "x-nodoff-route", name, "x-nodoff-state", "ready"];
  const upstreamHeader = ["x-nodoff-upstream", upstream.address];
  return ["content-length", "0", "x-nodoff-route", name, "x-nodoff-state", "ready", ...upstreamHeader];
}

/** A header takes no other characters, a container's name may have them. */
function toHeader(alias: string): string {
  const encoded = encodeURI(alias);
  // One string for both, where they are equal: nearly always.
  return encoded === alias ? alias : encoded;
}
