import type { Clock } from "../core/clock.ts";
import type { Route } from "../core/route.ts";
import type { WorkloadHandle } from "../core/workload-handle.ts";
import type { ProviderStatus, RouteGuest, SignalStatus } from "./deps.ts";
import type {
  Health as HealthBody,
  Provider as ProviderBody,
  Route as RouteBody,
  Workload as WorkloadBody,
} from "./schema.ts";

/** What the API adds to a workload from elsewhere. */
export interface WorkloadContext {
  readonly signals: readonly SignalStatus[];
  /** Aliases of the routes that lead to it. */
  readonly routes: readonly string[];
}

export function toWorkloadBody(workload: WorkloadHandle, context: WorkloadContext): WorkloadBody {
  const { spec } = workload;
  const now = workload.view();
  return {
    alias: spec.alias,
    display_name: spec.displayName,
    provider: spec.provider,
    kind: spec.kind,
    ref: spec.ref,
    state: now.state,
    reasons: now.reasons.map(({ signal, verdict, text }) => ({ signal, verdict, text })),
    last_used_at: toTime(now.lastUsedAt),
    sleeps_at: toTime(now.sleepsAt),
    woken_at: toTime(now.wokenAt),
    eta_ms: now.etaMs === null ? null : Math.round(now.etaMs),
    next_try_at: toTime(now.nextTryAt),
    pinned_until: null,
    depends_on: [],
    dependants: [],
    error: now.failure === null ? null : { code: now.failure.code, message: now.failure.message },
    dry_run: false,
    signals: context.signals.map(({ name, live, lastUsedAt, needs }) => ({
      name,
      live,
      last_used_at: toTime(lastUsedAt),
      needs,
    })),
    routes: [...context.routes],
  };
}

export function toRouteBody(route: Route, clock: Clock, guest: RouteGuest | null): RouteBody {
  const { spec, workload, lastUsedAt } = route;
  const upstream = route.upstream();
  return {
    alias: spec.alias,
    kind: spec.kind,
    hosts: [...spec.hosts],
    path: spec.path,
    provider: spec.source,
    workload: spec.workload,
    guest: guest === null ? null : { provider: guest.provider, node: guest.node, id: guest.id },
    upstreams: upstream === null ? [] : [upstream],
    excluded: spec.excluded,
    excluded_reason: spec.excluded ? "excluded by its configuration" : null,
    // Routes keep monotonic time, people read wall clock.
    last_used_at: toTime(lastUsedAt === Number.NEGATIVE_INFINITY ? null : clock.wall() - (clock.now() - lastUsedAt)),
    requests_total: route.requestsTotal,
    in_flight: route.inFlight,
    waiters: workload?.waiting ?? 0,
    health: notWatched,
  };
}

/** Health as long as nobody checks it. */
const notWatched: HealthBody = {
  status: "unknown",
  uptime_ms: null,
  latency_ms: null,
  last_seen_at: null,
  consecutive_failures: 0,
  detail: null,
};

export function toProviderBody({ name, type, connected, failure, workloads }: ProviderStatus): ProviderBody {
  const error = failure === null ? null : { code: failure.code, message: failure.message };
  return { name, type, connected, error, workloads };
}

function toTime(wall: number | null): string | null {
  return wall === null ? null : new Date(wall).toISOString();
}
