import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { silentLogger } from "../../../test/support/logger.ts";
import { recordWatch } from "../../../test/support/observer.ts";
import { realClock } from "../../../test/support/real-clock.ts";
import { eventually } from "../../../test/support/relay.ts";
import { createProcessProvider } from "./index.ts";
import type { ProcessDefinition, ProcessProvider } from "./index.ts";
import { createOutputRing } from "./output.ts";

/** A time limit of its own for each call: the whole run may last longer. */
const io = {
  get signal() {
    return AbortSignal.timeout(60_000);
  },
};
const sh = (script: string, more: Partial<ProcessDefinition> = {}): ProcessDefinition => ({
  command: ["sh", "-c", script],
  cwd: null,
  env: {},
  ...more,
});

function open(t: TestContext, definitions: Readonly<Record<string, ProcessDefinition>>): ProcessProvider {
  const provider = createProcessProvider({
    name: "here",
    clock: realClock,
    logger: silentLogger,
    definitions: new Map(Object.entries(definitions)),
    env: { PATH: process.env["PATH"], BASE: "base" },
    kill: (pid, signal) => void process.kill(pid, signal),
  });
  t.after(() => provider.close());
  return provider;
}

const lines = (provider: ProcessProvider, ref: string, count: number): Promise<readonly string[]> =>
  eventually(`${count} lines of ${ref}`, async () => {
    const found = await provider.logs(ref, { ...io, lines: 50 });
    return found.length >= count ? found : null;
  });

/** Whether a process runs; a zombie does not. */
async function runs(pid: string | undefined): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "gone) Z");
  return !/\) [ZX]/.test(stat);
}

