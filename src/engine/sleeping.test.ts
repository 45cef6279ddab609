import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { workloadSpec } from "../../test/support/specs.ts";
import { settle } from "../../test/support/fake-clock.ts";
import { fakeSignal, fakeStore } from "../../test/support/fake-engine.ts";
import type { FakeOptions } from "../../test/support/fake-provider.ts";
import { stackWorld } from "../../test/support/stack-world.ts";
import { NodoffError } from "../core/errors.ts";
import type { WorkloadSpec } from "../core/spec.ts";
import type { Reading, Signal } from "../core/signal.ts";

const idleTimeoutMs = 60_000;

async function oneApp(spec: Partial<WorkloadSpec> = {}, signals: readonly Signal[] = []) {
  const world = await stackWorld({
    engine: { app: { counters: { memoryBytes: 64_000_000 } } },
    workloads: [{ alias: "app", idleTimeoutMs, door: true, ...spec }],
    signals,
  });
  return { ...world, app: world.get("app") };
}

async function awakeApp(spec: Partial<WorkloadSpec> = {}, signals: readonly Signal[] = []) {
  const world = await oneApp(spec, signals);
  world.app.wake("request");
  await world.clock.advanceAsync(1_000);
  assert.equal(world.app.state, "ready");
  return world;
}

describe("what signals learn of a workload", () => {
  it("is every port it serves by: its own and those its image names", async () => {
    const seen: (readonly number[] | null)[] = [];
    const note = fakeSignal("ports", (subject) => {
      seen.push(subject.ports());
      return { kind: "read", lastUsedAt: null, inUse: false, text: "" };
    });
    const look = async (engine: FakeOptions, spec: Partial<WorkloadSpec> = {}): Promise<readonly number[] | null> => {
      const upstream = { kind: "port", port: 8080, scheme: "http" } as const;
      const workloads = [{ alias: "app", idleTimeoutMs, door: true, upstream, ...spec }];
      const world = await stackWorld({ engine: { app: engine }, workloads, signals: [note] });
      world.get("app").wake("request");
      await world.clock.advanceAsync(idleTimeoutMs);
      const ports = seen.at(-1) ?? null;
      return ports === null ? null : [...new Set(ports)];
    };
    assert.deepEqual(await look({ ports: [22, 8080] }), [8080, 22]);
    assert.deepEqual(await look({}), [8080]);
    assert.equal(await look({ ports: [22] }, { upstream: { kind: "url", url: "http://app:8080" } }), null);
  });
});

describe("tiers", () => {
  const spec = { stopMethod: "pause", deeper: [{ afterMs: 300_000, method: "stop" }] } as const;

  it("pauses first and stops later", async () => {
    const world = await awakeApp(spec);
    await world.clock.advanceAsync(idleTimeoutMs + 5_000);
    assert.deepEqual([world.app.state, world.commands().at(-1)], ["napping", "pause app"]);
    await world.clock.advanceAsync(200_000);
    assert.equal(world.commands().at(-1), "pause app");
    await world.clock.advanceAsync(60_000);
    assert.deepEqual([world.app.state, world.commands().at(-1)], ["napping", "stop app"]);
    await world.clock.advanceAsync(3_600_000);
    assert.equal(world.provider.count("stop"), 1);
  });

  it("resumes what is woken before, and counts anew", async () => {
    const world = await awakeApp(spec);
    await world.clock.advanceAsync(200_000);
    world.app.wake("request");
    await world.clock.advanceAsync(1_000);
    assert.equal(world.commands().at(-1), "resume app");
    await world.clock.advanceAsync(250_000);
    assert.equal(world.commands().at(-1), "pause app");
  });

  it("goes on counting after a restart of nodoff", async () => {
    const store = fakeStore({ app: 0 });
    const world = await stackWorld({
      engine: { app: { power: "paused" } },
      workloads: [{ alias: "app", idleTimeoutMs, ...spec, door: true }],
      store,
    });
    await world.clock.advanceAsync(2_000);
    assert.deepEqual(world.commands(), ["stop app"]);
  });

  it("stops it as soon as the engine can be asked again", async () => {
    const world = await awakeApp(spec);
    await world.clock.advanceAsync(200_000);
    const away = new NodoffError("PROVIDER_UNAVAILABLE", "connection refused");
    world.provider.fail("inspect", away, { times: 2 });
    await world.clock.advanceAsync(150_000);
    assert.equal(world.commands().at(-1), "stop app");
  });

  it("stays paused when the deeper stop fails, and tries again", async () => {
    const world = await awakeApp(spec);
    world.provider.fail("stop", new NodoffError("ENGINE_ERROR", "no"), { times: 2 });
    await world.clock.advanceAsync(302_000);
    assert.deepEqual([world.app.state, world.provider.count("stop")], ["napping", 1]);
    await world.clock.advanceAsync(30_000);
    assert.deepEqual([world.app.state, world.provider.count("stop")], ["napping", 3]);
    assert.equal(world.provider.look("app")?.power, "stopped");
  });

  it("serves a request that comes during the deeper stop by the next wake", async () => {
    const world = await awakeApp(spec);
    world.provider.delay("stop", 5_000);
    await world.clock.advanceAsync(302_000);
    assert.equal(world.app.state, "stopping");
    world.app.wake("request");
    await world.clock.advanceAsync(6_000);
    assert.deepEqual([world.app.state, world.commands().at(-1)], ["ready", "start app"]);
  });
});

