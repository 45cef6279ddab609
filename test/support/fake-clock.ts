import type { Clock } from "../../src/core/clock.ts";

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export interface FakeClock extends Clock {
  /** Moves time on, running each timer that falls due at its own moment, in order. */
  advance(ms: number): void;
  /** As `advance`, letting promises settle before and after each timer and at the end. */
  advanceAsync(ms: number): Promise<void>;
  /** How many timers are armed. */
  readonly pending: number;
}

const epoch = Date.UTC(2026, 0, 1);

/** Lets everything that is already resolved run, including chains of promises. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Time that moves only when told. `now` starts at 1,000,000 so that differences to 0 show. */
export function fakeClock(startMs = 1_000_000): FakeClock {
  let now = startMs;
  let order = 0;
  const timers = new Set<Timer>();
  const next = (limit: number): Timer | undefined => {
    let first: Timer | undefined;
    for (const timer of timers) {
      if (timer.at > limit) continue;
      if (first === undefined || timer.at < first.at || (timer.at === first.at && timer.order < first.order))
        first = timer;
    }
    return first;
  };
  const fire = (timer: Timer): void => {
    timers.delete(timer);
    now = Math.max(now, timer.at);
    timer.run();
  };
  return {
    now: () => now,
    wall: () => epoch + now,
    after(delayMs, run) {
      const timer = { at: now + Math.max(0, delayMs), order: order++, run };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    advance(ms) {
      const end = now + ms;
      for (let timer = next(end); timer !== undefined; timer = next(end)) fire(timer);
      now = end;
    },
    async advanceAsync(ms) {
      const end = now + ms;
      await settle();
      for (let timer = next(end); timer !== undefined; timer = next(end)) {
        fire(timer);
        await settle();
      }
      now = end;
    },
    get pending() {
      return timers.size;
    },
  };
}
