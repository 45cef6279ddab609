import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createInterface } from "node:readline";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { TestContext } from "node:test";
import { fakeClock } from "../../test/support/fake-clock.ts";
import { recordingLogger } from "../../test/support/logger.ts";
import { openStore } from "./open-store.ts";
import type { Store } from "../core/store.ts";

function setUp(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), "nodoff-store-"));
  t.after(() => rmSync(dir, { recursive: true }));
  const clock = fakeClock();
  const logger = recordingLogger();
  const open = (stateDir: string | null = dir): Store => {
    const store = openStore({ stateDir, clock, logger });
    t.after(() => store.close());
    return store;
  };
  return { dir, clock, logger, open };
}

/** What another process would find now. */
function fileRows(dir: string): Record<string, number> {
  const database = new DatabaseSync(join(dir, "nodoff.db"), { readOnly: true });
  const rows = database.prepare("SELECT alias, last_used_at FROM workload").all();
  database.close();
  return Object.fromEntries(rows.map((row) => [String(row["alias"]), Number(row["last_used_at"])]));
}

function countRows(dir: string, table: string): number {
  const database = new DatabaseSync(join(dir, "nodoff.db"), { readOnly: true });
  const row = database.prepare(`SELECT count(*) AS n FROM ${table}`).get();
  database.close();
  return Number(row!["n"]);
}

