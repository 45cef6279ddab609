import type { DatabaseSync } from "node:sqlite";

/**
 * What turns the tables of one version into those of the next; the file keeps its version as `user_version`. Never
 * changed once released, only added to. Times are wall clock ms.
 */
const migrations: readonly string[] = [
  `CREATE TABLE workload (
     alias TEXT PRIMARY KEY,
     last_used_at INTEGER,
     wake_durations_ms TEXT NOT NULL,
     saved_at INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;`,

  // The stretch that goes on stands in its workload's row: what is in `interval` never changes any more.
  `ALTER TABLE workload ADD COLUMN pinned_until INTEGER;
   ALTER TABLE workload ADD COLUMN open_kind TEXT;
   ALTER TABLE workload ADD COLUMN open_from INTEGER;
   ALTER TABLE workload ADD COLUMN open_memory_bytes INTEGER;
   CREATE TABLE interval (
     alias TEXT NOT NULL,
     from_at INTEGER NOT NULL,
     to_at INTEGER NOT NULL,
     kind TEXT NOT NULL,
     memory_bytes INTEGER,
     PRIMARY KEY (alias, from_at)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX interval_by_end ON interval (to_at);
   CREATE TABLE event (
     id INTEGER PRIMARY KEY,
     at INTEGER NOT NULL,
     -- Empty: about nodoff itself.
     alias TEXT NOT NULL,
     -- JSON.
     body TEXT NOT NULL
   ) STRICT;
   CREATE INDEX event_by_alias ON event (alias, id);`,
];

export class NewerSchema extends Error {}

/** Brings the tables to the present version, keeping their rows. To be called within a transaction. */
export function migrate(database: DatabaseSync): void {
  const version = Number(database.prepare("PRAGMA user_version").get()?.["user_version"]);
  if (version > migrations.length) throw new NewerSchema(`schema ${version} is newer than this nodoff`);
  for (const migration of migrations.slice(version)) database.exec(migration);
  if (version < migrations.length) database.exec(`PRAGMA user_version = ${migrations.length}`);
}
