import { createRouteTable } from "../core/route-table.ts";
import type { Route, RouteRegistry } from "../core/route.ts";
import type { RouteSpec } from "../core/spec.ts";

/** The routes of one port of its own. */
export interface PortRoutes {
  match(host: string, path: string): Route | undefined;
  /** By alias, if it is one of them. */
  get(alias: string): Route | undefined;
  /** The only one there is; undefined = there are several. */
  readonly sole: Route | undefined;
}

/**
 * One route alone answers whatever the host. Where several share a port, each answers at its hosts, and one without
 * hosts at all others.
 */
export function createPortRoutes(registry: RouteRegistry, specs: readonly RouteSpec[]): PortRoutes {
  const aliases = new Set(specs.map(({ alias }) => alias));
  const table = createRouteTable<{ readonly alias: string }>();
  const isAlone = specs.length === 1;
  for (const { alias, hosts, path } of specs) table.add(isAlone || hosts.length === 0 ? ["*"] : hosts, path, { alias });
  // Routes are replaced while their ports stay open.
  const get = (alias: string): Route | undefined => {
    const route = aliases.has(alias) ? registry.get(alias) : undefined;
    return route?.spec.excluded === true ? undefined : route;
  };
  return {
    match(host, path) {
      const found = table.match(host, path);
      return found === undefined ? undefined : get(found.alias);
    },
    get,
    get sole() {
      const [alias] = isAlone ? aliases : [];
      return alias === undefined ? undefined : get(alias);
    },
  };
}
