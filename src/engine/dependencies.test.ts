import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { settle } from "../../test/support/fake-clock.ts";
import type { FakeOptions } from "../../test/support/fake-provider.ts";
import { stackWorld } from "../../test/support/stack-world.ts";
import { NodoffError } from "../core/errors.ts";
import type { ComposePlace } from "../core/provider.ts";
import type { DependencyCondition, DependencySpec } from "../core/spec.ts";

const forever = new AbortController().signal;
const idleTimeoutMs = 60_000;

function on(name: string, condition: DependencyCondition = "auto"): DependencySpec {
  return { name, condition };
}

/** A container of the project `shop`. */
function inShop(service: string, dependsOn: ComposePlace["dependsOn"] = [], more: FakeOptions = {}): FakeOptions {
  return { compose: { project: "shop", service, dependsOn }, refs: [`shop/${service}`], ...more };
}

/** Two apps on one database: the first example everybody has. */
async function twoApps() {
  return stackWorld({
    engine: { web: {}, api: {}, db: {} },
    workloads: [
      { alias: "web", dependsOn: [on("db")], idleTimeoutMs, door: true },
      { alias: "api", dependsOn: [on("db")], idleTimeoutMs, door: true },
      { alias: "db", followsDependants: true, idleTimeoutMs },
    ],
  });
}

