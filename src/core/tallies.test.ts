import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  createBuckets,
  createTallies,
  observe,
  recordSleep,
  recordState,
  recordWake,
  timesAt,
  wakeBoundsS,
} from "./tallies.ts";
import type { State } from "./state.ts";

const failure = { code: "EXITED", message: "exit 1" } as const;
const errorState = (running: boolean): State => ({ name: "error", failure, failedWakes: 1, nextTryAt: 0, running });

describe("tallies", () => {
  it("puts an observation into the first bucket whose bound is not below it", () => {
    const buckets = createBuckets([1, 2]);
    for (const seconds of [0, 1, 1.5, 2, 2.1, 100]) observe(buckets, seconds);
    assert.deepEqual([...buckets.counts], [2, 2, 2]);
    assert.equal(buckets.sumS, 106.6);
  });

  it("keeps durations of successful wakes only, and no buckets before the first", () => {
    const unlucky = createTallies(0);
    recordWake(unlucky, "failed", 120_000);
    assert.equal(unlucky.wakeBuckets, null);
    const tallies = createTallies(0);
    recordWake(tallies, "failed", 120_000);
    recordWake(tallies, "ok", 400);
    assert.deepEqual(tallies.wakes, { ok: 1, failed: 1 });
    assert.equal(tallies.wakeBuckets?.counts[wakeBoundsS.indexOf(0.5)], 1);
    assert.equal(tallies.wakeBuckets?.sumS, 0.4);
  });

  it("counts sleeps by method and result", () => {
    const tallies = createTallies(0);
    recordSleep(tallies, "stop", "ok");
    recordSleep(tallies, "stop", "failed");
    recordSleep(tallies, "pause", "ok");
    assert.deepEqual(tallies.sleeps, { stop: { ok: 1, failed: 1 }, pause: { ok: 1, failed: 0 } });
  });

  it("adds up time by what the engine runs, the present state included", () => {
    const tallies = createTallies(1_000);
    const at = (ms: number, state: State): void => recordState(tallies, state, 1_000 + ms);
    at(10, { name: "napping" });
    at(110, { name: "starting", startedAt: 1_110, failedWakes: 0 });
    at(130, { name: "ready" });
    at(140, { name: "ready" });
    at(150, { name: "stopping", wakeQueued: false, from: "ready" });
    at(160, errorState(true));
    at(170, errorState(false));
    at(270, { name: "gone" });
    at(370, { name: "napping" });
    assert.deepEqual(timesAt(tallies, 1_400), { awakeMs: 60, asleepMs: 130 });
    assert.deepEqual(timesAt(tallies, 1_500), { awakeMs: 60, asleepMs: 230 }, "reading changes nothing");
  });
});
