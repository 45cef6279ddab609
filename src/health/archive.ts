import type { Clock } from "../core/clock.ts";
import {
  addLatency,
  drain,
  type HealthHistory,
  type HealthPeriod,
  type HealthStore,
  mark,
  rangeOf,
  type SlotChange,
  toHistory,
} from "../core/health-history.ts";
import type { Watched } from "./watched.ts";

/** Gathers the time each route spends in each status, and hands it to the store a few routes at a time. */
export interface Archive {
  start(): void;
  stop(): void;
  /** The route has this status from now on. */
  note(each: Watched): void;
  latency(each: Watched, latencyMs: number): void;
  /** Hands over everything a route has gathered up to now. */
  save(each: Watched): void;
  history(each: Watched, period: HealthPeriod): HealthHistory;
}

export interface ArchiveDeps {
  readonly clock: Clock;
  readonly store: HealthStore;
  readonly watched: () => Iterable<Watched>;
}

const sweepEveryMs = 60_000;
/** What is open of the wider slots is handed over every so many sweeps. */
const savingSweeps = 15;
const sweptPerTurn = 250;
const betweenTurnsMs = 20;

export function createArchive({ clock, store, watched }: ArchiveDeps): Archive {
  let sweeps = 0;
  let cancel = (): void => undefined;

  const taker =
    (each: Watched) =>
    (changes: readonly SlotChange[]): void =>
      store.add(each.route.spec.alias, changes);

  function note(each: Watched): void {
    mark(each.gathered, clock.wall(), each.state.status, taker(each));
  }

  function save(each: Watched): void {
    note(each);
    drain(each.gathered, taker(each));
  }

  /** For what is checked less often than that, or not at all. */
  function keepUp(each: Watched): void {
    // Either way: the wall clock may have been set back.
    if (Math.abs(clock.wall() - each.gathered.markedAt) >= sweepEveryMs) note(each);
  }

  function sweep(): void {
    const what = ++sweeps % savingSweeps === 0 ? save : keepUp;
    const left = [...watched()];
    const turn = (): void => {
      // One that has left meanwhile has saved everything, and gathers nothing more.
      for (const each of left.splice(0, sweptPerTurn)) what(each);
      cancel = left.length > 0 ? clock.after(betweenTurnsMs, turn) : clock.after(sweepEveryMs, sweep);
    };
    turn();
  }

  return {
    start: () => void (cancel = clock.after(sweepEveryMs, sweep)),
    stop: () => cancel(),
    note,
    latency(each, latencyMs) {
      // First the time up to now: a slot that is left for the next is complete, and handed over once.
      note(each);
      addLatency(each.gathered, clock.wall(), latencyMs, taker(each));
    },
    save,
    history(each, period) {
      save(each);
      return toHistory(period, store.slots(each.route.spec.alias, rangeOf(period, clock.wall())));
    },
  };
}
