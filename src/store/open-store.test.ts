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
    const { dir, open, logger } = setUp(t);
    const script = fileURLToPath(new URL("../../test/support/store-child.ts", import.meta.url));
    const child = spawn(process.execPath, [script, dir], { stdio: ["ignore", "pipe", "inherit"] });
    t.after(() => child.kill("SIGKILL"));
    let printed = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      printed = Number(line);
      // Far enough that many flushes (every 2 ms there) have happened.
      if (printed >= 200) break;
    }
    child.kill("SIGKILL");
    await once(child, "exit");
    const store = open();
    const values = Array.from({ length: 50 }, (_, number) => store.lastUsed(`w${number}`));
    assert.equal(new Set(values).size, 1, `a torn round: ${values.join(" ")}`);
    // The child may have gone on until the signal, and may have lost what its last flush had not reached.
    assert.ok(values[0]! >= printed - 150, `lost too much: ${values[0]} of ${printed}`);
    assert.deepEqual(logger.lines, []);
  });
});
