import type { Route } from "../core/route.ts";
import { toRouteContext } from "../core/route-context.ts";

/**
 * Headers of an allow, as names and values in turn: node:http writes those with less ado than an object. `named`:
 * `?route=` named the route, so the proxy may be told where it leads.
 */
export function allowHeaders(route: Route, named: boolean): string[] {
  const name = (route.headerName ??= toHeader(route.spec.alias));
  const upstream = named ? toRouteContext(route) : null;
  if (upstream === null) {
    const headers = ["content-length", "0", "x-nodoff-route", name, "x-nodoff-state", "ready"];
    return isLasting(route, named) ? headers : [...headers, "x-accel-expires", "0"];
  }
  const upstreamHeader = ["x-nodoff-upstream", upstream.address];
  return ["content-length", "0", "x-nodoff-route", name, "x-nodoff-state", "ready", ...upstreamHeader];
}

/**
 * Whether a proxy may keep the answer for a moment, as nginx does with the kit's "cached". Not what was allowed in doubt,
 * before the first look; nor an answer that lacks the address it may have been asked for.
 */
function isLasting({ workload }: Route, named: boolean): boolean {
  return workload === null || (workload.allow && !named);
}

/** A header takes no other characters, a container's name may have them. */
function toHeader(alias: string): string {
  const encoded = encodeURI(alias);
  // One string for both, where they are equal: nearly always.
  return encoded === alias ? alias : encoded;
}
