import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { parseExposition } from "../../test/support/prometheus.ts";
import { createBuckets, createTallies, observe, recordSleep, recordState, recordWake } from "../core/tallies.ts";
import { decisionNames } from "../core/route.ts";
import { createMetrics } from "./metrics.ts";
import type { Exposition } from "../../test/support/prometheus.ts";
import type { DecisionCounts } from "../core/route.ts";
import type { HealthSource, RouteSource, WorkloadSource } from "./families.ts";

/** contract.md "Metrics", those that exist by now. */
const contract: Readonly<Record<string, readonly [type: string, ...labels: string[]]>> = {
  nodoff_hook_decisions_total: ["counter", "route", "decision"],
  nodoff_hook_seconds: ["histogram"],
  nodoff_workload_state: ["gauge", "workload", "state"],
  nodoff_wakes_total: ["counter", "workload", "result"],
  nodoff_wake_seconds: ["histogram", "workload"],
  nodoff_sleeps_total: ["counter", "workload", "method", "result"],
  nodoff_awake_seconds_total: ["counter", "workload"],
  nodoff_asleep_seconds_total: ["counter", "workload"],
  nodoff_saved_memory_byte_seconds_total: ["counter", "workload"],
  nodoff_in_flight: ["gauge", "route"],
  nodoff_waiters: ["gauge", "route"],
  nodoff_health_status: ["gauge", "route", "status"],
  nodoff_health_latency_seconds: ["gauge", "route"],
  nodoff_health_consecutive_failures: ["gauge", "route"],
  nodoff_health_uptime_seconds: ["gauge", "route"],
  nodoff_provider_connected: ["gauge", "provider"],
  nodoff_signal_live: ["gauge", "workload", "signal"],
  nodoff_notices_total: ["counter", "sender", "result"],
  nodoff_config_reloads_total: ["counter", "result"],
};

function routeSource(alias: string, waiting = 0): RouteSource & { decisions: DecisionCounts; inFlight: number } {
  const decisions = Object.fromEntries(decisionNames.map((name) => [name, 0])) as DecisionCounts;
  return { spec: { alias }, decisions, inFlight: 0, workload: { waiting } };
}

function workloadSource(alias: string, state: WorkloadSource["state"] = "napping"): WorkloadSource {
  const signals = [
    { name: "requests", live: true },
    { name: "connections", live: false },
  ];
  return { alias, state, tallies: createTallies(0), savedByteSeconds: 0, signals };
}

function setUp() {
  const routes = new Map([["blog", routeSource("blog", 3)]]);
  const workloads = new Map([["blog", workloadSource("blog")]]);
  const time = { now: 0 };
  const sleeping = { status: "napping", latencyMs: null, consecutiveFailures: 0, uptimeMs: null } as const;
  const health: (Partial<HealthSource["view"]> & { readonly alias: string })[] = [
    { alias: "blog", status: "healthy", latencyMs: 3, uptimeMs: 1_000 },
  ];
  const unknownHost = { allow: 0 };
  const sources = {
    now: () => time.now,
    routes: () => routes.values(),
    unknownHost: () => unknownHost,
    hookSeconds: createBuckets([0.1, 1]),
    workloads: () => workloads.values(),
    providers: () => [
      { name: "local", connected: true },
      { name: "pve", connected: false },
    ],
    configReloads: { ok: 0, failed: 0 },
    health: () => health.map((each) => ({ alias: each.alias, view: { ...sleeping, ...each } })),
    notices: () => [{ sender: "ops", counts: { ok: 2, failed: 1 } }],
  };
  const metrics = createMetrics(sources);
  const scrape = async (): Promise<Exposition> => parseExposition(await metrics.text());
  return { routes, workloads, health, time, unknownHost, sources, metrics, scrape };
}

/** The family a series belongs to. */
function familyOf(name: string): string {
  return name.replace(/_(bucket|sum|count)$/, "");
}

describe("docs/metrics.md", () => {
  it("has a row for each metric, with its type and labels", () => {
    const text = readFileSync(new URL("../../docs/metrics.md", import.meta.url), "utf8");
    const rows = [...text.matchAll(/^\| `(nodoff_\w+)` \| (\w+) \|(.*?)\|/gm)];
    const documented = rows.map(([, name = "", type = "", labels = ""]) => [
      name,
      [type, ...[...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label)],
    ]);
    assert.deepEqual(Object.fromEntries(documented), contract);
  });
});

