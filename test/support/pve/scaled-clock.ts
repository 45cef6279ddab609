import type { Clock } from "../../../src/core/clock.ts";

/** The machine's time, `factor` times as fast. Its timers keep the test alive. */
export function scaledClock(factor: number): Clock {
  const wallAt = Date.now();
  const from = performance.now();
  const now = (): number => (performance.now() - from) * factor;
  return {
    now,
    wall: () => wallAt + now(),
    after(delayMs, run) {
      const timer = setTimeout(run, delayMs / factor);
      return () => clearTimeout(timer);
    },
  };
}
