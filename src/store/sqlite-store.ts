import { composeStore } from "./rows.ts";
import { createFileHistory } from "./file-history.ts";
import { createQueue } from "./queue.ts";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { Store } from "../core/store.ts";
import type { StateFile } from "./database.ts";
import type { Batch } from "./queue.ts";
import type { ChangeKind, Remembered } from "./rows.ts";

/** The store closes the database. */
export interface SqliteStoreDeps extends StateFile {
  readonly path: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A quarter of the second the seam promises: timers may be late, and last uses may need several rounds. */
const flushAfterMs = 250;
/** After a failed write, such as on a full disk. */
const retryAfterMs = 10_000;

/**
 * Rows in memory, the file behind: what is asked per request or sweep never touches the file, only history does. Writes
 * are gathered into few transactions. Of last uses alone at most 1,000 go with each, every 250 ms, in fair turn; all
 * else goes at the next of them.
 */
export function createSqliteStore(deps: SqliteStoreDeps): Store {
  const { database, rows, path, clock, logger } = deps;
  const upsert = prepareUpsert(database);
  let cancel: (() => void) | null = null;
  let failing = false;
  let closed = false;

  const history = createFileHistory({
    database,
    eventWaits: () => schedule(flushAfterMs),
    readFailed(error) {
      if (!closed) logger.warn("history cannot be read", { path, error });
    },
  });
  const queue = createQueue(history);
  const write = (batch: Batch): void => {
    const wall = clock.wall();
    transaction(database, () => {
      history.writeEvents(batch.events);
      for (const alias of batch.aliases) {
        writeRow(upsert, { alias, row: rows.get(alias), wall });
        // With the row, which holds the stretch that follows: the two must never disagree.
        history.writeIntervals(alias);
      }
      history.purge(wall);
    });
    history.written(batch);
    queue.written(batch);
  };
  const flush = (): void => {
    cancel = null;
    try {
      write(queue.next());
      failing = false;
      // The next turn for what is promised within a second; last uses wait for theirs.
      schedule(queue.isUrgent ? 0 : flushAfterMs);
    } catch (error) {
      failed(error);
      schedule(retryAfterMs);
    }
  };
  const failed = (error: unknown): void => {
    // Once per spell: every retry would say the same.
    if (!failing) logger.warn("state cannot be written, trying again", { path, error });
    failing = true;
  };
  const schedule = (delayMs: number): void => {
    if (cancel === null && !closed && !queue.isEmpty) cancel = clock.after(delayMs, flush);
  };

  const changed = (alias: string, kind: ChangeKind): void => {
    queue.changed(alias, kind);
    schedule(flushAfterMs);
  };
  const close = (): void => {
    if (closed) return;
    closed = true;
    cancel?.();
    try {
      if (!queue.isEmpty) write(queue.everything());
    } catch (error) {
      failed(error);
    }
    database.close();
  };
  return composeStore({ clock, rows, history, changed, close: () => Promise.resolve(close()) });
}

function prepareUpsert(database: DatabaseSync): StatementSync {
  return database.prepare(
    `INSERT OR REPLACE INTO workload (alias, last_used_at, pinned_until, open_kind, open_from, open_memory_bytes,
       wake_durations_ms, saved_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  );
}

interface RowWrite {
  readonly alias: string;
  readonly row: Remembered | undefined;
  readonly wall: number;
}

function writeRow(upsert: StatementSync, { alias, row, wall }: RowWrite): void {
  if (row === undefined) return;
  const { lastUsedAt, pinnedUntil, open, wakeDurationsMs } = row;
  upsert.run(
    alias,
    rounded(lastUsedAt),
    rounded(pinnedUntil),
    open?.kind ?? null,
    open?.from ?? null,
    rounded(open?.memoryBytes ?? null),
    wakeDurationsMs.map(Math.round).join(" "),
    Math.round(wall),
  );
}

function rounded(value: number | null): number | null {
  return value === null ? null : Math.round(value);
}

function transaction(database: DatabaseSync, run: () => void): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    run();
    database.exec("COMMIT");
  } catch (error) {
    // SQLite may have rolled back by itself, as on a full disk.
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}
