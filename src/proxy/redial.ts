import type { Clock } from "../core/clock.ts";
import type { Route } from "../core/route.ts";
import { isWorthRedialing } from "../net/upstream-error.ts";

/** How long connecting is tried again, from the first failure. */
const limitMs = 2_000;
const firstGapMs = 25;
const maxGapMs = 400;

/** The tries to connect for one request. */
export interface Redial {
  /** Whether `run` will try once more after this failure; asked only while nothing was sent. */
  again(error: unknown, origin: string, run: () => void): boolean;
  /** Where it failed already: for `Route.upstream`. undefined = nowhere yet. */
  readonly passed: ReadonlySet<string> | undefined;
}

/**
 * Decides about trying to connect once more. For routes with a workload: one that has just been woken may refuse or be
 * unknown to the resolver for a moment; and for those with several upstreams, where the next one is tried.
 */
export function createRedial(route: Route, clock: Clock): Redial {
  let deadline: number | null = null;
  let gapMs = firstGapMs;
  let passed: Set<string> | undefined;
  return {
    get passed() {
      return passed;
    },
    again(error, origin, run) {
      const isAlone = route.workload === null && (route.spec.upstreams?.length ?? 1) < 2;
      if (isAlone || !isWorthRedialing(error)) return false;
      deadline ??= clock.now() + limitMs;
      if (clock.now() + gapMs > deadline) return false;
      (passed ??= new Set()).add(origin);
      clock.after(gapMs, run);
      gapMs = Math.min(gapMs * 2, maxGapMs);
      return true;
    },
  };
}
