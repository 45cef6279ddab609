import type { Clock } from "../../../src/core/clock.ts";

interface Timer {
  readonly at: number;
  readonly order: number;
  run: (() => void) | null;
  readonly life: Life | null;
}

/** The clock of one process: when that is killed, its timers fire no more. */
export interface Life extends Clock {
  readonly isOver: boolean;
  /** Timers armed. */
  readonly pending: number;
  end(): void;
}

/** Time that moves from timer to timer. */
export interface HeapClock extends Clock {
  /** Runs the next timer due at `limit` or before; false when there is none, time then stands at `limit`. */
  step(limit: number): boolean;
  live(): Life;
}

const epoch = Date.UTC(2026, 0, 1);

export function heapClock(onFire: () => void): HeapClock {
  const heap: Timer[] = [];
  let now = 1_000_000;
  let order = 0;

  const arm = (delayMs: number, run: () => void, life: LifeState | null): (() => void) => {
    const timer: Timer = { at: now + Math.max(0, delayMs), order: order++, run, life };
    push(heap, timer);
    if (life !== null) life.armed++;
    return () => {
      if (timer.run === null) return;
      timer.run = null;
      if (life !== null) life.armed--;
    };
  };
  const clock: HeapClock = {
    now: () => now,
    wall: () => epoch + now,
    after: (delayMs, run) => arm(delayMs, run, null),
    step(limit) {
      for (let timer = heap[0]; timer !== undefined && timer.at <= limit; timer = heap[0]) {
        pop(heap);
        const { run } = timer;
        if (run === null || timer.life?.isOver === true) continue;
        timer.run = null;
        if (timer.life !== null) (timer.life as LifeState).armed--;
        now = Math.max(now, timer.at);
        onFire();
        run();
        return true;
      }
      now = Math.max(now, limit);
      return false;
    },
    live() {
      const life: LifeState = {
        armed: 0,
        isOver: false,
        now: clock.now,
        wall: clock.wall,
        after: (delayMs, run) => (life.isOver ? () => undefined : arm(delayMs, run, life)),
        get pending() {
          return life.armed;
        },
        end: () => void (life.isOver = true),
      };
      return life;
    },
  };
  return clock;
}

interface LifeState extends Life {
  armed: number;
  isOver: boolean;
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

function push(heap: Timer[], timer: Timer): void {
  let at = heap.push(timer) - 1;
  while (at > 0) {
    const above = (at - 1) >> 1;
    const parent = heap[above] as Timer;
    if (!isBefore(timer, parent)) break;
    heap[at] = parent;
    at = above;
  }
  heap[at] = timer;
}

function pop(heap: Timer[]): void {
  const last = heap.pop() as Timer;
  if (heap.length === 0) return;
  let at = 0;
  for (;;) {
    let below = 2 * at + 1;
    if (below >= heap.length) break;
    if (below + 1 < heap.length && isBefore(heap[below + 1] as Timer, heap[below] as Timer)) below++;
    const child = heap[below] as Timer;
    if (!isBefore(child, last)) break;
    heap[at] = child;
    at = below;
  }
  heap[at] = last;
}
