import type { Route } from "../core/route.ts";
import type { StateName } from "../core/state.ts";
import { type PublicStep, toSteps } from "../core/steps.ts";

/** The answer of `/.nodoff/health` and `/.nodoff/wait` (contract "Page channel"). */
export interface RouteStatus {
  readonly status: "starting" | "running" | "failed";
  readonly state: StateName;
  readonly eta_ms: number | null;
}

/** A route without a workload always runs. */
export function toRouteStatus({ workload }: Route): RouteStatus {
  if (workload === null) return { status: "running", state: "ready", eta_ms: null };
  const { state } = workload;
  const { etaMs } = workload.view();
  return { status: toStatus(state), state, eta_ms: etaMs === null ? null : Math.round(etaMs) };
}

/** The answer of `/.nodoff/steps`: the same, and what is done and what is not yet. */
export interface RouteProgress extends RouteStatus {
  readonly steps: readonly PublicStep[];
}

export function toRouteProgress(route: Route): RouteProgress {
  const { workload } = route;
  return { ...toRouteStatus(route), steps: workload === null ? [] : toSteps(workload.spec, workload.view()) };
}

/** The state to show of a route; one without a workload never sleeps. */
export function stateOf({ workload }: Route): StateName {
  return workload === null ? "ready" : workload.state;
}

function toStatus(state: StateName): RouteStatus["status"] {
  if (state === "ready") return "running";
  return state === "error" || state === "gone" ? "failed" : "starting";
}