describe("waking what is needed", () => {
  it("wakes the database before the app, and says so", async () => {
    const world = await twoApps();
    world.get("web").wake("request");
    const outcome = world.get("web").settled(forever);
    await world.clock.advanceAsync(1_000);
    assert.equal((await outcome).kind, "ready");
    assert.deepEqual(world.commands(), ["start db", "start web"]);
    const steps = world.journal.since(0, "web").flatMap(({ step, message }) => (step === undefined ? [] : [message]));
    assert.deepEqual(steps.slice(0, 3), ["starting", "waking db", "db is ready"]);
  });

  it("shows how far that is", async () => {
    const world = await twoApps();
    const web = world.get("web");
    assert.deepEqual(web.view().step, null);
    web.wake("request");
    assert.deepEqual(web.view().needs, [{ alias: "db", displayName: "db", state: "starting", done: false }]);
    assert.equal(web.view().step, "waking_dependency");
    await world.clock.advanceAsync(1_000);
    assert.deepEqual([web.view().step, web.view().needs[0]?.done], [null, true]);
  });

  it("starts a shared one once, however many ask at the same time", async () => {
    const world = await twoApps();
    world.get("web").wake("request");
    world.get("api").wake("request");
    await world.clock.advanceAsync(1_000);
    assert.deepEqual(world.commands().toSorted(), ["start api", "start db", "start web"]);
    assert.equal(world.commands()[0], "start db");
  });

  it("wakes siblings at the same time, each behind its own condition", async () => {
    const world = await stackWorld({
      engine: { web: {}, db: { health: "starting" }, cache: {} },
      workloads: [
        { alias: "web", dependsOn: [on("db", "healthy"), on("cache", "started")], door: true },
        { alias: "db" },
        { alias: "cache" },
      ],
    });
    world.get("web").wake("request");
    await world.clock.advanceAsync(1_000);
    assert.deepEqual(world.commands(), ["start db", "start cache"], "web waits for the health of db");
    world.provider.outside.health("db", "healthy");
    await world.clock.advanceAsync(1_000);
    assert.deepEqual(world.commands(), ["start db", "start cache", "start web"]);
  });

  it("goes down to the bottom of a chain first", async () => {
    const world = await stackWorld({
      engine: { a: {}, b: {}, c: {} },
      workloads: [
        { alias: "a", dependsOn: [on("b")], door: true },
        { alias: "b", dependsOn: [on("c")] },
        { alias: "c" },
      ],
    });
    world.get("a").wake("request");
    await world.clock.advanceAsync(1_000);
    assert.deepEqual(world.commands(), ["start c", "start b", "start a"]);
  });

  it("runs an init container once per wake, and waits for its end", async () => {
    const world = await stackWorld({
      engine: { web: {}, worker: {}, init: {} },
      workloads: [
        { alias: "web", dependsOn: [on("init", "completed"), on("worker")], idleTimeoutMs, door: true },
        { alias: "worker", dependsOn: [on("init", "completed")], idleTimeoutMs, followsDependants: true },
        { alias: "init" },
      ],
    });
    for (const round of [1, 2]) {
      world.get("web").wake("request");
      await world.clock.advanceAsync(1_000);
      assert.equal(world.commands().at(-1), "start init");
      world.provider.outside.crash("init", 0);
      await world.clock.advanceAsync(1_000);
      assert.deepEqual(world.states(), { web: "ready", worker: "ready", init: "napping" });
      assert.equal(world.provider.count("start", "init"), round);
      await world.clock.advanceAsync(idleTimeoutMs * 2);
      assert.deepEqual(world.states(), { web: "napping", worker: "napping", init: "napping" });
    }
    assert.equal(world.provider.count("stop", "init"), 0);
  });

  it("names the dependency that failed, and why", async () => {
    const world = await stackWorld({
      engine: { web: {}, init: {} },
      workloads: [{ alias: "web", dependsOn: [on("init", "completed")], door: true }, { alias: "init" }],
    });
    world.get("web").wake("request");
    const outcome = world.get("web").settled(forever);
    await world.clock.advanceAsync(500);
    world.provider.outside.crash("init", 3);
    await settle();
    const { failure } = world.get("web").view();
    assert.equal((await outcome).kind, "failed");
    assert.deepEqual(failure, { code: "DEPENDENCY_FAILED", message: "init: it ended by itself with exit code 3" });
    assert.equal(world.provider.count("start", "web"), 0);
  });

  it("tries what failed again at once where a person asks", async () => {
    const world = await twoApps();
    world.provider.fail("start", new NodoffError("PORT_CONFLICT", "port taken"), { ref: "db" });
    world.get("web").wake("request");
    await world.clock.advanceAsync(1_000);
    assert.deepEqual([world.get("web").state, world.get("db").state], ["error", "error"]);
    world.get("web").wake("request");
    assert.equal(world.get("web").state, "error", "inside the back-off");
    world.get("web").wake("person");
    await world.clock.advanceAsync(1_000);
    assert.deepEqual([world.get("web").state, world.get("db").state], ["ready", "ready"]);
  });

  it("says that the engine does not have it", async () => {
    const world = await stackWorld({
      engine: { web: {} },
      workloads: [{ alias: "web", dependsOn: [on("cache")], door: true }],
    });
    world.get("web").wake("request");
    await settle();
    assert.equal(world.get("web").view().failure?.message, "cache: the engine does not have it");
  });

  it("gives the app its whole wake_timeout after the dependency", async () => {
    const world = await stackWorld({
      engine: { web: {}, db: { health: "starting" } },
      workloads: [
        { alias: "web", dependsOn: [on("db", "healthy")], wakeTimeoutMs: 5_000, door: true },
        { alias: "db" },
      ],
    });
    world.get("web").wake("request");
    await world.clock.advanceAsync(20_000);
    assert.equal(world.get("web").state, "starting");
    world.provider.outside.health("db", "healthy");
    await world.clock.advanceAsync(1_000);
    assert.equal(world.get("web").state, "ready");
  });

  it("fails at once when the engine finds the dependency unhealthy", async () => {
    const world = await stackWorld({
      engine: { web: {}, db: { health: "starting" } },
      workloads: [{ alias: "web", dependsOn: [on("db", "healthy")], door: true }, { alias: "db" }],
    });
    world.get("web").wake("request");
    await world.clock.advanceAsync(500);
    world.provider.outside.health("db", "unhealthy");
    await settle();
    assert.match(world.get("web").view().failure?.message ?? "", /^db: .*unhealthy/);
  });
});

describe("a dependency that goes away", () => {
  it("takes `allow` off at once, and the next request brings both back", async () => {
    const world = await twoApps();
    world.get("web").wake("request");
    await world.clock.advanceAsync(1_000);
    assert.equal(world.get("web").allow, true);
    world.provider.outside.stop("db");
    await settle();
    assert.deepEqual([world.get("web").state, world.get("web").allow], ["ready", false]);
    assert.equal(world.get("web").wake("request"), true);
    assert.equal(world.get("web").state, "starting");
    await world.clock.advanceAsync(1_000);
    assert.equal(world.get("web").allow, true);
    assert.equal(world.provider.count("start", "db"), 2);
  });
});

