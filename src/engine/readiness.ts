import type { Clock } from "../core/clock.ts";
import type { ProbeTarget, Prober } from "../core/prober.ts";

export interface ProbingDeps {
  readonly clock: Clock;
  readonly prober: Prober;
}

export interface ProbingOptions {
  /** `eager` for somebody who waits, `slow` (every 5 s) for late readiness. */
  readonly pace: "eager" | "slow";
  readonly signal: AbortSignal;
  /** Called with what each failed probe saw. */
  readonly onMiss?: (detail: string) => void;
}

const inFlightMax = 4;
const slowGapMs = 5_000;

/** Time to the next probe: 5 % of what has passed, 20 to 250 ms for 30 s, then 1 s (facts: performance.md §4). */
export function probeGapMs(elapsedMs: number): number {
  if (elapsedMs >= 30_000) return 1_000;
  return Math.min(250, Math.max(20, elapsedMs * 0.05));
}

/** How long one probe may take. Short: a port relay can swallow the first connection for a second. */
export function probePatienceMs(gapMs: number): number {
  return Math.max(150, 3 * gapMs);
}

/**
 * Probes until one succeeds: overlapping, at most 4 in flight, so that a connected but silent one delays nobody.
 * Resolves true at the first success (the others are destroyed), false when `signal` aborts.
 */
export function probeUntilReady(target: ProbeTarget, deps: ProbingDeps, options: ProbingOptions): Promise<boolean> {
  const { clock, prober } = deps;
  const { signal, pace } = options;
  if (signal.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const begun = clock.now();
    const done = new AbortController();
    let inFlight = 0;
    let due = false;
    let cancelTimer = (): void => undefined;

    const finish = (ready: boolean): void => {
      if (done.signal.aborted) return;
      done.abort();
      cancelTimer();
      signal.removeEventListener("abort", abandon);
      resolve(ready);
    };
    const abandon = (): void => finish(false);
    const tick = (): void => {
      if (inFlight >= inFlightMax) {
        due = true;
        return;
      }
      due = false;
      const gap = pace === "slow" ? slowGapMs : probeGapMs(clock.now() - begun);
      cancelTimer = clock.after(gap, tick);
      inFlight++;
      void prober.probe(target, { patienceMs: probePatienceMs(gap), signal: done.signal }).then((result) => {
        inFlight--;
        if (result.ok) return finish(true);
        if (done.signal.aborted) return;
        options.onMiss?.(result.detail);
        if (due) tick();
      });
    };
    signal.addEventListener("abort", abandon, { once: true });
    tick();
  });
}
