import type { Route } from "./route.ts";

/** An upstream's address in the pieces people and programs ask for. */
export interface UpstreamAddress {
  readonly scheme: string;
  /** Without the brackets of IPv6: as sockets take it. */
  readonly host: string;
  /** 0 where neither the address nor its scheme names one. */
  readonly port: number;
  /** As URLs have it: IPv6 in brackets. */
  readonly hostPort: string;
  /** `scheme://host:port` as it was given. */
  readonly address: string;
  readonly url: URL;
}

/** Where a route leads right now. */
export interface RouteContext extends UpstreamAddress {
  readonly alias: string;
  /** Name of what serves it, for people: its workload's, else its host. */
  readonly upstreamName: string;
}

const defaultPorts: Readonly<Record<string, number>> = { http: 80, h2c: 80, https: 443 };

/** null where it is no address. */
export function parseUpstream(address: string): UpstreamAddress | null {
  const url = URL.parse(address);
  if (url === null || url.hostname === "") return null;
  const scheme = url.protocol.slice(0, -1);
  const port = url.port === "" ? (defaultPorts[scheme] ?? 0) : Number(url.port);
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return { scheme, host, port, hostPort: `${url.hostname}:${port}`, address, url };
}

/** The latest of each route: doors ask per request, an address changes with a start. */
const latest = new WeakMap<object, RouteContext>();

/** null where the address is not known, or is none. `passed` as in `Route.upstream`. */
export function toRouteContext(
  route: Pick<Route, "spec" | "workload" | "upstream">,
  passed?: ReadonlySet<string>,
): RouteContext | null {
  const address = route.upstream(passed);
  if (address === null) return null;
  const known = latest.get(route);
  if (known?.address === address) return known;
  const upstream = parseUpstream(address);
  if (upstream === null) return null;
  const upstreamName = route.workload?.spec.displayName ?? upstream.host;
  const context = { ...upstream, alias: route.spec.alias, upstreamName };
  latest.set(route, context);
  return context;
}
