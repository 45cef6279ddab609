import type { Clock } from "../core/clock.ts";
import {
  type HealthInput,
  type HealthState,
  type HealthStatus,
  type HealthView,
  initialHealth,
  phaseMs,
} from "../core/health.ts";
import { createGathered, type Gathered } from "../core/health-history.ts";
import type { Route } from "../core/route.ts";
import type { StateName } from "../core/state.ts";
import type { TargetHealth } from "../core/target-health.ts";
import type { Checks } from "./round.ts";
import type { Scheduled } from "./schedule.ts";

/** One route under watch. Plain data: there may be 10,000 of them. */
export interface Watched extends Scheduled {
  route: Route;
  state: HealthState;
  /** State of its workload when it was last looked at; null = it has none. */
  workloadState: StateName | null;
  /** Place of its checks within the interval. */
  phase: number;
  /** Tries of the first check after a wake so far; null = it is over. */
  attempt: number | null;
  /** While checks cannot be made: not before this moment, unless the addresses are other ones than `slowFor`. */
  slowUntil: number;
  slowFor: string;
  latencyMs: number | null;
  /** Wall clock ms. */
  lastSeenAt: number | null;
  detail: string | null;
  readonly gathered: Gathered;
  /** Made when they are first run; dropped while it is not checked. */
  checks: Checks | null;
  /** Only where there are several targets. */
  targets: TargetHealth | null;
}

export function createWatched(route: Route, clock: Clock, down: boolean): Watched {
  return {
    route,
    state: initialHealth(clock.now(), down),
    workloadState: null,
    phase: phaseMs(route.spec.alias, route.spec.health.intervalMs),
    dueAt: Number.POSITIVE_INFINITY,
    attempt: null,
    slowUntil: Number.NEGATIVE_INFINITY,
    slowFor: "",
    running: null,
    waiting: [],
    latencyMs: null,
    lastSeenAt: null,
    detail: null,
    gathered: createGathered(clock.wall(), "unknown"),
    checks: null,
    targets: null,
  };
}

/** Whether a route is ever checked. */
export function isWatched({ spec }: Route): boolean {
  if (spec.excluded || spec.health.disabled) return false;
  // Without either it is the open door of a container whose labels are wrong.
  return [spec.workload, spec.upstream, spec.upstreams, spec.files].some((each) => each !== null && each !== undefined);
}

/** Whether a watched route is checked now: never what sleeps, is being woken or failed. */
export function isChecked({ workload }: Route): boolean {
  return workload === null || workload.state === "ready";
}

/** Health of a route nobody watches: what its workload does, and nothing of how it does. */
export function toUnwatchedView({ workload }: Route): HealthView {
  const status = workload === null ? "unknown" : statusByState[workload.state];
  return { status, uptimeMs: null, latencyMs: null, lastSeenAt: null, consecutiveFailures: 0, detail: null };
}

const statusByState = {
  unknown: "unknown",
  napping: "napping",
  starting: "starting",
  ready: "unknown",
  stopping: "napping",
  error: "error",
  gone: "stopped",
} as const satisfies Record<StateName, HealthStatus>;

/** What the state of its workload means for the health of a route. */
export function toInput({ workloadState }: Watched, before: StateName | null): HealthInput {
  switch (workloadState) {
    case null:
    case "unknown":
      return { type: "watch" };
    case "ready":
      return { type: before === "starting" ? "woken" : "watch" };
    case "starting":
      return { type: "waking" };
    case "napping":
    case "stopping":
      return { type: "asleep" };
    case "error":
      // A wake that fails is told as such; that it ends by itself while in use is an outage.
      return { type: "failed", alarm: before === "ready" };
    case "gone":
      return { type: "stopped" };
  }
}

export function toView({ state, latencyMs, lastSeenAt, detail }: Watched, now: number): HealthView {
  return {
    status: state.status,
    uptimeMs: state.status === "healthy" ? now - state.since : null,
    latencyMs,
    lastSeenAt,
    consecutiveFailures: state.bad,
    detail,
  };
}
