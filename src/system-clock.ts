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

/** As `systemClock`, but its timers keep the process alive: for commands that have nothing else while they wait. */
export const waitingClock: Clock = {
  ...systemClock,
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
