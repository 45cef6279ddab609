import { createMemoryStore } from "./memory-store.ts";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { Store } from "../core/store.ts";
import type { StateFile } from "./database.ts";
import type { Remembered } from "./memory-store.ts";

/** The store closes the database. */
export interface SqliteStoreDeps extends StateFile {
  readonly path: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Half of the second the seam promises: timers may be late. */
const flushAfterMs = 500;
/** After a failed write, such as on a full disk. */
const retryAfterMs = 10_000;
/** Rows written in one turn: about 5 ms, so that 10,000 busy workloads do not delay the hook. */
const rowsPerTurn = 1_000;

/** Memory in front, the file behind: reads never touch the file, writes are gathered into few transactions. */
export function createSqliteStore(deps: SqliteStoreDeps): Store {
  const { database, rows, path, clock, logger } = deps;
  const upsert = database.prepare(
    `INSERT INTO workload (alias, last_used_at, wake_durations_ms, saved_at) VALUES (?, ?, ?, ?)
     ON CONFLICT (alias) DO UPDATE SET last_used_at = excluded.last_used_at,
       wake_durations_ms = excluded.wake_durations_ms, saved_at = excluded.saved_at`,
  );
  const dirty = new Set<string>();
  let cancel: (() => void) | null = null;
  let failing = false;
  let closed = false;

  const flush = (limit: number): void => {
    cancel = null;
    const batch = [...dirty].slice(0, limit);
    try {
      transaction(database, () => {
        for (const alias of batch) write(upsert, alias, rows.get(alias), clock.wall());
      });
      for (const alias of batch) dirty.delete(alias);
      failing = false;
      schedule(0);
    } catch (error) {
      // Once per spell: every retry would say the same.
      if (!failing) logger.warn("state cannot be written, trying again", { path, error });
      failing = true;
      schedule(retryAfterMs);
    }
  };
  const schedule = (delayMs: number): void => {
    if (cancel === null && dirty.size > 0 && !closed) cancel = clock.after(delayMs, () => flush(rowsPerTurn));
  };

  const changed = (alias: string): void => {
    dirty.add(alias);
    schedule(flushAfterMs);
  };
  const close = (): void => {
    if (closed) return;
    closed = true;
    cancel?.();
    if (dirty.size > 0) flush(dirty.size);
    database.close();
  };
  return {
    ...createMemoryStore(clock, { initial: rows, changed }),
    close: () => Promise.resolve(close()),
  };
}

function write(upsert: StatementSync, alias: string, row: Remembered | undefined, wall: number): void {
  if (row === undefined) return;
  const lastUsedAt = row.lastUsedAt === null ? null : Math.round(row.lastUsedAt);
  upsert.run(alias, lastUsedAt, row.wakeDurationsMs.map(Math.round).join(" "), Math.round(wall));
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
