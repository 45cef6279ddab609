import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, it } from "node:test";
import { fakeClock } from "../../../test/support/fake-clock.ts";
import { allPids, createMembers, createUsage, readStat } from "./proc.ts";
import type { Members } from "./proc.ts";

const busy = "while (process.cpuUsage().user < 200_000); console.log('used'); setInterval(() => 0, 1e6);";

describe("processes of the machine", { skip: process.platform !== "linux" && "no /proc" }, () => {
  it("tell their group, whatever their name holds", async (t) => {
    const child = spawn("sh", ["-c", "exec sleep 60"], { argv0: "a) Z 1 (b", detached: true, stdio: "ignore" });
    t.after(() => child.kill());
    await once(child, "spawn");
    assert.equal(readStat(child.pid ?? 0)?.group, child.pid);
    assert.equal(readStat(2 ** 30), undefined);
    assert.ok(allPids().includes(process.pid));
  });

  it("are looked through once a second at most, and at once for a group not seen yet", async (t) => {
    const clock = fakeClock();
    const members = createMembers(clock);
    const start = async (): Promise<number> => {
      const child = spawn("sleep", ["60"], { detached: true, stdio: "ignore" });
      t.after(() => child.kill());
      await once(child, "spawn");
      return child.pid ?? 0;
    };
    const first = await start();
    assert.deepEqual(members.recent(first), [first]);
    const second = await start();
    assert.deepEqual(members.recent(second), [second]);
    process.kill(first);
    while (readStat(first) !== undefined) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(members.recent(first), [first], "as of before");
    assert.deepEqual(members.now(first), []);
  });

  it("never use less CPU time than before, though one that used much is gone", async (t) => {
    const child = spawn(process.execPath, ["-e", busy], { stdio: ["ignore", "pipe", "inherit"] });
    t.after(() => child.kill());
    await once(child.stdout, "data");
    let pids: readonly number[] = [process.pid, child.pid ?? 0];
    const members: Members = { now: () => pids, recent: () => pids };
    const usage = createUsage(members, 0);
    const own = readStat(process.pid)?.cpuMs ?? 0;
    const { cpuMs: before = 0 } = usage.counters();
    assert.ok(before >= own + 100, "both count");
    pids = [process.pid];
    const { cpuMs: after = 0 } = usage.counters();
    assert.ok(after >= before);
    const { user } = process.cpuUsage();
    while (process.cpuUsage().user < user + 100_000);
    assert.ok((usage.counters().cpuMs ?? 0) >= after + 50, "what is used from now on shows at once");
    pids = [];
    assert.deepEqual(usage.counters(), {});
  });
});
