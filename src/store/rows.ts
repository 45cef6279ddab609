import type { Clock } from "../core/clock.ts";
import type { PowerInterval, PowerKind, Store } from "../core/store.ts";

/** A stretch that is over. */
export interface EndedInterval extends PowerInterval {
  readonly to: number;
}

/** What is remembered of one workload. Times are wall clock ms. */
export interface Remembered {
  lastUsedAt: number | null;
  pinnedUntil: number | null;
  /** The stretch that goes on. */
  open: PowerInterval | null;
  /** Latest last. */
  readonly wakeDurationsMs: number[];
}

/** What grows with time: ended stretches and events. */
export type History = Pick<Store, "addEvent" | "events" | "lastEventId"> & {
  addInterval(alias: string, ended: EndedInterval): void;
  /** As in `Store`, without the one that goes on. */
  intervals(alias: string, since: number): readonly PowerInterval[];
};

/** `use`: only the time of the last use; there may be thousands of these a second. */
export type ChangeKind = "use" | "rest";

export interface StoreParts {
  readonly clock: Pick<Clock, "wall">;
  readonly rows: Map<string, Remembered>;
  readonly history: History;
  /** Told of each change of a row, so that others may keep it. */
  changed(alias: string, kind: ChangeKind): void;
  close(): Promise<void>;
}

const keptDurations = 10;

/** The store over one row per workload in memory and a history kept wherever. */
export function composeStore(parts: StoreParts): Store {
  const { clock, rows, history, changed } = parts;
  const rowOf = (alias: string): Remembered => {
    const row = rows.get(alias) ?? { lastUsedAt: null, pinnedUntil: null, open: null, wakeDurationsMs: [] };
    rows.set(alias, row);
    return row;
  };
  return {
    lastUsed(alias) {
      const at = rows.get(alias)?.lastUsedAt ?? null;
      // The wall clock may have been set back since.
      return at === null ? null : Math.min(at, clock.wall());
    },
    saveLastUsed(alias, at) {
      const row = rowOf(alias);
      if (row.lastUsedAt === at) return;
      row.lastUsedAt = at;
      changed(alias, "use");
    },
    pinnedUntil(alias) {
      const until = rows.get(alias)?.pinnedUntil ?? null;
      return until === null || until <= clock.wall() ? null : until;
    },
    savePin(alias, until) {
      if ((rows.get(alias)?.pinnedUntil ?? null) === until) return;
      rowOf(alias).pinnedUntil = until;
      changed(alias, "rest");
    },
    wakeDurations: (alias) => [...(rows.get(alias)?.wakeDurationsMs ?? [])],
    addWakeDuration(alias, durationMs) {
      const { wakeDurationsMs } = rowOf(alias);
      wakeDurationsMs.push(durationMs);
      if (wakeDurationsMs.length > keptDurations) wakeDurationsMs.shift();
      changed(alias, "rest");
    },
    openInterval: (alias) => rows.get(alias)?.open ?? null,
    turnInterval(alias, next, at) {
      const row = rowOf(alias);
      const { ended, open } = turn(row.open, next, Math.round(at));
      if (open === row.open) return;
      row.open = open;
      if (ended !== null) history.addInterval(alias, ended);
      changed(alias, "rest");
    },
    intervals(alias, since) {
      const open = rows.get(alias)?.open ?? null;
      return open === null ? history.intervals(alias, since) : [...history.intervals(alias, since), open];
    },
    addEvent: (event) => history.addEvent(event),
    events: (alias, limit, before) => history.events(alias, limit, before),
    get lastEventId() {
      return history.lastEventId;
    },
    close: () => parts.close(),
  };
}

interface Turned {
  readonly ended: EndedInterval | null;
  readonly open: PowerInterval | null;
}

type Next = { readonly kind: PowerKind; readonly memoryBytes: number | null } | null;

function turn(open: PowerInterval | null, next: Next, at: number): Turned {
  if (open !== null && next !== null && goesOn(open, next)) return { ended: null, open };
  // Stretches follow each other also where the wall clock was set back.
  const from = open === null ? at : Math.max(at, open.from);
  const ended = open !== null && from > open.from ? { ...open, to: from } : null;
  if (next === null) return { ended, open: null };
  return { ended, open: { kind: next.kind, from, to: null, memoryBytes: next.memoryBytes } };
}

/** A deeper sleep that frees memory, after one that freed none, is a stretch of its own: the first saved nothing. */
function goesOn(open: PowerInterval, next: NonNullable<Next>): boolean {
  if (open.kind !== next.kind) return false;
  return open.kind === "awake" || (open.memoryBytes ?? 0) > 0 || (next.memoryBytes ?? 0) === 0;
}
