import type { ChangeKind } from "./rows.ts";

/** What one transaction writes: the oldest so many events, and the rows of workloads. */
export interface Batch {
  readonly events: number;
  readonly aliases: readonly string[];
}

/** What waits to be written. */
export interface Queue {
  readonly isEmpty: boolean;
  /** Whether there is more than last uses, which may wait longer. */
  readonly isUrgent: boolean;
  changed(alias: string, kind: ChangeKind): void;
  /** As much as may be written in one turn. */
  next(): Batch;
  everything(): Batch;
  written(batch: Batch): void;
}

/** Written in one turn: 2 to 3 ms, so that 10,000 busy workloads do not delay the hook. */
const rowsPerTurn = 1_000;
/** Of these, events and rows that bring ended stretches along: each costs as much as three others. */
const dearPerTurn = 200;

export function createQueue(history: { readonly waitingEvents: number }): Queue {
  /** Those changed first come first. No workload is in both. */
  const rest = new Set<string>();
  const used = new Set<string>();
  return {
    get isEmpty() {
      return history.waitingEvents === 0 && rest.size === 0 && used.size === 0;
    },
    get isUrgent() {
      return history.waitingEvents > 0 || rest.size > 0;
    },
    changed(alias, kind) {
      if (kind === "rest") {
        used.delete(alias);
        rest.add(alias);
      } else if (!rest.has(alias)) used.add(alias);
    },
    next() {
      const events = Math.min(dearPerTurn, history.waitingEvents);
      const dear = [...firstOf(rest, dearPerTurn - events)];
      return { events, aliases: [...dear, ...firstOf(used, rowsPerTurn - events - dear.length)] };
    },
    everything: () => ({ events: history.waitingEvents, aliases: [...rest, ...used] }),
    written({ aliases }) {
      for (const alias of aliases) {
        rest.delete(alias);
        used.delete(alias);
      }
    },
  };
}

function* firstOf(aliases: Iterable<string>, count: number): Iterable<string> {
  let left = count;
  for (const alias of aliases) {
    if (left-- <= 0) return;
    yield alias;
  }
}
