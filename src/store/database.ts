import { DatabaseSync } from "node:sqlite";
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { toFailure } from "../core/errors.ts";
import { toInterval, toNumber } from "./columns.ts";
import { migrate, NewerSchema } from "./schema.ts";
import type { SQLOutputValue } from "node:sqlite";
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { Remembered } from "./rows.ts";

/** The file and what it held when it was opened. */
export interface StateFile {
  readonly database: DatabaseSync;
  readonly rows: Map<string, Remembered>;
}

/** An open file of the present schema, or why there is none. */
export type Opened =
  | ({ readonly kind: "open" } & StateFile)
  | {
      readonly kind: "unusable";
      readonly reason: string;
      /** What to do about it, for people. */
      readonly mend: string;
    };

/** Names come and go (previews); what was not heard of for this long is forgotten at the next start. */
const forgetAfterMs = 90 * 24 * 3_600_000;
/** The same for what sleeps or runs all that time: nothing is to be heard of it. */
const forgetOpenAfterMs = 4 * forgetAfterMs;

const selectRows = `SELECT alias, last_used_at, pinned_until, wake_durations_ms,
  open_kind AS kind, open_from AS from_at, open_memory_bytes AS memory_bytes FROM workload`;

/** SQLITE_CORRUPT and SQLITE_NOTADB, https://www.sqlite.org/rescode.html */
const brokenCodes: ReadonlySet<number> = new Set([11, 26]);

class BrokenFile extends Error {}

/**
 * Opens the file for reading and writing, making it and its directory where they do not exist. Never throws. A broken
 * file gets another name beside the old one, with a warning, and a new one takes its place.
 */
export function openDatabase(path: string, deps: { readonly clock: Clock; readonly logger: Logger }): Opened {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    return { kind: "open", ...openOrReplace(path, deps) };
  } catch (error) {
    return { kind: "unusable", reason: toFailure(error).message, mend: mendFor(error, path) };
  }
}

function mendFor(error: unknown, path: string): string {
  if (error instanceof NewerSchema) return "run the nodoff that wrote it, or move the file away";
  return `let nodoff's user write to ${dirname(path)}, or set state_dir to a directory it may write to`;
}

function openOrReplace(path: string, deps: { readonly clock: Clock; readonly logger: Logger }): StateFile {
  const wall = deps.clock.wall();
  try {
    return open(path, wall);
  } catch (error) {
    if (!isBroken(error)) throw error;
    const movedTo = moveAside(path, wall);
    deps.logger.warn("state file is broken: moved aside, starting with an empty one", { path, movedTo, error });
    return open(path, wall);
  }
}

function open(path: string, wall: number): StateFile {
  // A second process on the same file makes us wait, and waiting blocks everything: keep it short.
  const database = new DatabaseSync(path, { timeout: 20 });
  try {
    prepare(database);
    return { database, rows: readRows(database, wall) };
  } catch (error) {
    database.close();
    throw error;
  }
}

function prepare(database: DatabaseSync): void {
  // WAL with NORMAL: a crash of the process loses nothing committed, a power cut at most the last commits.
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
  if (pragma(database, "quick_check") !== "ok") throw new BrokenFile("quick_check failed");
  // Also finds out whether the file may be written.
  database.exec("BEGIN IMMEDIATE");
  migrate(database);
  database.exec("COMMIT");
}

function pragma(database: DatabaseSync, name: string): unknown {
  return database.prepare(`PRAGMA ${name}`).get()?.[name];
}

function readRows(database: DatabaseSync, wall: number): Map<string, Remembered> {
  database
    .prepare("DELETE FROM workload WHERE saved_at < CASE WHEN open_kind IS NULL THEN ? ELSE ? END")
    .run(Math.round(wall - forgetAfterMs), Math.round(wall - forgetOpenAfterMs));
  const rows = new Map<string, Remembered>();
  for (const row of database.prepare(selectRows).iterate()) {
    rows.set(String(row["alias"]), {
      lastUsedAt: toNumber(row["last_used_at"]),
      pinnedUntil: toNumber(row["pinned_until"]),
      open: toInterval(row),
      wakeDurationsMs: parseDurations(row["wake_durations_ms"]),
    });
  }
  return rows;
}

function parseDurations(text: SQLOutputValue | undefined): number[] {
  if (typeof text !== "string" || text === "") return [];
  return text.split(" ").map(Number).filter(Number.isFinite);
}

function isBroken(error: unknown): boolean {
  if (error instanceof BrokenFile) return true;
  // Extended codes carry the primary one in their low byte.
  return error instanceof Error && "errcode" in error && brokenCodes.has(Number(error.errcode) & 0xff);
}

/** The write-ahead log belongs to its file: left behind, it would be played into the new one. */
function moveAside(path: string, wall: number): string {
  const movedTo = `${path}.broken-${new Date(wall).toISOString().replaceAll(":", "")}`;
  for (const suffix of ["", "-wal", "-shm"]) {
    if (existsSync(path + suffix)) renameSync(path + suffix, movedTo + suffix);
  }
  return movedTo;
}
