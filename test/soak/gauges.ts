import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Clock } from "../../src/core/clock.ts";

/** The process at one moment, garbage collected. */
export interface Sample {
  readonly rssMb: number;
  readonly heapMb: number;
  /** Timers armed at the app's clock. */
  readonly timers: number;
  /** What else the event loop holds open, by kind; timers that do not keep it alive are not among them. */
  readonly handles: ReadonlyMap<string, number>;
}

/** A clock that counts what is armed. */
export interface CountingClock extends Clock {
  readonly armed: number;
}

export function countingClock(clock: Clock): CountingClock {
  let armed = 0;
  return {
    now: clock.now,
    wall: clock.wall,
    after(delayMs, run) {
      armed++;
      let over = false;
      const end = (): void => {
        if (!over) armed--;
        over = true;
      };
      const cancel = clock.after(delayMs, () => {
        end();
        run();
      });
      return () => {
        end();
        cancel();
      };
    },
    get armed() {
      return armed;
    },
  };
}

export function createGauges(clock: CountingClock): () => Sample {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  return () => {
    collect();
    collect();
    const { rss, heapUsed } = process.memoryUsage();
    const handles = new Map<string, number>();
    for (const kind of process.getActiveResourcesInfo()) handles.set(kind, (handles.get(kind) ?? 0) + 1);
    return { rssMb: rss / 2 ** 20, heapMb: heapUsed / 2 ** 20, timers: clock.armed, handles };
  };
}

export function toLine({ rssMb, heapMb, timers, handles }: Sample): string {
  const open = [...handles].map(([kind, count]) => `${kind} ${count}`).join(", ");
  return `rss ${rssMb.toFixed(1)} MB, heap ${heapMb.toFixed(1)} MB, ${timers} timers; ${open}`;
}

/** What grew more than a run of any length may. */
export function findLeaks(before: Sample, after: Sample): readonly string[] {
  const leaks: string[] = [];
  const grown = (what: string, by: number, most: number): void => {
    if (by > most) leaks.push(`${what} grew by ${by.toFixed(1)}, more than ${most}`);
  };
  grown("heap (MB)", after.heapMb - before.heapMb, 6);
  grown("rss (MB)", after.rssMb - before.rssMb, 40);
  grown("armed timers", after.timers - before.timers, 4);
  for (const [kind, count] of after.handles) grown(`open ${kind}`, count - (before.handles.get(kind) ?? 0), 2);
  return leaks;
}
