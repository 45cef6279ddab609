import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { toBody, toEvent, toInterval, toNumber } from "./columns.ts";
import { createPruning } from "./pruning.ts";
import type { JournalEvent } from "../core/journal.ts";
import type { Batch } from "./queue.ts";
import type { EndedInterval, History } from "./rows.ts";

export interface FileHistoryDeps {
  readonly database: DatabaseSync;
  /** Told of each new event: it waits in memory. */
  eventWaits(): void;
  /** The file cannot be read; what was asked for is answered without it. */
  readFailed(error: unknown): void;
}

/**
 * History in the file. What is new waits in memory, where readers find it, until somebody calls `write…` within a
 * transaction and, once it is committed in the same turn, `written`.
 */
export interface FileHistory extends History {
  /** How many wait. */
  readonly waitingEvents: number;
  /** The oldest `count` of them. */
  writeEvents(count: number): void;
  writeIntervals(alias: string): void;
  /** What was written need not wait any more. */
  written(batch: Batch): void;
  /** Deletes what is too old, in parts. */
  purge(wall: number): void;
}

/** Waiting while the file cannot be written: the oldest go. */
const mostEvents = 20_000;
const mostIntervalsPerAlias = 100;

export function createFileHistory(deps: FileHistoryDeps): FileHistory {
  const { database } = deps;
  const events: JournalEvent[] = [];
  const intervals = new Map<string, EndedInterval[]>();
  const sql = prepare(database);
  const pruning = createPruning(database);
  let lastEventId = toNumber(sql.lastEventId.get()?.["id"]) ?? 0;

  const read = (ask: () => Record<string, SQLOutputValue>[]): Record<string, SQLOutputValue>[] => {
    try {
      return ask();
    } catch (error) {
      deps.readFailed(error);
      return [];
    }
  };
  return {
    addInterval(alias, ended) {
      const own = intervals.get(alias) ?? [];
      intervals.set(alias, own);
      own.push(ended);
      if (own.length > mostIntervalsPerAlias) own.shift();
    },
    intervals(alias, since) {
      const rows = read(() => sql.intervals.all(alias, Math.floor(since)));
      const waiting = (intervals.get(alias) ?? []).filter(({ to }) => to > since);
      return [...rows.map(toInterval).filter((one) => one !== null), ...waiting];
    },
    writeIntervals(alias) {
      const own = intervals.get(alias);
      if (own === undefined) return;
      for (const { kind, from, to, memoryBytes } of own)
        sql.addInterval.run(alias, from, to, kind, memoryBytes === null ? null : Math.round(memoryBytes));
      pruning.intervalsAdded(alias, own.length);
    },
    addEvent(event) {
      events.push(event);
      if (events.length > mostEvents * 2) events.splice(0, events.length - mostEvents);
      lastEventId = Math.max(lastEventId, event.id);
      deps.eventWaits();
    },
    events(alias, limit, before = Number.MAX_SAFE_INTEGER) {
      if (limit <= 0) return [];
      const rows = read(() =>
        alias === null ? sql.events.all(before, limit) : sql.eventsOf.all(alias, before, limit),
      );
      const waiting = events.filter((event) => event.id < before && (alias === null || event.alias === alias));
      const saved = rows
        .reverse()
        .map(toEvent)
        .filter((one) => one !== null);
      return [...saved, ...waiting].slice(-limit);
    },
    get lastEventId() {
      return lastEventId;
    },
    get waitingEvents() {
      return events.length;
    },
    writeEvents(count) {
      const oldest = events.slice(0, count);
      for (const event of oldest) sql.addEvent.run(event.id, Math.round(event.at), event.alias ?? "", toBody(event));
      pruning.eventsAdded(oldest);
    },
    written(batch) {
      events.splice(0, batch.events);
      for (const alias of batch.aliases) intervals.delete(alias);
    },
    purge: (wall) => pruning.purge(wall),
  };
}

function prepare(database: DatabaseSync) {
  return {
    addInterval: database.prepare(
      "INSERT OR REPLACE INTO interval (alias, from_at, to_at, kind, memory_bytes) VALUES (?, ?, ?, ?, ?)",
    ),
    intervals: database.prepare("SELECT * FROM interval WHERE alias = ? AND to_at > ? ORDER BY from_at"),
    addEvent: database.prepare("INSERT OR REPLACE INTO event (id, at, alias, body) VALUES (?, ?, ?, ?)"),
    events: database.prepare("SELECT * FROM event WHERE id < ? ORDER BY id DESC LIMIT ?"),
    eventsOf: database.prepare("SELECT * FROM event WHERE alias = ? AND id < ? ORDER BY id DESC LIMIT ?"),
    lastEventId: database.prepare("SELECT max(id) AS id FROM event"),
  };
}
