import { DatabaseSync } from "node:sqlite";
import type { Clock } from "../core/clock.ts";
import { type HealthStore, type Slot, type SlotChange, slotWidths } from "../core/health-history.ts";
import type { Logger } from "../core/logger.ts";

export interface HealthStoreDeps {
  readonly path: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Raised by one with each change of the tables. What an older nodoff kept is then begun anew: it is history only. */
const schemaVersion = 1;
/**
 * `place` makes each width a ring: the file never holds more than its slots, and nothing has to be deleted. It stands
 * before the route, so that what is written at one time lies together: some pages for thousands of routes.
 */
const schema = `
  CREATE TABLE route (
    id INTEGER PRIMARY KEY, alias TEXT NOT NULL UNIQUE, is_down INTEGER NOT NULL, seen_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE slot (
    width INTEGER NOT NULL, place INTEGER NOT NULL, route INTEGER NOT NULL, at INTEGER NOT NULL,
    up INTEGER NOT NULL, down INTEGER NOT NULL, nap INTEGER NOT NULL,
    latency_sum REAL NOT NULL, latency_count INTEGER NOT NULL,
    PRIMARY KEY (width, place, route)
  ) STRICT, WITHOUT ROWID;
  PRAGMA user_version = ${schemaVersion};
`;
const upsertSlot = `
  INSERT INTO slot VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (width, place, route) DO UPDATE SET
    up = excluded.up + iif(slot.at = excluded.at, slot.up, 0),
    down = excluded.down + iif(slot.at = excluded.at, slot.down, 0),
    nap = excluded.nap + iif(slot.at = excluded.at, slot.nap, 0),
    latency_sum = excluded.latency_sum + iif(slot.at = excluded.at, slot.latency_sum, 0),
    latency_count = excluded.latency_count + iif(slot.at = excluded.at, slot.latency_count, 0),
    at = excluded.at
  WHERE excluded.at >= slot.at`;
const upsertRoute = `
  INSERT INTO route VALUES (?, ?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET is_down = excluded.is_down, seen_at = excluded.seen_at`;

/** What is written at a time touches each page of the file once: the longer it is gathered, the fewer of them. */
const gatherMs = 10_000;
/** Who was told that it is down must be told that it is up, after a restart too. */
const urgentMs = 500;
const retryAfterMs = 10_000;
/** Rows written in one turn: about 1 ms, so that the hook is not delayed. */
const rowsPerTurn = 150;
/** While nothing can be written. The oldest is dropped first. */
const keptRows = 100_000;
/** Names come and go (previews). */
const forgetAfterMs = 90 * 86_400_000;

interface Known {
  readonly id: number;
  isDown: boolean;
}

interface Row {
  readonly alias: string;
  readonly route: Known;
  /** null: the route itself. */
  readonly slot: SlotChange | null;
}

/** Health in a file of its own, so that it can never harm what nodoff needs to know. Throws when it cannot be used. */
export function openHealthFile({ path, clock, logger }: HealthStoreDeps): HealthStore {
  const database = open(path, clock.wall());
  const statements = { slot: database.prepare(upsertSlot), route: database.prepare(upsertRoute) };
  const find = database.prepare("SELECT * FROM slot WHERE width = ? AND place = ? AND route = ?");
  const known = new Map<string, Known>();
  let lastId = 0;
  for (const row of database.prepare("SELECT id, alias, is_down FROM route").iterate()) {
    const id = Number(row["id"]);
    known.set(String(row["alias"]), { id, isDown: row["is_down"] === 1 });
    lastId = Math.max(lastId, id);
  }
  /** Whose `seen_at` is of this run. */
  const seen = new Set<string>();
  let waiting: Row[] = [];
  /** What is being written, in the order of the file. */
  let begun: Row[] = [];
  let cancel: (() => void) | null = null;
  /** Something waits that is wanted after a restart. */
  let isUrgent = false;
  let failing = false;
  let closed = false;

  function note(alias: string): Known {
    const route = known.get(alias) ?? { id: ++lastId, isDown: false };
    known.set(alias, route);
    if (!seen.has(alias)) waiting.push({ alias, route, slot: null });
    seen.add(alias);
    return route;
  }

  function write({ alias, route: { id, isDown }, slot }: Row): void {
    if (slot === null) {
      statements.route.run(id, alias, isDown ? 1 : 0, Math.round(clock.wall()));
      return;
    }
    const { widthMs, change } = slot;
    const { at, upMs, downMs, napMs, latencySumMs, latencyCount } = change;
    const times = [upMs, downMs, napMs].map(Math.round);
    statements.slot.run(widthMs, placeOf(at, widthMs), id, at, ...times, latencySumMs, latencyCount);
  }

  function flush(limit: number): void {
    cancel?.();
    cancel = null;
    if (begun.length === 0) {
      begun = waiting.sort((a, b) => timeOf(a) - timeOf(b) || a.route.id - b.route.id);
      waiting = [];
      isUrgent = false;
    }
    try {
      database.exec("BEGIN IMMEDIATE");
      for (const row of begun.slice(0, limit)) write(row);
      database.exec("COMMIT");
      begun = begun.slice(limit);
      failing = false;
      schedule(begun.length > 0 || isUrgent ? 0 : gatherMs);
    } catch (error) {
      if (database.isTransaction) database.exec("ROLLBACK");
      // Once per spell: every retry would say the same.
      if (!failing) logger.warn("health cannot be written, trying again", { path, error });
      failing = true;
      waiting = [...begun, ...waiting].slice(-keptRows);
      begun = [];
      schedule(retryAfterMs);
    }
  }
  function flushAll(): void {
    if (begun.length + waiting.length === 0) return;
    do flush(Number.POSITIVE_INFINITY);
    while (!failing && waiting.length > 0);
  }
  function schedule(delayMs: number): void {
    const isDue = begun.length + waiting.length > 0 && !closed;
    if (cancel === null && isDue) cancel = clock.after(delayMs, () => flush(rowsPerTurn));
  }
  return {
    add(alias, changes) {
      const route = note(alias);
      for (const slot of changes) waiting.push({ alias, route, slot });
      schedule(gatherMs);
    },
    slots(alias, { widthMs, from }) {
      const route = known.get(alias);
      if (route === undefined) return [];
      flushAll();
      const found: Slot[] = [];
      for (let place = 0; place < placesOf(widthMs); place++) {
        const row = find.get(widthMs, place, route.id);
        if (row !== undefined && Number(row["at"]) >= from) found.push(toSlot(row));
      }
      return found.sort((a, b) => a.at - b.at);
    },
    isDown: (alias) => known.get(alias)?.isDown ?? false,
    setDown(alias, down) {
      const route = note(alias);
      route.isDown = down;
      waiting.push({ alias, route, slot: null });
      // Already hurried, or under way: put off by each that goes down, it would never be written.
      const isComing = isUrgent || failing || begun.length > 0;
      isUrgent = true;
      if (isComing) return;
      cancel?.();
      cancel = null;
      schedule(urgentMs);
    },
    close() {
      if (closed) return Promise.resolve();
      closed = true;
      flushAll();
      database.close();
      return Promise.resolve();
    },
  };
}

/** Begin of the time a row is about, for the order of the file, the oldest first; the routes themselves last. */
function timeOf({ slot }: Row): number {
  return slot === null ? Number.MAX_SAFE_INTEGER : slot.change.at;
}

function placesOf(widthMs: number): number {
  return slotWidths.find((each) => each.widthMs === widthMs)?.slots ?? 1;
}

function placeOf(at: number, widthMs: number): number {
  return Math.floor(at / widthMs) % placesOf(widthMs);
}

function open(path: string, wall: number): DatabaseSync {
  // A second process on the same file makes us wait, and waiting blocks everything: keep it short.
  const database = new DatabaseSync(path, { timeout: 20 });
  try {
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
    const version = database.prepare("PRAGMA user_version").get()?.["user_version"];
    if (version !== schemaVersion) database.exec(`DROP TABLE IF EXISTS slot; DROP TABLE IF EXISTS route; ${schema}`);
    forget(database, Math.round(wall - forgetAfterMs));
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function forget(database: DatabaseSync, before: number): void {
  const gone = database.prepare("SELECT id FROM route WHERE seen_at < ?").all(before);
  if (gone.length === 0) return;
  database.exec("BEGIN");
  const slot = database.prepare("DELETE FROM slot WHERE width = ? AND place = ? AND route = ?");
  for (const { id } of gone) {
    for (const { widthMs, slots } of slotWidths)
      for (let place = 0; place < slots; place++) slot.run(widthMs, place, Number(id));
  }
  database.prepare("DELETE FROM route WHERE seen_at < ?").run(before);
  database.exec("COMMIT");
}

function toSlot(row: Readonly<Record<string, unknown>>): Slot {
  return {
    at: Number(row["at"]),
    upMs: Number(row["up"]),
    downMs: Number(row["down"]),
    napMs: Number(row["nap"]),
    latencySumMs: Number(row["latency_sum"]),
    latencyCount: Number(row["latency_count"]),
  };
}
