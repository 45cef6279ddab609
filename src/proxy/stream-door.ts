import type { Clock } from "../core/clock.ts";
import { NodoffError } from "../core/errors.ts";
import type { Gate, RequestFacts } from "../core/gate.ts";
import type { InFlight } from "../core/in-flight.ts";
import type { Logger } from "../core/logger.ts";
import type { Route, RouteRegistry } from "../core/route.ts";
import type { StreamSpec } from "../core/spec.ts";
import type { Dialed } from "../net/dialed.ts";
import { addressMatcher } from "../net/trust.ts";
import { toUpstreamFailure } from "../net/upstream-error.ts";

export interface StreamDeps {
  readonly registry: RouteRegistry;
  readonly gate: Gate;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly inFlight: InFlight;
  readonly isTrusted: (address: string | undefined) => boolean;
  /** Learns of each connection made; left out, nobody asks whose they are. */
  readonly dialed?: Pick<Dialed, "add">;
}

/** A TCP or UDP route as it is now; null = it is gone, or not to be served. */
export function toStreamRoute(
  registry: RouteRegistry,
  alias: string,
): { readonly route: Route; readonly stream: StreamSpec } | null {
  const route = registry.get(alias);
  const stream = route?.spec.stream;
  if (route === undefined || stream === undefined || route.spec.excluded) return null;
  return { route, stream };
}

const matchers = new WeakMap<readonly string[], (address: string) => boolean>();

/** Whether the route's `allow` lets this client in. */
export function isAllowed({ allow }: StreamSpec, client: string | null): boolean {
  if (allow.length === 0) return true;
  if (client === null) return false;
  const matches = matchers.get(allow) ?? addressMatcher(allow);
  matchers.set(allow, matches);
  return matches(client);
}

/** What the gate is told of a connection: neither a browser nor a monitor, so it wakes and is held. */
export function toStreamFacts(client: string | null): RequestFacts {
  return {
    method: "CONNECT",
    host: "",
    path: "/",
    query: "",
    proto: "http",
    client,
    upgrade: true,
    probe: false,
    headers: {},
  };
}

/** What both kinds say where a route has no address. */
export function noAddress(): NodoffError {
  return new NodoffError("UPSTREAM_FAILED", "the upstream has no address");
}

/** Ready, and yet not there: says so, and has the workload looked at. */
export function noteStreamFailure(route: Route, error: unknown, logger: Logger): void {
  const { code, detail } = toUpstreamFailure(error);
  logger.warn("upstream failed", { alias: route.spec.alias, code, detail });
  route.workload?.recheck();
}
