import type { Route } from "../core/route.ts";
import type { StateName } from "../core/state.ts";

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

/** The state to show of a route; one without a workload never sleeps. */
export function stateOf({ workload }: Route): StateName {
  return workload === null ? "ready" : workload.state;
}

function toStatus(state: StateName): RouteStatus["status"] {
  if (state === "ready") return "running";
  return state === "error" || state === "gone" ? "failed" : "starting";
}