describe("sleeping in reverse", () => {
  it("lets a shared database sleep only after its second app, and then at once", async () => {
    const world = await twoApps();
    world.get("web").wake("request");
    world.get("api").wake("request");
    await world.clock.advanceAsync(1_000);
    for (let seconds = 0; seconds < 100; seconds += 10) {
      world.get("api").touch(world.clock.now());
      await world.clock.advanceAsync(10_000);
    }
    assert.deepEqual(world.states(), { web: "napping", api: "ready", db: "ready" });
    assert.deepEqual(world.get("db").view().reasons[0], {
      signal: "dependants",
      verdict: "in_use",
      text: "api needs it",
    });
    await world.clock.advanceAsync(idleTimeoutMs + 5_000);
    assert.deepEqual(world.states(), { web: "napping", api: "napping", db: "napping" });
    assert.deepEqual(world.commands().slice(-3), ["stop web", "stop api", "stop db"]);
  });

  it("never stops what did not opt in, and starts it when it is needed", async () => {
    const world = await stackWorld({
      engine: { web: inShop("web", [{ service: "db", condition: "started" }]), db: inShop("db") },
      workloads: [{ alias: "web", idleTimeoutMs, door: true }],
    });
    world.get("web").wake("request");
    await world.clock.advanceAsync(idleTimeoutMs * 10);
    assert.deepEqual(world.commands(), ["start db", "start web", "stop web"]);
    assert.equal(world.get("db").state, "ready");
    const answer = await world.get("db").sleep({ force: true, reason: null });
    assert.equal(answer.kind, "in_use");
  });

  it("stops it, too, where depends_on_sleep says so", async () => {
    const world = await stackWorld({
      engine: { web: inShop("web", [{ service: "db", condition: "started" }]), db: inShop("db") },
      workloads: [{ alias: "web", idleTimeoutMs, dependsOnSleep: true, door: true }],
    });
    world.get("web").wake("request");
    await world.clock.advanceAsync(idleTimeoutMs * 2);
    assert.deepEqual(world.commands(), ["start db", "start web", "stop web", "stop db"]);
  });

  it("keeps it for a running sibling nodoff does not manage", async () => {
    const needsDb: ComposePlace["dependsOn"] = [{ service: "db", condition: "started" }];
    const world = await stackWorld({
      engine: { web: inShop("web", needsDb), jobs: inShop("jobs", needsDb, { power: "running" }), db: inShop("db") },
      workloads: [{ alias: "web", idleTimeoutMs, dependsOnSleep: true, door: true }],
    });
    world.get("web").wake("request");
    await world.clock.advanceAsync(idleTimeoutMs * 3);
    assert.deepEqual(world.states(), { web: "napping", db: "ready" });
    world.provider.outside.stop("jobs");
    await world.clock.advanceAsync(idleTimeoutMs);
    assert.deepEqual(world.states(), { web: "napping", db: "napping" });
  });

  it("keeps it for a container that uses its network", async () => {
    const world = await stackWorld({
      engine: { vpn: {}, torrent: { power: "running", sharesNetworkWith: "vpn-1" } },
      workloads: [{ alias: "vpn", idleTimeoutMs, door: true }],
    });
    world.get("vpn").wake("request");
    await world.clock.advanceAsync(idleTimeoutMs * 3);
    assert.equal(world.get("vpn").state, "ready");
    assert.equal(world.get("vpn").view().reasons.length > 0, true);
  });

  it("stays awake when a stop is tried while a dependant wakes", async () => {
    const world = await twoApps();
    world.get("web").wake("request");
    await world.clock.advanceAsync(idleTimeoutMs + 1_500);
    world.get("api").wake("request");
    await world.clock.advanceAsync(20_000);
    assert.equal(world.get("db").allow, true);
    assert.equal(world.get("api").allow, true);
  });
});

