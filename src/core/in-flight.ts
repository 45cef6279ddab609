import type { Clock } from "./clock.ts";
import type { Route } from "./route.ts";

/** What our own proxy carries right now, by workload. Written per request, read by the verdict and metrics. */
export interface InFlight {
  /**
   * Counts one request, socket or stream as use of its route from now until the answer is called; calling that again
   * does nothing. Touches the workload at both ends: a download that took an hour was use until its last byte.
   */
  carry(route: Route): () => void;
  count(workload: string): number;
}

export function createInFlight(clock: Clock): InFlight {
  // By workload and not by route: a reload may replace the route under an open request.
  const counts = new Map<string, number>();
  const add = (alias: string | null, change: 1 | -1): void => {
    if (alias === null) return;
    const count = (counts.get(alias) ?? 0) + change;
    if (count === 0) counts.delete(alias);
    else counts.set(alias, count);
  };
  return {
    carry(route) {
      let isCarried = true;
      route.inFlight++;
      add(route.spec.workload, 1);
      route.workload?.touch(clock.now());
      return () => {
        if (!isCarried) return;
        isCarried = false;
        route.inFlight--;
        add(route.spec.workload, -1);
        route.workload?.touch(clock.now());
      };
    },
    count: (workload) => counts.get(workload) ?? 0,
  };
}
