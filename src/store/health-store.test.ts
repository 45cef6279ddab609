import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it, type TestContext } from "node:test";
import { fakeClock } from "../../test/support/fake-clock.ts";
import { recordingLogger } from "../../test/support/logger.ts";
import { emptySlot, type HealthStore, slotWidths } from "../core/health-history.ts";
import { createMemoryHealthStore } from "./health-memory.ts";
import { openHealthStore } from "./open-health-store.ts";

const minute = 60_000;

function setUp(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), "nodoff-health-"));
  t.after(() => rmSync(dir, { recursive: true }));
  const clock = fakeClock();
  const logger = recordingLogger();
  const open = (stateDir: string | null = dir): HealthStore => {
    const store = openHealthStore({ stateDir, clock, logger });
    t.after(() => store.close());
    return store;
  };
  return { dir, file: join(dir, "health.db"), clock, logger, open };
}

const up = (at: number, upMs: number) => ({ widthMs: minute, change: { ...emptySlot(at), upMs } });
const all = { widthMs: minute, from: 0 };

describe("health store", () => {
  for (const [name, open] of [
    ["in memory", () => createMemoryHealthStore()],
    ["in a file", (t: TestContext) => setUp(t).open()],
  ] as const) {
    it(`${name}: adds to slots, and finds them at once`, (t) => {
      const store = open(t);
      store.add("blog", [up(minute, 10), up(2 * minute, 20)]);
      store.add("blog", [
        up(2 * minute, 5),
        { widthMs: 900_000, change: { ...emptySlot(0), latencySumMs: 1.5, latencyCount: 2 } },
      ]);
      store.add("wiki", [up(minute, 7)]);
      assert.deepEqual(
        store.slots("blog", all).map(({ at, upMs }) => [at, upMs]),
        [
          [minute, 10],
          [2 * minute, 25],
        ],
      );
      assert.deepEqual(store.slots("blog", { widthMs: minute, from: minute + 1 }).length, 1);
      assert.deepEqual(store.slots("blog", { widthMs: 900_000, from: 0 }), [
        { ...emptySlot(0), latencySumMs: 1.5, latencyCount: 2 },
      ]);
      assert.deepEqual(store.slots("none", all), []);
    });

    it(`${name}: keeps no more slots than its width has, whatever order they come in`, (t) => {
      const store = open(t);
      for (const { widthMs, slots } of slotWidths) {
        for (let n = 0; n < slots * 2 + 7; n++)
          store.add("blog", [{ widthMs, change: { ...emptySlot(n * widthMs), upMs: 1 } }]);
        const kept = [...store.slots("blog", { widthMs, from: 0 })];
        assert.equal(kept.length, slots);
        assert.equal(kept.at(-1)?.at, (slots * 2 + 6) * widthMs);
        assert.equal(kept[0]?.at, (slots + 7) * widthMs);
        // A clock that was set back must not wipe out what came later.
        store.add("blog", [{ widthMs, change: { ...emptySlot(0), upMs: 1 } }]);
        assert.deepEqual(store.slots("blog", { widthMs, from: 0 }), kept);
      }
    });

    it(`${name}: knows who is down`, (t) => {
      const store = open(t);
      assert.equal(store.isDown("blog"), false);
      store.setDown("blog", true);
      assert.equal(store.isDown("blog"), true);
      store.setDown("blog", false);
      assert.equal(store.isDown("blog"), false);
    });
  }

  it("survives a restart, and goes on in the slot it was in", async (t) => {
    const { open, logger } = setUp(t);
    const first = open();
    first.add("blog", [up(minute, 10)]);
    first.setDown("blog", true);
    await first.close();
    await first.close();
    const second = open();
    second.add("blog", [up(minute, 5)]);
    assert.deepEqual(second.slots("blog", all), [{ ...emptySlot(minute), upMs: 15 }]);
    assert.equal(second.isDown("blog"), true);
    assert.deepEqual(logger.lines, []);
  });

  it("gathers for ten seconds and writes in small turns; who is down at once", (t) => {
    const { open, clock, file } = setUp(t);
    const store = open();
    const count = (what: string): number => {
      const database = new DatabaseSync(file, { readOnly: true });
      const found = Number(database.prepare(`SELECT count(*) AS n FROM ${what}`).get()?.["n"]);
      database.close();
      return found;
    };
    for (let n = 399; n >= 0; n--) store.add(`app${n}`, [up(minute, 1)]);
    clock.advance(9_999);
    assert.equal(count("slot"), 0, "not in the caller's turn");
    clock.advance(1);
    assert.equal(count("slot"), 400);
    store.add("app1", [up(2 * minute, 1)]);
    store.setDown("app7", true);
    clock.advance(500);
    assert.equal(count("route WHERE is_down = 1"), 1);
  });

  it("is not put off by others that go down meanwhile", (t) => {
    const { open, clock, file } = setUp(t);
    const store = open();
    for (let n = 0; n < 10; n++) {
      store.setDown(`app${n}`, true);
      clock.advance(100);
    }
    const database = new DatabaseSync(file, { readOnly: true });
    t.after(() => database.close());
    assert.ok(Number(database.prepare("SELECT count(*) AS n FROM route WHERE is_down = 1").get()?.["n"]) >= 5);
  });

  it("forgets what was not heard of for 90 days", async (t) => {
    const { open, clock } = setUp(t);
    const first = open();
    first.setDown("old", true);
    first.add("old", [up(minute, 1)]);
    await first.close();
    clock.advance(60 * 86_400_000);
    const second = open();
    second.add("young", [up(minute, 1)]);
    await second.close();
    clock.advance(40 * 86_400_000);
    const third = open();
    assert.deepEqual(
      [third.isDown("old"), third.slots("old", all).length, third.slots("young", all).length],
      [false, 0, 1],
    );
  });

  it("begins a broken file anew, and one of other tables too", async (t) => {
    const { open, file, logger } = setUp(t);
    writeFileSync(file, "this is no database ".repeat(500));
    await open().close();
    assert.match(logger.lines.at(-1)!.message, /begun anew/);
    const database = new DatabaseSync(file);
    database.exec("PRAGMA user_version = 99");
    database.close();
    const store = open();
    store.add("blog", [up(minute, 1)]);
    assert.equal(store.slots("blog", all).length, 1);
  });

  it("falls back to memory with one warning", (t) => {
    const { dir, file, open, logger } = setUp(t);
    mkdirSync(file);
    writeFileSync(join(file, "x"), "");
    const store = open();
    store.setDown("blog", true);
    assert.equal(store.isDown("blog"), true);
    assert.equal(logger.lines.filter(({ level }) => level === "warn").length, 1);
    open(join(dir, "none", "there")).setDown("a", true);
    assert.throws(() => statSync(join(dir, "none")));
  });

  it("warns once while it cannot write, and writes everything when it can again", (t) => {
    const { open, clock, file, logger } = setUp(t);
    const store = open();
    const other = new DatabaseSync(file);
    t.after(() => other.close());
    other.exec("BEGIN IMMEDIATE");
    store.add("blog", [up(minute, 1)]);
    clock.advance(31_000);
    assert.equal(logger.lines.length, 1);
    other.exec("ROLLBACK");
    clock.advance(10_000);
    assert.equal(clock.pending, 0, "nothing is left to write");
    assert.equal(store.slots("blog", all).length, 1);
  });
});
