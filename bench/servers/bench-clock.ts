import type { Clock } from "../../src/core/clock.ts";
import { systemClock } from "../../src/system-clock.ts";

/** The machine's clock, which says how long each idle sweep took and can keep background work out of a measurement. */
export interface BenchClock extends Clock {
  /** Durations in ms of the sweeps since the last time it was asked. */
  sweeps(): readonly number[];
  /** From now on timers of a minute and more wait for `release`: what nodoff does by the minute no request causes. */
  hold(): void;
  /** Runs them all, due or not; from then on they run as ever. */
  release(): void;
}

const minuteMs = 60_000;

export function createBenchClock(): BenchClock {
  const tookMs: number[] = [];
  const byTheMinute = new Set<() => void>();
  let isHeld = false;

  const timed = (run: () => void) => () => {
    const begun = performance.now();
    run();
    tookMs.push(performance.now() - begun);
  };
  const holdable = (delayMs: number, run: () => void): (() => void) => {
    const end = (): void => {
      cancel();
      byTheMinute.delete(now);
    };
    const now = (): void => {
      end();
      run();
    };
    const cancel = systemClock.after(delayMs, () => {
      if (!isHeld) now();
    });
    byTheMinute.add(now);
    return end;
  };

  return {
    ...systemClock,
    after(delayMs, run) {
      if (delayMs >= minuteMs) return holdable(delayMs, run);
      return systemClock.after(delayMs, run.name === "sweep" ? timed(run) : run);
    },
    sweeps: () => tookMs.splice(0),
    hold() {
      isHeld = true;
    },
    release() {
      isHeld = false;
      for (const run of new Set(byTheMinute)) run();
    },
  };
}
