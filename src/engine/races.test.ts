import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { settle } from "../../test/support/fake-clock.ts";
import { fakeSignal } from "../../test/support/fake-engine.ts";
import { stackWorld } from "../../test/support/stack-world.ts";
import { NodoffError } from "../core/errors.ts";
import type { Reading } from "../core/signal.ts";

// What the long simulation found: each is the shortest way there.
const idleTimeoutMs = 60_000;
const lost = new NodoffError("PROVIDER_UNAVAILABLE", "connection refused");
const byPerson = { force: false, reason: null } as const;

describe("what was known a moment ago", () => {
  it("is use of which a signal told before it could no longer be read", async () => {
    let reading: Reading = { kind: "read", lastUsedAt: null, inUse: false, text: "" };
    const signals = [fakeSignal("meter", () => reading)];
    const world = await stackWorld({ engine: { app: {} }, workloads: [{ alias: "app", idleTimeoutMs }], signals });
    world.get("app").wake("request");
    await world.clock.advanceAsync(idleTimeoutMs - 15_000);
    reading = { kind: "read", lastUsedAt: world.clock.now(), inUse: true, text: "" };
    await world.clock.advanceAsync(10_000);
    reading = { kind: "unreadable", why: "no right" };
    await world.clock.advanceAsync(idleTimeoutMs - 15_000);
    assert.deepEqual(world.commands(), ["start app"]);
    await world.clock.advanceAsync(30_000);
    assert.deepEqual(world.commands(), ["start app", "stop app"]);
  });

  it("is that it runs, when the look after its start fails: what it needs stays awake", async () => {
    const world = await stackWorld({
      engine: { app: {}, db: {} },
      workloads: [
        { alias: "app", dependsOn: [{ name: "db", condition: "auto" }], wakeTimeoutMs: 5_000, upstream },
        { alias: "db", followsDependants: true, minAwakeMs: 0 },
      ],
    });
    world.prober.answers = () => false;
    world.get("app").wake("request");
    await settle();
    world.provider.fail("inspect", lost, { ref: "app", times: 2 });
    await world.clock.advanceAsync(20_000);
    assert.equal(world.get("app").state, "error");
    assert.equal(world.get("db").state, "ready");
  });

  it("is that it ran, but its own stop has ended that: nobody takes it for started", async () => {
    const dependsOn = [{ name: "db", condition: "started" }] as const;
    const world = await stackWorld({ engine: { app: {}, db: {} }, workloads: [{ alias: "app", dependsOn }, dbAlone] });
    world.get("db").wake("request");
    await world.clock.advanceAsync(1_000);
    // The engine dawdles over the look that follows the stop.
    world.provider.delay("inspect", 30_000, { ref: "db", times: 1 });
    await world.get("db").sleep({ force: true, reason: null });
    await settle();
    world.get("app").wake("request");
    await settle();
    assert.deepEqual(world.commands(), ["start db", "stop db"]);
    await world.clock.advanceAsync(31_000);
    assert.deepEqual(world.commands(), ["start db", "stop db", "start db", "start app"]);
  });
});

describe("asking for sleep", () => {
  it("is carried out in a dry run that says it would be asleep already", async () => {
    const workloads = [{ alias: "app", idleTimeoutMs, dryRun: true }];
    const world = await stackWorld({ engine: { app: {} }, workloads });
    world.get("app").wake("request");
    await world.clock.advanceAsync(2 * idleTimeoutMs);
    assert.notEqual(world.get("app").view().wouldSleepSince, null);
    assert.deepEqual(await world.get("app").sleep(byPerson), { kind: "accepted" });
    await settle();
    assert.equal(world.get("app").state, "napping");
  });

  it("is refused while it is in use, also where it never sleeps by itself", async () => {
    const signals = [fakeSignal("meter", () => ({ kind: "read", lastUsedAt: null, inUse: true, text: "busy" }))];
    const workloads = [{ alias: "app", idleTimeoutMs: 0 }];
    const world = await stackWorld({ engine: { app: {} }, workloads, signals });
    world.get("app").wake("request");
    await world.clock.advanceAsync(5_000);
    const asked = world.get("app").sleep(byPerson);
    await world.clock.advanceAsync(5_000);
    assert.deepEqual(await asked, {
      kind: "in_use",
      reasons: [{ signal: "meter", verdict: "in_use", text: "busy" }],
    });
  });
});

describe("what runs once per wake", () => {
  it("has not done its work when somebody stops it", async () => {
    const dependsOn = [{ name: "init", condition: "completed" }] as const;
    const workloads = [{ alias: "app", dependsOn }, { alias: "init" }];
    const world = await stackWorld({ engine: { app: {}, init: {} }, workloads });
    world.get("app").wake("request");
    await settle();
    await world.get("init").sleep({ force: true, reason: null });
    await world.clock.advanceAsync(1_000);
    assert.equal(world.get("app").view().failure?.code, "DEPENDENCY_FAILED");
    assert.ok(!world.commands().includes("start app"));
  });
});