describe("groups", () => {
  const members = [
    { alias: "one", followsDependants: true, idleTimeoutMs },
    { alias: "two", followsDependants: true, idleTimeoutMs },
  ] as const;
  const group = { alias: "pair", kind: "group", provider: "group", members: ["one", "two"], idleTimeoutMs } as const;

  it("wakes all members and lets them sleep after it", async () => {
    const world = await stackWorld({ engine: { one: {}, two: {} }, workloads: [{ ...group, door: true }, ...members] });
    assert.deepEqual(world.states(), { pair: "napping", one: "napping", two: "napping" });
    world.get("pair").wake("request");
    await world.clock.advanceAsync(1_000);
    assert.deepEqual(world.states(), { pair: "ready", one: "ready", two: "ready" });
    await world.clock.advanceAsync(idleTimeoutMs * 2);
    assert.deepEqual(world.states(), { pair: "napping", one: "napping", two: "napping" });
  });

  it("needs one member only where wake says so, another when that fails", async () => {
    const world = await stackWorld({
      engine: { one: {}, two: {} },
      workloads: [{ ...group, wakeMembers: "one", door: true }, ...members],
    });
    world.provider.fail("start", new NodoffError("PORT_CONFLICT", "port taken"), { ref: "one" });
    world.get("pair").wake("request");
    await world.clock.advanceAsync(1_000);
    assert.deepEqual(world.states(), { pair: "ready", one: "error", two: "ready" });
    assert.equal(world.get("pair").allow, true);
  });

  it("gives traffic in turn to members that are ready and healthy, to all where none is", async () => {
    const sick = new Set<string>();
    const world = await stackWorld({
      engine: { one: {}, two: {} },
      workloads: [
        { ...group, door: true },
        ...members.map((member) => ({ ...member, upstream: { kind: "url", url: `http://${member.alias}` } as const })),
      ],
      takesTraffic: (alias, origin) => alias === "pair" && !sick.has(origin),
    });
    const pair = world.get("pair");
    const turns = (): string[] => Array.from({ length: 4 }, () => pair.origin(null) ?? "").sort();
    assert.deepEqual([pair.memberOrigins(), pair.origin(null)], [[], null]);
    pair.wake("request");
    await world.clock.advanceAsync(1_000);
    assert.deepEqual(pair.memberOrigins(), ["http://one", "http://two"]);
    assert.deepEqual(turns(), ["http://one", "http://one", "http://two", "http://two"]);
    sick.add("http://one");
    assert.deepEqual(new Set(turns()), new Set(["http://two"]));
    sick.add("http://two");
    assert.deepEqual(new Set(turns()), new Set(["http://one", "http://two"]));
    assert.deepEqual(world.get("one").memberOrigins(), []);
  });

  it("gives traffic by the weights of its members, to those that are ready and healthy", async () => {
    const sick = new Set<string>();
    const world = await stackWorld({
      engine: { one: {}, two: {} },
      workloads: [
        { ...group, memberWeights: { one: 1, two: 2 }, door: true },
        ...members.map((member) => ({ ...member, upstream: { kind: "url", url: `http://${member.alias}` } as const })),
      ],
      takesTraffic: (_alias, origin) => !sick.has(origin),
    });
    const pair = world.get("pair");
    const turns = (): string[] => Array.from({ length: 6 }, () => pair.origin(null) ?? "").sort();
    assert.equal(pair.origin(null), null);
    pair.wake("request");
    await world.clock.advanceAsync(1_000);
    const [one, two] = ["http://one", "http://two"];
    assert.deepEqual(turns(), [one, one, two, two, two, two]);
    sick.add(two);
    assert.deepEqual(new Set(turns()), new Set([one]));
  });

  const replicas = members.map((member) => ({
    ...member,
    upstream: { kind: "url", url: `http://${member.alias}` } as const,
  }));

  it("goes on without a member that crashes or does not start, and tries it again while it is used", async () => {
    const world = await stackWorld({
      engine: { one: {}, two: {} },
      workloads: [{ ...group, door: true }, ...replicas],
    });
    const { clock, provider } = world;
    const pair = world.get("pair");
    pair.wake("request");
    await clock.advanceAsync(1_000);
    provider.fail("start", new NodoffError("PORT_CONFLICT", "port taken"), { ref: "one", times: 2 });
    provider.outside.crash("one");
    const use = async (seconds: number): Promise<void> => {
      for (let second = 0; second < seconds; second++) {
        pair.touch(clock.now());
        await clock.advanceAsync(1_000);
        assert.equal(pair.allow, true, `after ${second} s`);
      }
    };
    await use(4);
    assert.deepEqual(world.states(), { pair: "ready", one: "error", two: "ready" });
    assert.deepEqual(pair.memberOrigins(), ["http://two"]);
    await use(120);
    assert.deepEqual(pair.memberOrigins(), ["http://one", "http://two"]);
    assert.equal(provider.count("start", "one"), 4, "once, twice in vain, and again");
  });

  it("leaves a crashed member alone while nobody uses it", async () => {
    const world = await stackWorld({
      engine: { one: {}, two: {} },
      workloads: [{ ...group, door: true }, ...replicas],
    });
    world.get("pair").wake("request");
    await world.clock.advanceAsync(1_000);
    world.provider.outside.crash("one");
    await world.clock.advanceAsync(idleTimeoutMs / 2);
    assert.deepEqual([world.get("pair").allow, world.provider.count("start", "one")], [true, 1]);
  });

  it("is woken where all are to be and one does not start; with an upstream of its own it needs them all", async () => {
    for (const upstream of [null, { kind: "url", url: "http://one" } as const]) {
      const world = await stackWorld({
        engine: { one: {}, two: {} },
        workloads: [{ ...group, upstream, door: true }, ...replicas],
      });
      world.provider.fail("start", new NodoffError("PORT_CONFLICT", "port taken"), { ref: "one" });
      world.get("pair").wake("request");
      await world.clock.advanceAsync(1_000);
      assert.equal(world.get("pair").state, upstream === null ? "ready" : "error");
      assert.equal(world.get("pair").allow, upstream === null);
    }
  });

  it("passes over members that refused a request already; where all did, any is tried", async () => {
    const world = await stackWorld({
      engine: { one: {}, two: {} },
      workloads: [{ ...group, door: true }, ...replicas],
    });
    const pair = world.get("pair");
    pair.wake("request");
    await world.clock.advanceAsync(1_000);
    for (let i = 0; i < 3; i++) assert.equal(pair.origin(null, new Set(["http://one"])), "http://two");
    assert.notEqual(pair.origin(null, new Set(["http://one", "http://two"])), null);
  });

  it("is asleep when somebody stopped its members", async () => {
    const world = await stackWorld({ engine: { one: {}, two: {} }, workloads: [{ ...group, door: true }, ...members] });
    world.get("pair").wake("request");
    await world.clock.advanceAsync(1_000);
    world.provider.outside.stop("one");
    await settle();
    assert.equal(world.get("pair").allow, false);
    world.provider.outside.stop("two");
    await settle();
    assert.equal(world.get("pair").state, "napping");
  });

  it("is adopted awake where its members run", async () => {
    const world = await stackWorld({
      engine: { one: { power: "running", startedAt: 0 }, two: { power: "running", startedAt: 0 } },
      workloads: [{ ...group, door: true }, ...members],
    });
    await world.clock.advanceAsync(100);
    assert.deepEqual(world.states(), { pair: "ready", one: "ready", two: "ready" });
    assert.deepEqual(world.commands(), []);
  });

  it("makes a compose project one workload, in its own order both ways", async () => {
    const world = await stackWorld({
      engine: {
        w: inShop("web", [{ service: "db", condition: "healthy" }]),
        d: inShop("db", [], { health: "healthy" }),
        i: inShop("init"),
      },
      workloads: [{ alias: "shop", kind: "compose", ref: "shop", idleTimeoutMs, door: true }],
    });
    world.get("shop").wake("request");
    await world.clock.advanceAsync(100);
    world.provider.outside.health("d", "healthy");
    await world.clock.advanceAsync(1_000);
    assert.equal(world.get("shop").state, "ready");
    const projects = ["shop", ...world.get("shop").view().dependsOn].map((alias) => world.get(alias).view().project);
    assert.deepEqual(projects, ["shop", "shop", "shop", "shop"]);
    assert.ok(world.commands().indexOf("start d") < world.commands().indexOf("start w"));
    await world.clock.advanceAsync(idleTimeoutMs * 2);
    assert.ok(world.commands().indexOf("stop w") < world.commands().indexOf("stop d"));
    assert.equal(world.commands().includes("stop w"), true);
  });
});