describe("process provider", () => {
  it("tells its output as it is written, over its runs, until nobody listens", async (t) => {
    const provider = open(t, { app: sh("echo one; echo two; sleep 0.2; echo three") });
    await provider.start("app", io);
    await lines(provider, "app", 2);
    const leaving = new AbortController();
    const read: string[] = [];
    let again = true;
    for await (const line of provider.follow?.("app", { signal: leaving.signal, lines: 1 }) ?? []) {
      read.push(line);
      if (line === "three" && again) {
        again = false;
        await eventually("its end", async () => (await provider.inspect("app", io))?.power === "stopped");
        await provider.start("app", io);
      } else if (line === "three") leaving.abort();
    }
    assert.deepEqual(read, ["two", "three", "one", "two", "three"]);
  });

  it("runs the command with its folder and environment, no shell between", async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "ndtest-cwd-"));
    t.after(() => rm(folder, { recursive: true }));
    const script = "console.log(process.cwd(), process.env.BASE, process.env.OWN, process.argv[1])";
    const command = [process.execPath, "-e", script, "a $HOME;b"];
    const provider = open(t, { app: { command, cwd: folder, env: { OWN: "own" } } });
    await provider.start("app", io);
    assert.deepEqual(await lines(provider, "app", 1), [`${folder} base own a $HOME;b`]);
  });

  it("has its own env win over the base", async (t) => {
    const provider = open(t, { app: sh("echo $BASE", { env: { BASE: "mine" } }) });
    await provider.start("app", io);
    assert.deepEqual(await lines(provider, "app", 1), ["mine"]);
  });

  it("says why a command cannot be run", async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "ndtest-bad-"));
    t.after(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, "data"), "no program");
    const bad = (command: readonly string[], cwd: string | null = null) => ({ command, cwd, env: {} });
    const provider = open(t, {
      missing: bad(["/no/such/program"]),
      data: bad([join(folder, "data")]),
      folder: bad(["true"], "/no/such/folder"),
      empty: bad([]),
      nul: bad(["true", "a\0b"]),
    });
    const why = (ref: string, message: RegExp): Promise<void> =>
      assert.rejects(provider.start(ref, io), { code: "BAD_COMMAND", message });
    await why("missing", /\/no\/such\/program.*no such program/);
    await why("data", /may not be run/);
    await why("folder", /folder \/no\/such\/folder does not exist/);
    await why("empty", /empty/);
    await why("nul", /cannot be started/);
    assert.match((await provider.inspect("missing", io))?.error ?? "", /no such program/);
  });

  it("ends what the command started when it crashes", async (t) => {
    const provider = open(t, { app: sh("sleep 300 & echo $!; exit 4") });
    const watch = recordWatch(provider);
    await provider.start("app", io);
    const [pid] = await lines(provider, "app", 1);
    const { asked, exitCode } = await watch.change("app", "exited");
    assert.deepEqual([asked, exitCode], [false, 4]);
    assert.equal(await runs(pid), false);
    await watch.close();
  });

  it("gives what the command started the whole time to end by itself", async (t) => {
    const child = 'trap "sleep 0.5; echo saved; exit 0" TERM; echo $$; while :; do sleep 30 & wait $!; done';
    const provider = open(t, { app: { ...sh('sh -c "$CHILD" & trap "exit 0" TERM; wait'), env: { CHILD: child } } });
    await provider.start("app", io);
    const [pid] = await lines(provider, "app", 1);
    await provider.stop("app", { ...io, stopSignal: null, timeoutMs: 10_000 });
    assert.equal(await runs(pid), false);
    await eventually("its last words", async () => (await lines(provider, "app", 1)).includes("saved"));
  });

  it("kills what the command started and that does not end in time", async (t) => {
    const child = 'trap "" TERM; echo $$; while :; do sleep 30 & wait $!; done';
    const provider = open(t, { app: { ...sh('sh -c "$CHILD" & trap "exit 0" TERM; wait'), env: { CHILD: child } } });
    await provider.start("app", io);
    const [pid] = await lines(provider, "app", 1);
    await provider.stop("app", { ...io, stopSignal: null, timeoutMs: 300 });
    assert.equal(await runs(pid), false);
    assert.equal((await provider.inspect("app", io))?.power, "stopped");
  });

  it("stops by the signal that was asked for", async (t) => {
    const provider = open(t, {
      app: sh('trap "exit 7" INT; trap "exit 8" TERM; echo up; while :; do sleep 30 & wait $!; done'),
    });
    await provider.start("app", io);
    await lines(provider, "app", 1);
    await assert.rejects(provider.stop("app", { ...io, stopSignal: "BOGUS", timeoutMs: 100 }), {
      code: "ENGINE_ERROR",
    });
    await provider.stop("app", { ...io, stopSignal: "SIGINT", timeoutMs: 5_000 });
    assert.equal((await provider.inspect("app", io))?.exitCode, 7);
  });

  it("a start behind a stop waits for its end, and runs a new one", async (t) => {
    const provider = open(t, {
      app: sh('trap "sleep 0.3; exit 0" TERM; echo up; while :; do sleep 30 & wait $!; done'),
    });
    const watch = recordWatch(provider);
    await watch.listed();
    await provider.start("app", io);
    await lines(provider, "app", 1);
    const stopped = provider.stop("app", { ...io, stopSignal: null, timeoutMs: 5_000 });
    await provider.start("app", io);
    await stopped;
    assert.equal((await provider.inspect("app", io))?.power, "running");
    assert.deepEqual(
      watch.changes("app").map(({ kind }) => kind),
      ["started", "exited", "started"],
    );
    await watch.close();
  });

  it("a signal that ends nothing is waited for as long as the caller does, and is no stop", async (t) => {
    const provider = open(t, { app: sh('trap "" USR1; echo up; sleep 0.6; exit 5') });
    const watch = recordWatch(provider);
    await provider.start("app", io);
    await lines(provider, "app", 1);
    const options = { signal: AbortSignal.timeout(100), stopSignal: "SIGUSR1" };
    await assert.rejects(provider.kill("app", options), { code: "PROVIDER_UNAVAILABLE" });
    assert.equal((await provider.inspect("app", io))?.power, "running");
    assert.equal((await watch.change("app", "exited")).asked, false);
    await watch.close();
  });

  it("a changed definition counts from the next start", async (t) => {
    const provider = open(t, { app: sh('echo first; trap "exit 0" TERM; while :; do sleep 30 & wait $!; done') });
    await provider.start("app", io);
    await lines(provider, "app", 1);
    provider.define("app", sh("echo second"));
    assert.equal((await provider.inspect("app", io))?.power, "running");
    await provider.kill("app", { ...io, stopSignal: null });
    await provider.start("app", io);
    assert.deepEqual(await lines(provider, "app", 2), ["first", "second"]);
  });

  it("a removed definition is deleted and its process ended, and a new one listed", async (t) => {
    const provider = open(t, { app: sh("echo $$; exec sleep 300") });
    const watch = recordWatch(provider);
    await watch.listed();
    await provider.start("app", io);
    const [pid] = await lines(provider, "app", 1);
    provider.define("app", null);
    assert.equal(await provider.inspect("app", io), undefined);
    await eventually("its end", async () => !(await runs(pid)));
    provider.define("other", sh("true"));
    assert.deepEqual(
      watch.looks.map(({ refs }) => refs),
      [["other"]],
    );
    assert.deepEqual(
      watch.changes("app").map(({ kind }) => kind),
      ["started", "deleted"],
    );
    await watch.close();
  });

  it("close ends all: running, paused and one that just starts", async (t) => {
    const script = "echo $$; exec sleep 300";
    const provider = open(t, { running: sh(script), paused: sh(script), late: sh(script) });
    await provider.start("running", io);
    await provider.start("paused", io);
    const pids = await Promise.all(["running", "paused"].map(async (ref) => (await lines(provider, ref, 1))[0]));
    await provider.pause("paused", io);
    const late = provider.start("late", io);
    await provider.close();
    await late;
    const looks = await Promise.all(pids.map(runs));
    assert.deepEqual(looks, [false, false]);
  });
});

describe("output ring", () => {
  it("joins pieces, keeps the last lines, and ends an open one", () => {
    const ring = createOutputRing();
    ring.write("a");
    ring.write("b\r\nc\nd");
    assert.deepEqual(ring.tail(9), ["ab", "c"]);
    ring.end();
    ring.end();
    assert.deepEqual(ring.tail(9), ["ab", "c", "d"]);
    assert.deepEqual(ring.tail(1), ["d"]);
  });

  it("is bounded", () => {
    const ring = createOutputRing();
    for (let index = 0; index < 3_000; index++) ring.write(`${"x".repeat(5_000)}\n`);
    assert.equal(ring.tail(5_000).length, 1_000);
    assert.equal(ring.tail(1)[0]?.length, 4_096);
  });
});
