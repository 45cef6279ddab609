import { composeStore } from "./rows.ts";
import type { Clock } from "../core/clock.ts";
import type { JournalEvent } from "../core/journal.ts";
import type { Store } from "../core/store.ts";
import type { EndedInterval, History } from "./rows.ts";

/** Kept in all; what is older goes first. Far less than a file keeps: this is the heap. */
const keptEvents = 10_000;
/** Kept in all, shared among the workloads, but `fewestPerAlias` for each. */
const keptIntervals = 100_000;
const fewestPerAlias = 20;

/** A store that forgets at the end of the process. */
export function createMemoryStore(clock: Pick<Clock, "wall">): Store {
  return composeStore({
    clock,
    rows: new Map(),
    history: createMemoryHistory(),
    changed: () => undefined,
    close: () => Promise.resolve(),
  });
}

function createMemoryHistory(): History {
  const ended = new Map<string, EndedInterval[]>();
  const log: JournalEvent[] = [];
  let lastEventId = 0;
  return {
    addInterval(alias, interval) {
      const own = ended.get(alias) ?? [];
      ended.set(alias, own);
      own.push(interval);
      cutHalf(own, Math.max(fewestPerAlias, Math.floor(keptIntervals / ended.size)));
    },
    intervals: (alias, since) => (ended.get(alias) ?? []).filter(({ to }) => to > since),
    addEvent(event) {
      log.push(event);
      lastEventId = Math.max(lastEventId, event.id);
      cutHalf(log, keptEvents);
    },
    events(alias, limit, before = Number.MAX_SAFE_INTEGER) {
      if (limit <= 0) return [];
      return log.filter((event) => event.id < before && (alias === null || event.alias === alias)).slice(-limit);
    },
    get lastEventId() {
      return lastEventId;
    },
  };
}

/** Down to `limit` when there are twice as many: shifting one by one would move the whole array each time. */
function cutHalf(list: unknown[], limit: number): void {
  if (list.length > limit * 2) list.splice(0, list.length - limit);
}
