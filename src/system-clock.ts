import type { Clock } from "./core/clock.ts";

/** The machine's clock. Timers are unref'd: nothing here keeps the process alive. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs).unref();
    return () => clearTimeout(timer);
  },
};
