import type { Clock } from "../core/clock.ts";
import {
  drain,
  type HealthHistory,
  type HealthPeriod,
  type HealthStore,
  mark,
  rangeOf,
  toHistory,
} from "../core/health-history.ts";
import type { Watched } from "./watched.ts";

/** Hands what routes gather to the store, once a minute and a few at a time. */
export interface Archive {
  start(): void;
  stop(): void;
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
/** The wider slots are handed over every so many sweeps. */
const wideSweeps = 15;
const savedPerTurn = 250;
const betweenTurnsMs = 20;

export function createArchive({ clock, store, watched }: ArchiveDeps): Archive {
  let sweeps = 0;
  let cancel = (): void => undefined;

  function save(each: Watched, what: "all" | "closed"): void {
    const wall = clock.wall();
    mark(each.gathered, wall, each.state.status);
    const changes = what === "all" ? drain(each.gathered) : drain(each.gathered, wall);
    if (changes.length > 0) store.add(each.route.spec.alias, changes);
  }

  function sweep(): void {
    const what = ++sweeps % wideSweeps === 0 ? "all" : "closed";
    const left = [...watched()];
    const turn = (): void => {
      // One that has left meanwhile has saved everything, and gathers nothing more.
      for (const each of left.splice(0, savedPerTurn)) save(each, what);
      cancel = left.length > 0 ? clock.after(betweenTurnsMs, turn) : clock.after(sweepEveryMs, sweep);
    };
    turn();
  }

  return {
    start: () => void (cancel = clock.after(sweepEveryMs, sweep)),
    stop: () => cancel(),
    save: (each) => save(each, "all"),
    history(each, period) {
      save(each, "all");
      return toHistory(period, store.slots(each.route.spec.alias, rangeOf(period, clock.wall())));
    },
  };
}
