import type { IncomingMessage, ServerResponse } from "node:http";
import type { ErrorCode } from "../core/errors.ts";
import { isProbe, type RequestFacts } from "../core/gate.ts";
import type { Route, RouteRegistry } from "../core/route.ts";
import type { PortRoutes } from "./port-routes.ts";
import { toPeer } from "./peer.ts";
import type { TrustDeps } from "./peer.ts";
import type { Outgoing } from "./request-headers.ts";
import { toTarget } from "./target.ts";
import type { Target } from "./target.ts";

export interface EntranceDeps extends TrustDeps {
  readonly registry: RouteRegistry;
  /** The routes there are at this port; left out: all routes by their hosts. */
  readonly only?: PortRoutes;
  /** Addresses of other gateways that nodoff answers at itself; left out: none. */
  readonly names?: NameDoor;
  /** A catch-all behind another proxy: routes that only that proxy serves are found, too. */
  readonly isFallback?: boolean;
}

/** Says which addresses are nodoff's own besides `/.nodoff/…`, and answers them. */
export interface NameDoor {
  answers(path: string, query: string): boolean;
  serve(req: IncomingMessage, res: ServerResponse, asked: Named): void;
}

/** A request to such an address. */
export interface Named {
  readonly path: string;
  /** With its `?`, or empty. */
  readonly query: string;
  readonly host: string;
  /** undefined = no route has this host. */
  readonly route: Route | undefined;
  readonly client: string;
  readonly proto: "http" | "https";
}

/** What a request turned out to be. */
export type Entrance =
  | { readonly kind: "refused"; readonly code: ErrorCode }
  /** For the page channel below `/.nodoff/`. */
  | { readonly kind: "reserved"; readonly route: Route; readonly client: string }
  | ({ readonly kind: "name" } & Named)
  | { readonly kind: "route"; readonly route: Route; readonly facts: RequestFacts; readonly outgoing: Outgoing };

/** Finds the route of a request and what the gate must know of it. No side effects. */
export function enter(req: IncomingMessage, upgrade: boolean, deps: EntranceDeps): Entrance {
  const target = toTarget(req);
  if (target === null) return { kind: "refused", code: "BAD_REQUEST" };
  const { host, path } = target;
  if (path.startsWith("/.nodoff/")) {
    const route = findReserved(deps, target);
    if (route === undefined) return { kind: "refused", code: "UNKNOWN_ROUTE" };
    return { kind: "reserved", route, client: toPeer(req, deps).client ?? "" };
  }
  const route = findServed(deps, host, path);
  if (isOddName(path) && deps.names?.answers(path, target.query) === true && !isAppsOwn(route)) {
    const { client, proto } = toPeer(req, deps);
    return { kind: "name", ...target, route: findReserved(deps, target), client: client ?? "", proto };
  }
  if (route === undefined) return { kind: "refused", code: "UNKNOWN_ROUTE" };
  const peer = toPeer(req, deps);
  const facts: RequestFacts = {
    method: req.method ?? "GET",
    host,
    path,
    query: target.query,
    proto: peer.proto,
    client: peer.client,
    upgrade,
    probe: isProbe(req.headers["x-nodoff-probe"]),
    headers: req.headers,
  };
  return { kind: "route", route, facts, outgoing: { target, peer, spec: route.spec } };
}

/** `/_…` or `/$…`: how all of those addresses begin. Asked per request. */
function isOddName(path: string): boolean {
  const first = path.charCodeAt(1);
  return first === 95 || first === 36;
}

/** A route for this very path says that the app behind it has the name itself. */
function isAppsOwn(route: Route | undefined): boolean {
  return route !== undefined && route.spec.path !== "/";
}

function findServed({ registry, only, isFallback }: EntranceDeps, host: string, path: string): Route | undefined {
  if (only !== undefined) return only.match(host, path);
  const route = registry.match(host, path);
  if (route === undefined || route.spec.excluded) return undefined;
  return route.spec.served || isFallback === true ? route : undefined;
}

/** A page names its route, which may lie below a path that `/.nodoff/` is not in; but only one of this very host. */
function findReserved(deps: EntranceDeps, { host, path, query }: Target): Route | undefined {
  const { registry, only } = deps;
  if (only?.sole !== undefined) return only.sole;
  const alias = new URLSearchParams(query).get("route");
  const named = alias === null ? undefined : (only ?? registry).get(alias);
  if (named !== undefined && findServed(deps, host, named.spec.path) === named) return named;
  return findServed(deps, host, path);
}