describe("a wake through several", () => {
  it("goes on when the last of them ends while it waits for the one before", async () => {
    const needs = (name: string) => ({ dependsOn: [{ name, condition: "auto" }] }) as const;
    const workloads = [{ alias: "app", ...needs("mid") }, { alias: "mid", ...needs("db") }, { alias: "db" }];
    const world = await stackWorld({ engine: { app: {}, mid: { health: "starting" }, db: {} }, workloads });
    world.get("app").wake("request");
    await world.clock.advanceAsync(1_000);
    world.provider.outside.stop("db");
    await world.clock.advanceAsync(1_000);
    assert.equal(world.get("db").state, "ready");
    world.provider.outside.health("mid", "healthy");
    await world.clock.advanceAsync(1_000);
    assert.equal(world.get("app").state, "ready");
  });
});

describe("a dependency", () => {
  it("that is left out of the configuration while it is waited for fails the wake at once", async () => {
    const app = { alias: "app", dependsOn: [{ name: "db", condition: "auto" }] } as const;
    const world = await stackWorld({ engine: { app: {}, db: {} }, workloads: [app, { alias: "db", upstream }] });
    world.prober.answers = () => false;
    world.get("app").wake("request");
    await world.clock.advanceAsync(1_000);
    const spec = world.get("app").spec;
    world.supervisor.configure({ workloads: [{ ...spec, dependsOn: [] }], routes: [] });
    await world.clock.advanceAsync(1_000);
    assert.equal(world.get("app").view().failure?.code, "DEPENDENCY_FAILED");
  });
});

describe("a deeper sleep", () => {
  const tiers = { stopMethod: "pause", deeper: [{ afterMs: 90_000, method: "stop" }] } as const;

  it("is no sleep of a dry run", async () => {
    const workloads = [{ alias: "app", idleTimeoutMs, ...tiers, dryRun: true }];
    const world = await stackWorld({ engine: { app: { power: "paused" } }, workloads });
    await world.clock.advanceAsync(300_000);
    assert.deepEqual(world.commands(), []);
  });

  it("does not meet what is being woken while its memory is read", async () => {
    const world = await stackWorld({ engine: { app: {} }, workloads: [{ alias: "app", idleTimeoutMs, ...tiers }] });
    world.get("app").wake("request");
    await world.clock.advanceAsync(idleTimeoutMs + 10_000);
    const reading = world.provider.hang("counters");
    await world.clock.advanceAsync(90_000 - idleTimeoutMs - 10_000);
    await reading.begun;
    world.get("app").wake("request");
    await world.clock.advanceAsync(5_000);
    assert.deepEqual(world.commands(), ["start app", "pause app", "resume app"]);
  });

  it("waits while somebody wants it awake", async () => {
    const world = await stackWorld({ engine: { app: {} }, workloads: [{ alias: "app", idleTimeoutMs, ...tiers }] });
    world.get("app").pin(world.clock.wall() + 600_000, null);
    await world.clock.advanceAsync(1_000);
    world.provider.outside.pause("app");
    await world.clock.advanceAsync(300_000);
    assert.deepEqual(world.commands(), ["start app"]);
  });
});

describe("a group", () => {
  it("is not started by whoever starts one of its members after all were stopped by hand", async () => {
    const members = ["a", "b"];
    const world = await stackWorld({
      engine: { a: {}, b: {} },
      workloads: [{ alias: "all", kind: "group", members }, { alias: "a" }, { alias: "b" }],
    });
    world.get("all").wake("request");
    await world.clock.advanceAsync(1_000);
    assert.equal(world.get("all").state, "ready");
    for (const member of members) world.provider.outside.stop(member);
    await settle();
    world.get("a").wake("request");
    await world.clock.advanceAsync(1_000);
    assert.equal(world.get("all").state, "napping");
  });

  it("is found awake after a restart though one of its members has run to its end", async () => {
    const compose = { project: "shop", service: "init", dependsOn: [] };
    const onInit = [{ service: "init", condition: "completed" }] as const;
    const upFor = { power: "running", startedAt: 0 } as const;
    const world = await stackWorld({
      engine: { init: { compose }, web: { ...upFor, compose: { ...compose, service: "web", dependsOn: onInit } } },
      workloads: [{ alias: "shop", kind: "compose", ref: "shop" }],
    });
    await settle();
    assert.deepEqual(world.states(), { shop: "ready", init: "napping", web: "ready" });
  });
});

const upstream = { kind: "url", url: "http://app:8080" } as const;
const dbAlone = { alias: "db" } as const;