describe("a schedule", () => {
  const hourMs = 3_600_000;
  /** Windows that open at the full hours after the fake clock's present one. */
  const schedule = (awake: readonly string[], asleep: readonly string[]): Partial<WorkloadSpec> => ({
    schedule: {
      timezone: "UTC",
      awake: awake.map((cron) => ({ cron, durationMs: hourMs / 2 })),
      asleep: asleep.map((cron) => ({ cron, durationMs: hourMs / 2 })),
    },
  });

  async function untilFullHour({ clock }: Awaited<ReturnType<typeof oneApp>>): Promise<void> {
    await clock.advanceAsync(hourMs - (clock.wall() % hourMs) + 2_000);
  }

  it("wakes when a window opens, keeps it awake, lets it sleep after it", async () => {
    const world = await oneApp(schedule(["0 * * * *"], []));
    await untilFullHour(world);
    const starts = world.provider.count("start");
    assert.equal(world.app.state, "ready");
    await world.clock.advanceAsync(hourMs / 2 - 10_000);
    assert.equal(world.app.state, "ready");
    assert.match(world.app.view().reasons[0]?.text ?? "", /scheduled to be awake until/);
    await world.clock.advanceAsync(30_000);
    assert.equal(world.app.state, "napping");
    assert.equal(world.provider.count("start"), starts);
  });

  it("leaves what somebody stopped by hand within the window", async () => {
    const world = await oneApp(schedule(["0 * * * *"], []));
    await untilFullHour(world);
    world.provider.outside.stop("app");
    await world.clock.advanceAsync(600_000);
    assert.equal(world.app.state, "napping");
  });

  it("puts it to sleep when an asleep window opens, however long its idle time is", async () => {
    const world = await oneApp({ ...schedule([], ["0 * * * *"]), idleTimeoutMs: 0 });
    world.app.wake("request");
    await untilFullHour(world);
    assert.equal(world.app.state, "napping");
    world.app.wake("request");
    await world.clock.advanceAsync(600_000);
    assert.equal(world.app.state, "ready", "who comes within the window is served");
  });

  it("does not stop what is in use because the clock strikes", async () => {
    let inUse = true;
    const busy = fakeSignal("connections", () => ({ kind: "read", lastUsedAt: null, inUse, text: "1 open" }));
    const world = await oneApp(schedule([], ["0 * * * *"]), [busy]);
    world.app.wake("request");
    await untilFullHour(world);
    await world.clock.advanceAsync(60_000);
    assert.equal(world.app.state, "ready");
    inUse = false;
    await world.clock.advanceAsync(60_000 + 60_000);
    assert.equal(world.app.state, "napping");
  });
});

