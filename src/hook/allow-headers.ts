import type { PreparedAllow, Route } from "../core/route.ts";

/**
 * Headers of an allow, made once per route: the path that every request of an awake service takes. `named`: `?route=`
 * named the route, so the proxy may be told where it leads.
 */
export function allowHeaders(route: Route, named: boolean): Readonly<Record<string, string>> {
  const { prepared } = route;
  if (prepared !== null && !named) return prepared.plain;
  const upstream = route.upstream();
  if (prepared !== null && prepared.upstream === upstream) return prepared.named;
  const made = prepare(route.spec.alias, upstream);
  route.prepared = made;
  return named ? made.named : made.plain;
}

function prepare(alias: string, upstream: string | null): PreparedAllow {
  const plain = Object.freeze({
    "content-length": "0",
    // A header takes no other characters, a container's name may have them.
    "x-nodoff-route": encodeURI(alias),
    "x-nodoff-state": "ready",
  });
  const named = upstream === null ? plain : Object.freeze({ ...plain, "x-nodoff-upstream": upstream });
  return { upstream, plain, named };
}
