import type { Clock } from "../core/clock.ts";
import type { Journal, JournalEvent } from "../core/journal.ts";
import type { Logger } from "../core/logger.ts";

/** Events kept for late subscribers, over all workloads and per workload. */
const keptInAll = 2_000;
const keptPerAlias = 50;

/** The one event bus, in memory. Listeners run synchronously, those of the event's alias before the general ones. */
export function createJournal(deps: {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The last id an earlier run gave out. */
  readonly lastId?: number;
}): Journal {
  const all: JournalEvent[] = [];
  const byAlias = new Map<string, JournalEvent[]>();
  const listeners = new Set<(event: JournalEvent) => void>();
  const aliasListeners = new Map<string, Set<(event: JournalEvent) => void>>();
  let lastId = deps.lastId ?? 0;
  /** The latest event that is no longer in `all`. */
  let droppedId = lastId;

  const tell = (listener: (event: JournalEvent) => void, event: JournalEvent): void => {
    try {
      listener(event);
    } catch (error) {
      deps.logger.error("journal listener failed", { error });
    }
  };
  const keep = (events: JournalEvent[], event: JournalEvent, limit: number): readonly JournalEvent[] => {
    events.push(event);
    // Cut in halves: shifting one by one would move the whole array per event.
    return events.length > limit * 2 ? events.splice(0, events.length - limit) : [];
  };

  const remember = (event: JournalEvent): void => {
    droppedId = keep(all, event, keptInAll).at(-1)?.id ?? droppedId;
    if (event.alias === null) return;
    const own = byAlias.get(event.alias) ?? [];
    byAlias.set(event.alias, own);
    keep(own, event, keptPerAlias);
  };

  return {
    publish(news) {
      const event: JournalEvent = { ...news, id: ++lastId, at: deps.clock.wall() };
      if (event.transient !== true) remember(event);
      if (event.alias !== null) {
        for (const listener of aliasListeners.get(event.alias) ?? []) tell(listener, event);
      }
      for (const listener of listeners) tell(listener, event);
      return event;
    },
    get lastId() {
      return lastId;
    },
    reaches: (id) => id >= droppedId && id <= lastId,
    forget: (alias) => void byAlias.delete(alias),
    since(id, alias) {
      const events = alias === undefined ? all : (byAlias.get(alias) ?? []);
      return events.filter((event) => event.id > id);
    },
    subscribe(listener, alias) {
      if (alias === undefined) {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      }
      const own = aliasListeners.get(alias) ?? new Set();
      aliasListeners.set(alias, own);
      own.add(listener);
      return () => {
        own.delete(listener);
        if (own.size === 0 && aliasListeners.get(alias) === own) aliasListeners.delete(alias);
      };
    },
  };
}
