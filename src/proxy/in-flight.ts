import type { Clock } from "../core/clock.ts";
import type { InFlight } from "../core/in-flight.ts";
import type { Route, RouteRegistry } from "../core/route.ts";

/** What is carried now per workload, summed over its routes when asked: one pass over all routes. */
export function createInFlight(registry: RouteRegistry): InFlight {
  return {
    count(workload) {
      let sum = 0;
      for (const { spec, inFlight } of registry.routes()) if (spec.workload === workload) sum += inFlight;
      return sum;
    },
  };
}

/**
 * Counts one request, socket or stream as use of its route from now until the answer is called; calling that again
 * does nothing. Touches the workload at both ends: a download that took an hour was use until its last byte.
 */
export function carry(route: Route, clock: Clock): () => void {
  let isCarried = true;
  route.inFlight++;
  route.workload?.touch(clock.now());
  return () => {
    if (!isCarried) return;
    isCarried = false;
    route.inFlight--;
    route.workload?.touch(clock.now());
  };
}
