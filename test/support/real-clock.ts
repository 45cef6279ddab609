import type { Clock } from "../../src/core/clock.ts";

/** The machine's time, for tests with real engines. Unlike the app's, its timers keep the test alive. */
export const realClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
