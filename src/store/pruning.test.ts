import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "node:test";
import { createPruning, kept } from "./pruning.ts";
import { migrate } from "./schema.ts";
import type { JournalEvent } from "../core/journal.ts";
import type { Pruning } from "./pruning.ts";

const now = Date.UTC(2026, 0, 1);

function setUp() {
  const database = new DatabaseSync(":memory:");
  migrate(database);
  const count = (table: string, alias?: string): number => {
    const where = alias === undefined ? "" : ` WHERE alias = '${alias}'`;
    return Number(database.prepare(`SELECT count(*) AS n FROM ${table}${where}`).get()!["n"]);
  };
  const insertEvent = database.prepare("INSERT INTO event (id, at, alias, body) VALUES (?, ?, ?, '{}')");
  const insertInterval = database.prepare("INSERT INTO interval VALUES (?, ?, ?, 'asleep', NULL)");
  let lastId = 0;
  const addEvents = (pruning: Pruning, alias: string | null, many: number): void => {
    for (let left = many; left > 0; left -= 100) {
      const events: JournalEvent[] = [];
      for (let one = 0; one < Math.min(100, left); one++) {
        insertEvent.run(++lastId, now, alias ?? "");
        events.push({ id: lastId, at: now, type: "state", alias, message: "" });
      }
      pruning.eventsAdded(events);
    }
  };
  const addInterval = (alias: string, from: number): void => void insertInterval.run(alias, from, from + 1);
  const newestOf = (alias: string): number =>
    Number(database.prepare("SELECT max(id) AS id FROM event WHERE alias = ?").get(alias)!["id"]);
  return { database, count, addEvents, addInterval, newestOf, lastId: () => lastId };
}

describe("pruning", () => {
  it("keeps the newest stretches of each workload", () => {
    const { database, count, addInterval } = setUp();
    const pruning = createPruning(database);
    addInterval("wiki", now);
    pruning.intervalsAdded("wiki", 1);
    for (let number = 0; number < kept.intervalsPerAlias + 120; number++) {
      addInterval("blog", now + number * 10);
      pruning.intervalsAdded("blog", 1);
      const most = Math.min(number + 1, kept.intervalsPerAlias + 50);
      const have = number % 40 === 0 ? count("interval", "blog") : most;
      assert.ok(have <= most && have >= Math.min(number + 1, kept.intervalsPerAlias), `${have} of ${number}`);
    }
    const oldest = database.prepare("SELECT min(from_at) AS at FROM interval WHERE alias = 'blog'").get()!["at"];
    assert.ok(Number(oldest) >= now + 60 * 10, "the oldest go");
    assert.equal(count("interval", "wiki"), 1);
  });

  it("looks at the first stretch of a process, too: short lives of ours must not add up", () => {
    const { database, count, addInterval } = setUp();
    for (let number = 0; number < kept.intervalsPerAlias + 30; number++) addInterval("blog", now + number * 10);
    createPruning(database).intervalsAdded("blog", 1);
    assert.equal(count("interval", "blog"), kept.intervalsPerAlias);
  });

  it("keeps the newest events of all, and beyond them the newest of each workload", () => {
    const { database, count, addEvents, newestOf } = setUp();
    const pruning = createPruning(database);
    addEvents(pruning, "quiet", 100);
    addEvents(pruning, "blog", 3_000);
    addEvents(pruning, null, 600);
    assert.equal(count("event"), 3_700, "all of them are among the newest");
    const newest = newestOf("blog");
    addEvents(pruning, "noisy", kept.events + 4_000);
    assert.equal(count("event", "quiet"), 100);
    assert.equal(count("event", "blog"), kept.eventsPerAlias);
    assert.equal(newestOf("blog"), newest, "the newest stay");
    assert.equal(count("event", ""), kept.eventsPerAlias);
    const noisy = count("event", "noisy");
    assert.ok(noisy >= kept.events && noisy < kept.events + 300, `${noisy}`);
  });

  it("goes on where another process of ours left off", () => {
    const { database, count, addEvents } = setUp();
    addEvents(createPruning(database), "blog", 3_000);
    addEvents(createPruning(database), "noisy", 10_000);
    const pruning = createPruning(database);
    addEvents(pruning, "noisy", kept.events);
    assert.equal(count("event", "blog"), kept.eventsPerAlias);
  });

  it("keeps no more than so many in all, however many workloads there are", () => {
    const { database, count, addEvents, lastId } = setUp();
    const pruning = createPruning(database);
    const workloads = kept.eventsInAll / kept.eventsPerAlias + 20;
    database.exec("BEGIN");
    for (let number = 0; number < workloads; number++) addEvents(pruning, `w${number}`, kept.eventsPerAlias);
    database.exec("COMMIT");
    const have = count("event");
    assert.ok(have <= kept.eventsInAll + 700 && have >= kept.eventsInAll, `${have} of ${lastId()}`);
    assert.equal(count("event", "w0"), 0, "the oldest go");
    assert.equal(count("event", `w${workloads - 1}`), kept.eventsPerAlias);
  });

  it("deletes nothing for what was rolled back", () => {
    const { database, count, addEvents } = setUp();
    const pruning = createPruning(database);
    addEvents(pruning, "blog", 400);
    const toEvent = (id: number): JournalEvent => ({ id, at: now, type: "state", alias: "blog", message: "" });
    const failed = Array.from({ length: 10_000 }, (_, number) => toEvent(401 + number));
    for (let round = 0; round < 25; round++) pruning.eventsAdded(failed);
    assert.equal(count("event"), 400);
  });

  it("forgets by age, in parts, but the newest event: it tells which ids were given", () => {
    const { database, count, addEvents, addInterval } = setUp();
    const pruning = createPruning(database);
    addEvents(pruning, "blog", 2_500);
    for (let number = 0; number < 1_500; number++) addInterval("blog", now + number);
    const late = now + kept.ageMs + 1_000_000;
    addInterval("blog", late - 1_000);
    pruning.purge(late);
    assert.deepEqual([count("event"), count("interval")], [1_500, 501]);
    pruning.purge(late);
    pruning.purge(late);
    assert.deepEqual([count("event"), count("interval")], [1, 1]);
    addInterval("blog", now);
    pruning.purge(late + 60_000);
    assert.equal(count("interval"), 2, "not at every write");
    pruning.purge(late + 3_600_000);
    assert.equal(count("interval"), 1);
  });
});
