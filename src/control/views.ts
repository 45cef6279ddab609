import type { Clock } from "../core/clock.ts";
import type { HealthView } from "../core/health.ts";
import type { HealthHistory } from "../core/health-history.ts";
import type { Failure } from "../core/errors.ts";
import type { JournalEvent } from "../core/journal.ts";
import type { Route } from "../core/route.ts";
import type { Reason } from "../core/verdict.ts";
import type { WorkloadHandle } from "../core/workload-handle.ts";
import type { ProviderStatus, RouteGuest, SignalStatus } from "./deps.ts";
import type {
  Event as EventBody,
  Health as HealthBody,
  History as HistoryBody,
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
    project: now.project,
    state: now.state,
    since: toTime(now.since),
    reasons: toReasons(now.reasons),
    last_used_at: toTimeOrNull(now.lastUsedAt),
    sleeps_at: toTimeOrNull(now.sleepsAt),
    woken_at: toTimeOrNull(now.wokenAt),
    eta_ms: now.etaMs === null ? null : Math.round(now.etaMs),
    next_try_at: toTimeOrNull(now.nextTryAt),
    pinned_until: toTimeOrNull(now.pinnedUntil),
    depends_on: [...now.dependsOn],
    dependants: [...now.dependants],
    error: toError(now.failure),
    sleeps: spec.sleeps,
    idle_timeout_ms: spec.idleTimeoutMs,
    stop_method: spec.stopMethod,
    dry_run: spec.dryRun,
    would_sleep_since: toTimeOrNull(now.wouldSleepSince),
    signals: context.signals.map(({ name, live, lastUsedAt, needs }) => ({
      name,
      live,
      last_used_at: toTimeOrNull(lastUsedAt),
      needs,
    })),
    routes: [...context.routes],
  };
}

export function toRouteBody(
  route: Route,
  {
    clock,
    health,
    guest,
    upstreams,
  }: {
    readonly clock: Clock;
    readonly health: HealthView | undefined;
    readonly guest: RouteGuest | null;
    readonly upstreams: readonly string[];
  },
): RouteBody {
  const { spec, workload, lastUsedAt } = route;
  return {
    alias: spec.alias,
    kind: spec.kind,
    hosts: [...spec.hosts],
    path: spec.path,
    provider: spec.source,
    workload: spec.workload,
    guest: guest === null ? null : { provider: guest.provider, node: guest.node, id: guest.id },
    upstreams: [...upstreams],
    excluded: spec.excluded,
    excluded_reason: spec.excluded ? "excluded by its configuration" : null,
    // Routes keep monotonic time, people read wall clock.
    last_used_at: lastUsedAt === Number.NEGATIVE_INFINITY ? null : toTime(clock.wall() - (clock.now() - lastUsedAt)),
    requests_total: route.requestsTotal,
    in_flight: route.inFlight,
    waiters: workload?.waiting ?? 0,
    health: toHealthBody(health, { detail: true }),
  };
}

/** undefined: nobody watches it. */
export function toHealthBody(view: HealthView | undefined, options: { readonly detail: boolean }): HealthBody {
  const uptimeMs = view?.uptimeMs ?? null;
  return {
    status: view?.status ?? "unknown",
    uptime_ms: uptimeMs === null ? null : Math.round(uptimeMs),
    latency_ms: toLatency(view?.latencyMs ?? null),
    last_seen_at: toTimeOrNull(view?.lastSeenAt ?? null),
    consecutive_failures: view?.consecutiveFailures ?? 0,
    detail: options.detail ? (view?.detail ?? null) : null,
  };
}

/** To a hundredth of a millisecond: the rest is noise. */
function toLatency(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 100) / 100;
}

export function toHistoryBody({ period, samples, healthy, napping }: HealthHistory): HistoryBody {
  return {
    period,
    samples: samples.map(({ at, status, latencyMs }) => ({
      at: toTime(at),
      status,
      latency_ms: toLatency(latencyMs),
    })),
    healthy,
    napping,
  };
}

export function toProviderBody({ name, type, connected, failure, workloads }: ProviderStatus): ProviderBody {
  return { name, type, connected, error: toError(failure), workloads };
}

export function toEventBody({ at, type, alias, message, failure }: JournalEvent): EventBody {
  return { at: toTime(at), type, alias, message, error: toError(failure ?? null) };
}

export function toReasons(reasons: readonly Reason[]): WorkloadBody["reasons"] {
  return reasons.map(({ signal, verdict, text }) => ({ signal, verdict, text }));
}

function toError(failure: Failure | null): { readonly code: string; readonly message: string } | null {
  return failure === null ? null : { code: failure.code, message: failure.message };
}

/** ISO 8601 of a wall clock time. */
export function toTime(wall: number): string {
  return new Date(wall).toISOString();
}

function toTimeOrNull(wall: number | null): string | null {
  return wall === null ? null : toTime(wall);
}