describe("pins", () => {
  it("wakes, keeps awake, and lets go at the time", async () => {
    const world = await oneApp();
    world.app.pin(world.clock.wall() + 600_000, null);
    await world.clock.advanceAsync(599_000);
    assert.equal(world.app.state, "ready");
    assert.equal(world.app.view().reasons[0]?.signal, "pin");
    await world.clock.advanceAsync(20_000);
    assert.equal(world.app.state, "napping");
  });

  it("ends when somebody takes it back", async () => {
    const world = await oneApp();
    world.app.pin(world.clock.wall() + 3_600_000, null);
    await world.clock.advanceAsync(200_000);
    world.app.pin(null, null);
    await world.clock.advanceAsync(20_000);
    assert.equal(world.app.state, "napping");
    assert.equal(world.app.view().pinnedUntil, null);
  });
});

describe("a dry run", () => {
  it("says when it would sleep and when it would be woken, and never stops it", async () => {
    const world = await awakeApp({ dryRun: true });
    const begun = world.clock.wall();
    await world.clock.advanceAsync(300_000);
    assert.equal(world.app.state, "ready");
    assert.notEqual(world.app.view().wouldSleepSince, null);
    world.app.touch(world.clock.now());
    await world.clock.advanceAsync(2_000);
    assert.equal(world.app.view().wouldSleepSince, null);
    const kinds = world.store.intervals("app", begun - 10_000).map(({ kind, memoryBytes }) => [kind, memoryBytes]);
    assert.deepEqual(kinds.slice(-3), [
      ["awake", null],
      ["would_sleep", 64_000_000],
      ["awake", null],
    ]);
    assert.equal(world.commands().includes("stop app"), false);
  });
});

/** The answer may take a second look at signals. */
async function asked(
  { app, clock }: Awaited<ReturnType<typeof awakeApp>>,
  options: { readonly force: boolean; readonly reason: string | null },
) {
  const answer = app.sleep(options);
  await clock.advanceAsync(1_500);
  return answer;
}

describe("asked to sleep", () => {
  const busy = (reading: Reading): Signal => fakeSignal("connections", () => reading);
  const open: Reading = { kind: "read", lastUsedAt: null, inUse: true, text: "1 open connection" };

  it("does it at once, idle time or not", async () => {
    const world = await awakeApp();
    assert.deepEqual(await asked(world, { force: false, reason: "night" }), { kind: "accepted" });
    await settle();
    assert.equal(world.app.state, "napping");
    assert.deepEqual(world.app.view().reasons, [{ signal: "asked", verdict: "waits", text: "night" }]);
  });

  it("refuses with the reasons while it is in use, unless forced", async () => {
    const world = await awakeApp({}, [busy(open)]);
    assert.deepEqual(await asked(world, { force: false, reason: null }), {
      kind: "in_use",
      reasons: [{ signal: "connections", verdict: "in_use", text: "1 open connection" }],
    });
    assert.equal(world.app.state, "ready");
    assert.deepEqual(await asked(world, { force: true, reason: null }), { kind: "accepted" });
    await settle();
    assert.equal(world.app.state, "napping");
  });

  it("refuses what is pinned", async () => {
    const world = await awakeApp();
    world.app.pin(world.clock.wall() + 60_000, null);
    const answer = await asked(world, { force: false, reason: null });
    assert.equal(answer.kind === "in_use" && answer.reasons[0]?.signal, "pin");
  });

  it("is accepted for what sleeps already, and sends nothing", async () => {
    const world = await oneApp();
    assert.deepEqual(await asked(world, { force: false, reason: null }), { kind: "accepted" });
    assert.deepEqual(world.commands(), []);
  });

  it("restarts it, in use or not", async () => {
    const world = await awakeApp({ stopMethod: "pause" }, [busy(open)]);
    world.app.restart("stuck");
    await world.clock.advanceAsync(1_000);
    assert.deepEqual(world.commands(), ["start app", "stop app", "start app"]);
    assert.equal(world.app.state, "ready");
  });

  it("restarts it once, however often that is asked until it is up again", async () => {
    const slowly = { ...workloadSpec({ alias: "app" }).ready, delayMs: 100 };
    const world = await awakeApp({ ready: slowly });
    const seen = new Set<string>();
    for (let asked = 0; asked < 2_000 && !(asked > 0 && world.app.state === "ready"); asked++) {
      world.app.restart(null);
      seen.add(world.app.state);
      await world.clock.advanceAsync(1);
    }
    assert.deepEqual([...seen].sort(), ["starting", "stopping"]);
    assert.deepEqual(world.commands(), ["start app", "stop app", "start app"]);
    world.app.restart(null);
    await world.clock.advanceAsync(1_000);
    assert.equal(world.commands().length, 5, "the next one is a restart of its own");
  });
});