describe("metrics", () => {
  it("has exactly the contract's names, types and labels, and those of Node and the process", async () => {
    const { routes, workloads, scrape, metrics } = setUp();
    routes.get("blog")!.decisions.allow = 1;
    recordWake(workloads.get("blog")!.tallies, "ok", 100);
    recordSleep(workloads.get("blog")!.tallies, "stop", "ok");
    const { types, series } = await scrape();
    const own = [...types.keys()].filter((name) => name.startsWith("nodoff_"));
    assert.deepEqual(own, Object.keys(contract));
    for (const [name, [type]] of Object.entries(contract)) assert.equal(types.get(name), type, name);
    for (const name of own)
      assert.ok(
        series.some((one) => familyOf(one.name) === name),
        `no sample of ${name}`,
      );
    for (const { name, labels } of series.filter((one) => one.name.startsWith("nodoff_"))) {
      const [, ...expected] = contract[familyOf(name)]!;
      const given = Object.keys(labels).filter((label) => label !== "le");
      assert.deepEqual(given.toSorted(), expected.toSorted(), name);
    }
    assert.ok(types.has("process_cpu_seconds_total"));
    assert.ok(types.has("nodejs_heap_size_used_bytes"));
    assert.match(metrics.contentType, /^text\/plain; version=0\.0\.4/);
  });

  it("follows the plain numbers", async () => {
    const { routes, unknownHost, sources, scrape } = setUp();
    const route = routes.get("blog")!;
    route.decisions.allow = 5;
    route.inFlight = 2;
    unknownHost.allow = 7;
    sources.configReloads.failed = 1;
    let text = await scrape();
    assert.equal(text.value("nodoff_hook_decisions_total", { route: "blog", decision: "allow" }), 5);
    assert.equal(text.value("nodoff_hook_decisions_total", { route: "", decision: "allow" }), 7);
    assert.equal(text.value("nodoff_hook_decisions_total", { route: "blog", decision: "page" }), undefined);
    assert.equal(text.value("nodoff_in_flight", { route: "blog" }), 2);
    assert.equal(text.value("nodoff_waiters", { route: "blog" }), 3);
    assert.equal(text.value("nodoff_config_reloads_total", { result: "ok" }), 0);
    assert.equal(text.value("nodoff_config_reloads_total", { result: "failed" }), 1);
    assert.equal(text.value("nodoff_provider_connected", { provider: "local" }), 1);
    assert.equal(text.value("nodoff_provider_connected", { provider: "pve" }), 0);
    assert.equal(text.value("nodoff_signal_live", { workload: "blog", signal: "requests" }), 1);
    assert.equal(text.value("nodoff_signal_live", { workload: "blog", signal: "connections" }), 0);
    route.decisions.allow++;
    route.decisions.page++;
    route.inFlight = 0;
    text = await scrape();
    assert.equal(text.value("nodoff_hook_decisions_total", { route: "blog", decision: "allow" }), 6);
    assert.equal(text.value("nodoff_hook_decisions_total", { route: "blog", decision: "page" }), 1);
    assert.equal(text.value("nodoff_in_flight", { route: "blog" }), 0);
  });

  it("tells one state per workload", async () => {
    const { workloads, scrape } = setUp();
    workloads.set("wiki", workloadSource("wiki", "ready"));
    const { series } = await scrape();
    const states = series.filter((one) => one.name === "nodoff_workload_state" && one.labels["workload"] === "wiki");
    assert.equal(states.length, 7);
    assert.deepEqual(
      states.filter((one) => one.value === 1).map((one) => one.labels["state"]),
      ["ready"],
    );
  });

  it("counts wakes, sleeps and time, the running state included", async () => {
    const { workloads, time, scrape } = setUp();
    const { tallies } = workloads.get("blog")!;
    recordState(tallies, { name: "napping" }, 0);
    recordState(tallies, { name: "ready" }, 1_500);
    recordWake(tallies, "failed", 0);
    recordSleep(tallies, "pause", "failed");
    time.now = 4_000;
    const text = await scrape();
    assert.equal(text.value("nodoff_wakes_total", { workload: "blog", result: "failed" }), 1);
    assert.equal(text.value("nodoff_wakes_total", { workload: "blog", result: "ok" }), 0);
    assert.equal(text.value("nodoff_sleeps_total", { workload: "blog", method: "pause", result: "failed" }), 1);
    assert.equal(text.value("nodoff_sleeps_total", { workload: "blog", method: "pause", result: "ok" }), 0);
    assert.equal(text.value("nodoff_asleep_seconds_total", { workload: "blog" }), 1.5);
    assert.equal(text.value("nodoff_awake_seconds_total", { workload: "blog" }), 2.5);
    assert.equal(text.value("nodoff_wake_seconds_count", { workload: "blog" }), undefined, "none got ready");
  });

  it("tells what sleep saved, as it grows", async () => {
    const { workloads, scrape } = setUp();
    const name = "nodoff_saved_memory_byte_seconds_total";
    assert.equal((await scrape()).value(name, { workload: "blog" }), 0);
    workloads.set("blog", { ...workloadSource("blog"), savedByteSeconds: 1.5e12 });
    assert.equal((await scrape()).value(name, { workload: "blog" }), 1.5e12);
  });

  it("tells the signals of each workload", async () => {
    const { workloads, scrape } = setUp();
    workloads.set("wiki", { ...workloadSource("wiki"), signals: [{ name: "cpu", live: true }] });
    const { series } = await scrape();
    const live = series.filter((one) => one.name === "nodoff_signal_live" && one.labels["workload"] === "wiki");
    assert.deepEqual(
      live.map(({ labels, value }) => [labels["signal"], value]),
      [["cpu", 1]],
    );
  });

  it("hands buckets over cumulative, with sum and count", async () => {
    const { sources, scrape } = setUp();
    for (const seconds of [0.05, 0.1, 0.5, 20]) observe(sources.hookSeconds, seconds);
    const text = await scrape();
    assert.equal(text.value("nodoff_hook_seconds_bucket", { le: "0.1" }), 2);
    assert.equal(text.value("nodoff_hook_seconds_bucket", { le: "1" }), 3);
    assert.equal(text.value("nodoff_hook_seconds_bucket", { le: "+Inf" }), 4);
    assert.equal(text.value("nodoff_hook_seconds_count"), 4);
    assert.ok(Math.abs(text.value("nodoff_hook_seconds_sum")! - 20.65) < 1e-9);
  });

  it("shows the health of a route by its one status, and no number that is not known", async () => {
    const { health, scrape } = setUp();
    const healthOf = async () =>
      Object.fromEntries(
        (await scrape()).series
          .filter(({ name }) => name.startsWith("nodoff_health_"))
          .map(({ name, labels, value }) => [`${name.slice(14)} ${labels["status"] ?? ""}`.trim(), value]),
      );
    health[0] = { alias: "blog" };
    assert.deepEqual(await healthOf(), { "status napping": 1, consecutive_failures: 0 });
    health[0] = { alias: "blog", status: "healthy", latencyMs: 12.5, uptimeMs: 60_000, consecutiveFailures: 0 };
    assert.deepEqual(await healthOf(), {
      "status healthy": 1,
      latency_seconds: 0.0125,
      consecutive_failures: 0,
      uptime_seconds: 60,
    });
    health[0] = { alias: "blog", status: "unhealthy", latencyMs: 1_000, consecutiveFailures: 4 };
    assert.deepEqual(await healthOf(), { "status unhealthy": 1, latency_seconds: 1, consecutive_failures: 4 });
  });

  it("counts notices by receiver", async () => {
    const { scrape } = setUp();
    const { value } = await scrape();
    assert.equal(value("nodoff_notices_total", { sender: "ops", result: "ok" }), 2);
    assert.equal(value("nodoff_notices_total", { sender: "ops", result: "failed" }), 1);
  });

  it("forgets what was removed and takes up what was added", async () => {
    const { routes, workloads, health, scrape } = setUp();
    routes.get("blog")!.decisions.allow = 1;
    await scrape();
    routes.delete("blog");
    workloads.delete("blog");
    health.length = 0;
    routes.set("wiki", routeSource("wiki"));
    const { series } = await scrape();
    const named = series.filter(({ labels }) => Object.values(labels).includes("blog"));
    assert.deepEqual(named, []);
    assert.ok(series.some(({ name, labels }) => name === "nodoff_waiters" && labels["route"] === "wiki"));
  });

  it("writes each series once and each heading once when there are thousands", async () => {
    const { workloads, scrape } = setUp();
    for (let number = 0; number < 1_000; number++) workloads.set(`w${number}`, workloadSource(`w${number}`, "ready"));
    const { series } = await scrape();
    const ready = series.filter((one) => one.name === "nodoff_workload_state" && one.value === 1);
    assert.equal(ready.length, 1_001);
  });

  it("escapes labels", async () => {
    const { routes, scrape } = setUp();
    const alias = 'a"b\\c\nd';
    routes.set(alias, routeSource(alias, 1));
    assert.equal((await scrape()).value("nodoff_waiters", { route: alias }), 1);
  });
});
