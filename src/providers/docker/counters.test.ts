import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { toCounters } from "./counters.ts";

const stats = {
  read: "2026-01-01T00:00:00Z",
  networks: { eth0: { rx_bytes: 1, tx_bytes: 10 }, eth1: { rx_bytes: 2, tx_bytes: 20 } },
  cpu_stats: { cpu_usage: { total_usage: 5_000_000 } },
};

describe("docker counters", () => {
  it("sum over the networks", () => assert.deepEqual(toCounters(stats, true), { rxBytes: 3, txBytes: 30, cpuMs: 5 }));
  it("leave the network out where it is not its own", () => assert.deepEqual(toCounters(stats, false), { cpuMs: 5 }));
  it("leave out what is not counted", () =>
    assert.deepEqual(toCounters({ read: stats.read, networks: null }, true), {}));
  it("count memory without the page cache that can go, by cgroup v1, v2 and old engines", () => {
    const memory = (usage: number, more: Record<string, number>) =>
      toCounters({ read: stats.read, memory_stats: { usage, stats: more } }, true);
    assert.deepEqual(memory(100, { total_inactive_file: 30, inactive_file: 5, cache: 60 }), { memoryBytes: 70 });
    assert.deepEqual(memory(100, { inactive_file: 20, file: 60 }), { memoryBytes: 80 });
    assert.deepEqual(memory(100, { cache: 10 }), { memoryBytes: 90 });
    assert.deepEqual(memory(10, { cache: 11 }), { memoryBytes: 0 });
    assert.deepEqual(toCounters({ read: stats.read, memory_stats: {} }, true), {});
  });
  it("are empty while it does not run", () => {
    assert.deepEqual(toCounters({ ...stats, read: "0001-01-01T00:00:00Z" }, true), {});
  });
});
