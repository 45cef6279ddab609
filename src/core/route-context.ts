import type { Route } from "./route.ts";

/** Where a route leads right now, in the pieces people and programs ask for. */
export interface RouteContext {
  readonly alias: string;
  /** Name of what serves it, for people: its workload's, else its host. */
  readonly upstreamName: string;
  readonly scheme: string;
  /** Without the brackets of IPv6: as sockets take it. */
  readonly host: string;
  readonly port: number;
  /** As URLs have it: IPv6 in brackets. */
  readonly hostPort: string;
  /** `scheme://host:port` as it was given. */
  readonly address: string;
  readonly url: URL;
}

const defaultPorts: Readonly<Record<string, number>> = { http: 80, h2c: 80, https: 443 };

/** null where the address is not known, or is none. */
export function toRouteContext(route: Pick<Route, "spec" | "workload" | "upstream">): RouteContext | null {
  const address = route.upstream();
  const url = address === null ? null : URL.parse(address);
  if (address === null || url === null || url.hostname === "") return null;
  const scheme = url.protocol.slice(0, -1);
  const port = url.port === "" ? (defaultPorts[scheme] ?? 0) : Number(url.port);
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const upstreamName = route.workload?.spec.displayName ?? host;
  return {
    alias: route.spec.alias,
    upstreamName,
    scheme,
    host,
    port,
    hostPort: `${url.hostname}:${port}`,
    address,
    url,
  };
}
