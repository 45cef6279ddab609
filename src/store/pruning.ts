import type { DatabaseSync } from "node:sqlite";
import { toNumber } from "./columns.ts";
import type { JournalEvent } from "../core/journal.ts";

/** How much history is kept. What is beyond goes soon, not at once: each look for it has a price. */
export const kept = {
  ageMs: 90 * 24 * 3_600_000,
  /** Ended stretches of one workload. */
  intervalsPerAlias: 5_000,
  /** The newest events, whoever they are about. */
  events: 20_000,
  /** Of each workload these are kept for longer … */
  eventsPerAlias: 500,
  /** … as long as there are not more than these in all. */
  eventsInAll: 200_000,
} as const;

/** New stretches of one workload, and new events, between two looks. */
const intervalsPerLook = 50;
const eventsPerLook = 100;
/** Counting them all takes milliseconds. */
const eventsPerCount = 500;
/** Rows deleted for their age in one go. */
const rowsPerPurge = 1_000;
const purgeEveryMs = 3_600_000;

/** Keeps history within bounds. All of it is called within the transaction that adds rows. */
export interface Pruning {
  intervalsAdded(alias: string, count: number): void;
  eventsAdded(events: readonly JournalEvent[]): void;
  /** Deletes by age: a part of it at each call, nothing for an hour after the last part. */
  purge(wall: number): void;
}

export function createPruning(database: DatabaseSync): Pruning {
  return { ...intervalPruning(database), ...eventPruning(database), purge: agePurge(database) };
}

function intervalPruning(database: DatabaseSync): Pick<Pruning, "intervalsAdded"> {
  const cut = database.prepare(
    `DELETE FROM interval WHERE alias = :alias AND from_at <=
       (SELECT from_at FROM interval WHERE alias = :alias ORDER BY from_at DESC LIMIT 1 OFFSET ${kept.intervalsPerAlias})`,
  );
  /** Added since the last look. */
  const added = new Map<string, number>();
  return {
    intervalsAdded(alias, count) {
      const sum = (added.get(alias) ?? intervalsPerLook) + count;
      // The first of this process is a look, too: else many short lives of ours would never look.
      if (sum > intervalsPerLook) cut.run({ alias });
      added.set(alias, sum > intervalsPerLook ? 0 : sum);
    },
  };
}

function eventPruning(database: DatabaseSync): Pick<Pruning, "eventsAdded"> {
  const cut = database.prepare(
    `DELETE FROM event WHERE alias = :alias AND id <= :floor AND id <=
       (SELECT id FROM event WHERE alias = :alias ORDER BY id DESC LIMIT 1 OFFSET ${kept.eventsPerAlias})`,
  );
  const leaving = database.prepare("SELECT DISTINCT alias FROM event WHERE id > ? AND id <= ?");
  const cutOldest = database.prepare(
    "DELETE FROM event WHERE id <= (SELECT id FROM event ORDER BY id LIMIT 1 OFFSET ?)",
  );
  const counted = database.prepare("SELECT count(*) AS count FROM event");
  const newest = database.prepare("SELECT max(id) AS id FROM event").get();
  const countNow = (): number => toNumber(counted.get()?.["count"]) ?? 0;
  /** At least as many as there are: too many where a transaction was rolled back. */
  let count = countNow();
  /** Up to this id, only the newest of each workload are kept. */
  let floor = (toNumber(newest?.["id"]) ?? 0) - kept.events;
  const touched = new Set<string>();
  let added = 0;

  const look = (newest: number): void => {
    const newFloor = newest - kept.events;
    for (const row of leaving.all(floor, newFloor)) touched.add(String(row["alias"]));
    for (const alias of touched) count -= Number(cut.run({ alias, floor: newFloor }).changes);
    if (count > kept.eventsInAll + eventsPerCount) {
      count = countNow();
      if (count > kept.eventsInAll) count -= Number(cutOldest.run(count - kept.eventsInAll - 1).changes);
    }
    floor = newFloor;
    touched.clear();
    added = 0;
  };
  return {
    eventsAdded(events) {
      for (const { alias } of events) touched.add(alias ?? "");
      count += events.length;
      added += events.length;
      const newest = events.at(-1)?.id;
      if (added >= eventsPerLook && newest !== undefined) look(newest);
    },
  };
}

function agePurge(database: DatabaseSync): Pruning["purge"] {
  const intervals = database.prepare(
    `DELETE FROM interval WHERE (alias, from_at) IN
       (SELECT alias, from_at FROM interval WHERE to_at < ? LIMIT ${rowsPerPurge})`,
  );
  // Ids rise with time. The newest stays: it tells which ids were given.
  const events = database.prepare(
    `DELETE FROM event WHERE id IN (SELECT id FROM event ORDER BY id LIMIT ${rowsPerPurge}) AND at < ?
       AND id < (SELECT max(id) FROM event)`,
  );
  let dueAt = Number.NEGATIVE_INFINITY;
  return (wall) => {
    if (wall < dueAt) return;
    const before = Math.round(wall - kept.ageMs);
    const deleted = Math.max(Number(intervals.run(before).changes), Number(events.run(before).changes));
    if (deleted < rowsPerPurge) dueAt = wall + purgeEveryMs;
  };
}