describe("store", () => {
  it("remembers across a close", async (t) => {
    const { clock, logger, open } = setUp(t);
    const first = open();
    assert.equal(first.lastUsed("blog"), null);
    assert.deepEqual(first.wakeDurations("blog"), []);
    first.saveLastUsed("blog", clock.wall() - 5_000);
    for (let ms = 1; ms <= 12; ms++) first.addWakeDuration("blog", ms * 100 + 0.4);
    first.addWakeDuration("wiki", 250);
    await first.close();
    await first.close();

    const second = open();
    assert.equal(second.lastUsed("blog"), clock.wall() - 5_000);
    assert.deepEqual(second.wakeDurations("blog"), [300, 400, 500, 600, 700, 800, 900, 1000, 1100, 1200]);
    assert.equal(second.lastUsed("wiki"), null);
    assert.deepEqual(second.wakeDurations("wiki"), [250]);
    assert.deepEqual(logger.lines, []);
  });

  it("has everything in the file within a second, in few writes", (t) => {
    const { dir, clock, open } = setUp(t);
    const store = open();
    const at = clock.wall();
    for (let number = 0; number < 2_500; number++) store.saveLastUsed(`w${number}`, at);
    assert.equal(clock.pending, 1);
    assert.deepEqual(fileRows(dir), {}, "no write in the caller's turn");
    clock.advance(999);
    assert.equal(Object.keys(fileRows(dir)).length, 2_500);
    assert.equal(clock.pending, 0);
    store.saveLastUsed("w1", at);
    assert.equal(clock.pending, 0, "the same again needs no write");
    store.saveLastUsed("w1", at + 1);
    clock.advance(999);
    assert.equal(fileRows(dir)["w1"], at + 1);
  });

  it("writes last uses in fair turn, and everything else before them", (t) => {
    const { dir, clock, open } = setUp(t);
    const store = open();
    const at = clock.wall();
    const busy = Array.from({ length: 3_500 }, (_, number) => `w${number}`);
    for (const alias of busy) store.saveLastUsed(alias, at);
    clock.advance(250);
    assert.equal(Object.keys(fileRows(dir)).length, 1_000);
    // Those that wait must not fall behind those that are used again and again.
    for (const alias of busy) store.saveLastUsed(alias, at + 1);
    store.savePin("w3400", at + 60_000);
    store.addEvent({ id: 1, at, type: "audit", alias: "w3400", message: "pin asked" });
    clock.advance(250);
    const rows = fileRows(dir);
    assert.equal(rows["w3400"], at + 1);
    assert.deepEqual([rows["w0"], rows["w1500"], rows["w3000"]], [at, at + 1, undefined]);
    clock.advance(500);
    assert.equal(Object.keys(fileRows(dir)).length, 3_500);
    clock.advance(250);
    assert.equal(fileRows(dir)["w0"], at + 1);
    assert.equal(clock.pending, 0);
  });

  it("writes thousands of turns and events within a second", (t) => {
    const { dir, clock, open } = setUp(t);
    const store = open();
    const at = clock.wall();
    for (let number = 0; number < 2_000; number++) {
      store.turnInterval(`w${number}`, { kind: "awake", memoryBytes: null }, at);
      store.turnInterval(`w${number}`, { kind: "asleep", memoryBytes: 1.5 }, at + 1);
      store.addEvent({ id: number + 1, at, type: "state", alias: `w${number}`, message: "asleep" });
    }
    clock.advance(250);
    const tables = ["workload", "interval", "event"];
    assert.deepEqual(
      tables.map((table) => countRows(dir, table)),
      [2_000, 2_000, 2_000],
    );
    assert.equal(clock.pending, 0);
  });

  it("goes on with stretches, pins and event ids where it was", async (t) => {
    const { clock, open } = setUp(t);
    const first = open();
    const at = clock.wall();
    first.turnInterval("blog", { kind: "awake", memoryBytes: null }, at - 500.6);
    first.turnInterval("blog", { kind: "asleep", memoryBytes: 1e9 }, at);
    first.savePin("blog", at + 60_000);
    first.savePin("wiki", at + 60_000);
    first.savePin("wiki", null);
    first.addEvent({ id: 7, at, type: "state", alias: "blog", message: "asleep", state: "napping" });
    await first.close();

    const second = open();
    assert.equal(second.pinnedUntil("blog"), at + 60_000);
    assert.equal(second.pinnedUntil("wiki"), null);
    assert.deepEqual(second.openInterval("blog"), { kind: "asleep", from: at, to: null, memoryBytes: 1e9 });
    second.turnInterval("blog", { kind: "asleep", memoryBytes: null }, at + 5_000);
    second.turnInterval("blog", { kind: "awake", memoryBytes: null }, at + 9_000);
    assert.deepEqual(second.intervals("blog", at), [
      { kind: "asleep", from: at, to: at + 9_000, memoryBytes: 1e9 },
      { kind: "awake", from: at + 9_000, to: null, memoryBytes: null },
    ]);
    assert.equal(second.lastEventId, 7);
    assert.deepEqual(second.events("blog", 10), [
      { id: 7, at, type: "state", alias: "blog", message: "asleep", state: "napping" },
    ]);
  });

  it("takes over the file of nodoff 0.1 (schema 1) with its rows", (t) => {
    const { dir, clock, logger, open } = setUp(t);
    const old = new DatabaseSync(join(dir, "nodoff.db"));
    old.exec(`
      CREATE TABLE workload (
        alias TEXT PRIMARY KEY,
        last_used_at INTEGER,
        wake_durations_ms TEXT NOT NULL,
        saved_at INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;
      PRAGMA user_version = 1;`);
    const insert = old.prepare("INSERT INTO workload VALUES (?, ?, ?, ?)");
    insert.run("blog", clock.wall() - 5_000, "100 200", clock.wall());
    insert.run("wiki", null, "300", clock.wall());
    old.close();

    const store = open();
    assert.equal(store.lastUsed("blog"), clock.wall() - 5_000);
    assert.deepEqual(store.wakeDurations("blog"), [100, 200]);
    assert.deepEqual([store.lastUsed("wiki"), store.wakeDurations("wiki")], [null, [300]]);
    assert.deepEqual([store.pinnedUntil("blog"), store.openInterval("blog")], [null, null]);
    store.turnInterval("blog", { kind: "asleep", memoryBytes: null }, clock.wall());
    clock.advance(1_000);
    assert.equal(fileRows(dir)["blog"], clock.wall() - 6_000);
    assert.deepEqual(logger.lines, []);
  });

  it("never answers with a time to come, should the wall clock have been set back", async (t) => {
    const { clock, open } = setUp(t);
    const first = open();
    first.saveLastUsed("blog", clock.wall() + 60_000);
    await first.close();
    const second = open();
    assert.equal(second.lastUsed("blog"), clock.wall());
  });

  it("forgets what was not heard of for 90 days", async (t) => {
    const { clock, open } = setUp(t);
    const first = open();
    first.saveLastUsed("old", clock.wall());
    clock.advance(60 * 24 * 3_600_000);
    first.saveLastUsed("young", clock.wall());
    clock.advance(40 * 24 * 3_600_000);
    await first.close();
    const second = open();
    assert.equal(second.lastUsed("old"), null);
    assert.notEqual(second.lastUsed("young"), null);
  });

  it("does not forget what has slept for 90 days", async (t) => {
    const { clock, open } = setUp(t);
    const first = open();
    const at = clock.wall();
    first.turnInterval("blog", { kind: "asleep", memoryBytes: 5 }, at);
    await first.close();
    clock.advance(200 * 24 * 3_600_000);
    const second = open();
    assert.deepEqual(second.openInterval("blog"), { kind: "asleep", from: at, to: null, memoryBytes: 5 });
  });

  it("leaves out what it cannot read in its own rows", async (t) => {
    const { dir, clock, logger, open } = setUp(t);
    const at = clock.wall();
    const first = open();
    first.turnInterval("blog", { kind: "awake", memoryBytes: null }, at - 10);
    first.turnInterval("blog", { kind: "asleep", memoryBytes: null }, at);
    first.addEvent({ id: 1, at, type: "state", alias: "blog", message: "one" });
    first.addEvent({ id: 2, at, type: "state", alias: "blog", message: "two" });
    await first.close();
    const database = new DatabaseSync(join(dir, "nodoff.db"));
    database.exec("UPDATE interval SET kind = 'flying'; UPDATE workload SET open_kind = 'flying'");
    database.exec("UPDATE event SET body = '{' WHERE id = 1");
    database.close();
    const second = open();
    assert.deepEqual([second.openInterval("blog"), second.intervals("blog", 0)], [null, []]);
    assert.deepEqual(
      second.events("blog", 10).map(({ message }) => message),
      ["two"],
    );
    assert.deepEqual(logger.lines, []);
  });

  it("answers with what waits when the file cannot be read, and says so", (t) => {
    const { dir, clock, logger, open } = setUp(t);
    const store = open();
    store.addEvent({ id: 1, at: clock.wall(), type: "state", alias: "blog", message: "one" });
    clock.advance(1_000);
    const other = new DatabaseSync(join(dir, "nodoff.db"));
    other.exec("DROP TABLE event");
    other.close();
    store.addEvent({ id: 2, at: clock.wall(), type: "state", alias: "blog", message: "two" });
    assert.deepEqual(
      store.events("blog", 10).map(({ message }) => message),
      ["two"],
    );
    assert.deepEqual(
      logger.lines.map(({ level, message }) => [level, message]),
      [["warn", "history cannot be read"]],
    );
  });

  it("cuts texts that are pages long", (t) => {
    const { clock, open } = setUp(t);
    const store = open();
    const message = "x".repeat(100_000);
    const at = clock.wall();
    store.addEvent({ id: 1, at, type: "state", alias: "blog", message, failure: { code: "EXITED", message } });
    clock.advance(1_000);
    const [event] = store.events("blog", 1);
    assert.ok(event!.message.length < 5_000 && event!.failure!.message.length < 5_000);
  });

  it("keeps nothing on disk without a directory", async (t) => {
    const { dir, clock, logger, open } = setUp(t);
    const store = open(null);
    store.saveLastUsed("blog", clock.wall());
    store.addWakeDuration("blog", 100);
    assert.equal(store.lastUsed("blog"), clock.wall());
    assert.deepEqual(store.wakeDurations("blog"), [100]);
    await store.close();
    assert.deepEqual(readdirSync(dir), []);
    assert.deepEqual(logger.lines, []);
  });

  it("makes the directory", (t) => {
    const { dir, clock, open, logger } = setUp(t);
    const store = open(join(dir, "a", "b"));
    store.saveLastUsed("blog", clock.wall());
    clock.advance(1_000);
    assert.equal(fileRows(join(dir, "a", "b"))["blog"] !== undefined, true);
    assert.deepEqual(logger.lines, []);
  });

  it("falls back to memory with one warning that names path and mend", (t) => {
    const { dir, clock, logger, open } = setUp(t);
    writeFileSync(join(dir, "file"), "");
    const store = open(join(dir, "file"));
    store.saveLastUsed("blog", clock.wall());
    assert.equal(store.lastUsed("blog"), clock.wall());
    clock.advance(60_000);
    assert.equal(logger.lines.length, 1);
    const [line] = logger.lines;
    assert.equal(line!.level, "warn");
    assert.equal(line!.context["path"], join(dir, "file", "nodoff.db"));
    assert.match(String(line!.context["mend"]), /state_dir/);
    assert.match(String(line!.context["reason"]), /EEXIST|ENOTDIR/);
  });

  it("falls back to memory where the file cannot be opened", (t) => {
    const { dir, logger, open } = setUp(t);
    // A directory in the place of the file: refused for every user, root included.
    mkdirSync(join(dir, "nodoff.db"));
    open().saveLastUsed("blog", 1);
    assert.equal(logger.lines.length, 1);
    assert.match(logger.lines[0]!.message, /memory/);
  });

  it("moves a broken file aside and starts anew", async (t) => {
    const { dir, clock, logger, open } = setUp(t);
    const garbage = "this is no database ".repeat(500);
    writeFileSync(join(dir, "nodoff.db"), garbage);
    writeFileSync(join(dir, "nodoff.db-wal"), "old log");
    const store = open();
    store.saveLastUsed("blog", clock.wall());
    await store.close();
    assert.equal(fileRows(dir)["blog"], clock.wall());
    const main = readdirSync(dir).find((name) => /broken-.*(?<!-wal)$/.test(name));
    assert.equal(readFileSync(join(dir, main!), "utf8"), garbage);
    assert.equal(logger.lines.length, 1);
    assert.equal(logger.lines[0]!.context["movedTo"], join(dir, main!));
  });

  it("finds damage inside a file whose head is whole", async (t) => {
    const { dir, clock, logger, open } = setUp(t);
    const first = open();
    for (let number = 0; number < 2_000; number++) first.saveLastUsed(`workload-${number}`, clock.wall());
    await first.close();
    const bytes = readFileSync(join(dir, "nodoff.db"));
    bytes.fill(0xff, 4096, 4096 * 6);
    writeFileSync(join(dir, "nodoff.db"), bytes);
    assert.equal(open().lastUsed("workload-1"), null);
    assert.match(logger.lines[0]!.message, /broken/);
    assert.ok(readdirSync(dir).some((name) => name.includes("broken")));
  });

  it("leaves the file of a newer nodoff alone", async (t) => {
    const { dir, clock, logger, open } = setUp(t);
    const first = open();
    first.saveLastUsed("blog", clock.wall());
    await first.close();
    const database = new DatabaseSync(join(dir, "nodoff.db"));
    database.exec("PRAGMA user_version = 99");
    database.close();
    assert.equal(open().lastUsed("blog"), null);
    assert.match(String(logger.lines[0]!.context["reason"]), /99/);
    assert.equal(fileRows(dir)["blog"], clock.wall());
  });

  it("warns once while writing fails and writes everything when it works again", (t) => {
    const { dir, clock, logger, open } = setUp(t);
    const store = open();
    const other = new DatabaseSync(join(dir, "nodoff.db"));
    t.after(() => other.close());
    other.exec("BEGIN IMMEDIATE");
    store.saveLastUsed("blog", clock.wall());
    clock.advance(31_000);
    assert.equal(logger.lines.length, 1);
    assert.equal(logger.lines[0]!.context["path"], join(dir, "nodoff.db"));
    store.addWakeDuration("blog", 100);
    other.exec("ROLLBACK");
    clock.advance(10_000);
    assert.deepEqual(Object.keys(fileRows(dir)), ["blog"]);
    assert.equal(logger.lines.length, 1);
  });

  it("survives kill -9 in the middle of writing: whole transactions only", { timeout: 30_000 }, async (t) => {
    const { dir, clock, open, logger } = setUp(t);
    // Nothing here is older than what is kept, and no last use is to come.
    const start = clock.wall() - 1_000_000;
    const farPin = start + 2_000_000;
    const script = fileURLToPath(new URL("../../test/support/store-child.ts", import.meta.url));
    const child = spawn(process.execPath, [script, dir, String(start)], { stdio: ["ignore", "pipe", "inherit"] });
    t.after(() => child.kill("SIGKILL"));
    let printed = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      printed = Number(line);
      // Far enough that many flushes (every ms there) have happened.
      if (printed >= 200) break;
    }
    child.kill("SIGKILL");
    await once(child, "exit");
    const store = open();
    const aliases = Array.from({ length: 50 }, (_, number) => `w${number}`);
    const last = store.lastEventId;
    // The child may have gone on until the signal, and may have lost what its last flush had not reached.
    assert.ok(last >= printed - 150, `lost too much: ${last} of ${printed}`);
    assert.deepEqual(
      store.events(null, 10_000).map(({ id, message }) => [id, message]),
      Array.from({ length: last }, (_, number) => [number + 1, `round ${number + 1}`]),
    );
    for (const alias of aliases) {
      assert.equal(store.lastUsed(alias), start + last, `a torn round: ${alias}`);
      assert.equal(store.pinnedUntil(alias), farPin + last);
      const intervals = store.intervals(alias, 0);
      assert.equal(intervals.length, last, "a stretch per round");
      for (const [place, { from, to, kind }] of intervals.entries()) {
        assert.equal(from, start + place + 1);
        assert.equal(to, place + 1 === last ? null : start + place + 2, "no gap, no overlap");
        assert.equal(kind, place % 2 === 0 ? "asleep" : "awake");
      }
    }
    assert.deepEqual(logger.lines, []);
  });
});
