import type { Route } from "../core/route.ts";

/** Headers of an allow, made once per route: the path that every request of an awake service takes. */
export interface AllowHeaders {
  /** `named`: `?route=` named the route, so the proxy may be told where it leads. */
  of(route: Route, named: boolean): Readonly<Record<string, string>>;
}

interface Prepared {
  readonly upstream: string | null;
  readonly plain: Readonly<Record<string, string>>;
  readonly named: Readonly<Record<string, string>>;
}

export function createAllowHeaders(): AllowHeaders {
  const prepared = new WeakMap<Route, Prepared>();
  return {
    of(route, named) {
      const known = prepared.get(route);
      if (!named && known !== undefined) return known.plain;
      const upstream = route.upstream();
      if (known !== undefined && known.upstream === upstream) return known.named;
      const made = prepare(route.spec.alias, upstream);
      prepared.set(route, made);
      return named ? made.named : made.plain;
    },
  };
}

function prepare(alias: string, upstream: string | null): Prepared {
  const plain = Object.freeze({
    "content-length": "0",
    // A header takes no other characters, a container's name may have them.
    "x-nodoff-route": encodeURI(alias),
    "x-nodoff-state": "ready",
  });
  return {
    upstream,
    plain,
    named: upstream === null ? plain : Object.freeze({ ...plain, "x-nodoff-upstream": upstream }),
  };
}