describe("looking at signals", () => {
  it("asks only once a quarter of the idle time has passed, then every so often", async () => {
    const asked: number[] = [];
    const signal = fakeSignal("network", () => {
      asked.push(world.clock.now());
      return { kind: "read", lastUsedAt: null, inUse: false, text: "quiet" };
    });
    const world = await oneApp({ idleTimeoutMs: 100_000 }, [signal]);
    world.app.wake("request");
    const begun = world.clock.now();
    await world.clock.advanceAsync(110_000);
    const since = asked.map((at) => at - begun);
    assert.ok((since[0] ?? 0) >= 25_000 && (since[0] ?? 0) < 27_000, String(since));
    assert.ok(since.length >= 8 && since.length <= 11, String(since));
    assert.equal(world.app.state, "napping");
  });

  it("counts what a signal saw as the last use", async () => {
    let lastUsedAt: number | null = null;
    const signal = fakeSignal("network", () => ({ kind: "read", lastUsedAt, inUse: false, text: "bytes" }));
    const world = await awakeApp({}, [signal]);
    await world.clock.advanceAsync(40_000);
    lastUsedAt = world.clock.now();
    await world.clock.advanceAsync(55_000);
    assert.equal(world.app.state, "ready");
    assert.ok((world.store.lastUsed("app") ?? 0) > world.clock.wall() - 58_000);
    await world.clock.advanceAsync(10_000);
    assert.equal(world.app.state, "napping");
  });

  it("stays awake while a required signal cannot be read, says so, and recovers", async () => {
    let reading: Reading = { kind: "unreadable", why: "the admin API is away" };
    const signal: Signal = { ...fakeSignal("connections", () => reading), required: () => true };
    const world = await awakeApp({}, [signal]);
    await world.clock.advanceAsync(600_000);
    assert.equal(world.app.state, "ready");
    assert.match(
      world.app
        .view()
        .reasons.map(({ text }) => text)
        .join(),
      /counts as in use: the admin API is away/,
    );
    assert.equal(world.messages().filter((message) => message === "signal cannot be read").length, 1);
    reading = { kind: "read", lastUsedAt: null, inUse: false, text: "none open" };
    await world.clock.advanceAsync(20_000);
    assert.equal(world.app.state, "napping");
    assert.ok(world.messages().includes("signal can be read again"));
  });

  it("books the memory that sleeping saves", async () => {
    const world = await awakeApp();
    const begun = world.clock.wall() - 10_000;
    await world.clock.advanceAsync(120_000);
    assert.deepEqual(
      world.store
        .intervals("app", begun)
        .map(({ kind, memoryBytes }) => [kind, memoryBytes])
        .at(-1),
      ["asleep", 64_000_000],
    );
  });

  it("ends asleep after a stop that failed three times, and shows it meanwhile", async () => {
    const world = await awakeApp();
    world.provider.fail("stop", new NodoffError("ENGINE_ERROR", "device busy"), { times: 3 });
    await world.clock.advanceAsync(idleTimeoutMs + 5_000);
    assert.equal(world.app.state, "ready");
    assert.match(world.app.view().reasons[0]?.text ?? "", /refused to stop it.*device busy/);
    await world.clock.advanceAsync(60_000);
    assert.equal(world.provider.count("stop"), 4);
    assert.equal(world.app.state, "napping");
  });
});
