import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { describe, it } from "node:test";
import { NodoffError } from "../core/errors.ts";
import { createWaiterBudget } from "../core/waiter-budget.ts";
import { engineWorld } from "../../test/support/engine-world.ts";
import { apiHeaders, doorOptions, requestFacts } from "../../test/support/facts.ts";
import { fakeClock, settle } from "../../test/support/fake-clock.ts";
import { silentLogger } from "../../test/support/logger.ts";
import { fakeStore } from "../../test/support/fake-engine.ts";
import { routeSpec, workloadSpec } from "../../test/support/specs.ts";
import { createGate } from "./gate.ts";
import { createScope } from "./scope.ts";

// What test/simulation found, each shrunk to the few steps that matter.

const forever = new AbortController().signal;
const running = { power: "running", startedAt: 0 } as const;
const away = new NodoffError("PROVIDER_UNAVAILABLE", "local is not reachable");

void describe("commands without a state that explains them", () => {
  void it("sends no start once the wake was given up while the engine looked", async () => {
    const { app, clock, provider } = await engineWorld({ spec: { wakeTimeoutMs: 3_000 } });
    const look = provider.hang("inspect");
    app.recheck();
    await look.begun;
    app.wake("request");
    await clock.advanceAsync(2_000);
    provider.delay("inspect", 2_000, { times: 1 });
    look.release();
    await clock.advanceAsync(1_500);
    assert.equal(app.state, "error");
    await clock.advanceAsync(10_000);
    assert.equal(provider.count("start"), 0);
  });

  void it("sends no stop for what a reload left out while the stop waited for its turn", async () => {
    const { clock, provider, supervisor } = await engineWorld({ engine: running, spec: { idleTimeoutMs: 60_000 } });
    const look = provider.hang("inspect");
    supervisor.workload("app")?.recheck();
    await look.begun;
    await clock.advanceAsync(61_000);
    supervisor.configure({ workloads: [], routes: [] });
    look.release();
    await clock.advanceAsync(5_000);
    assert.equal(provider.count("stop"), 0);
  });

  void it("gives a start up with its workload: under another name it is never started twice at once", async () => {
    const { app, provider, supervisor } = await engineWorld();
    const first = provider.hang("start");
    app.wake("request");
    await first.begun;
    let givenUp = false;
    const { options } = provider.calls.findLast(({ method }) => method === "start")!;
    (options as { signal: AbortSignal }).signal.addEventListener("abort", () => (givenUp = true));
    supervisor.configure({ workloads: [workloadSpec({ alias: "renamed", ref: "app" })], routes: [] });
    assert.equal(givenUp, true);
    supervisor.workload("renamed")?.wake("request");
    await settle();
    assert.equal(supervisor.workload("renamed")?.state, "ready");
  });
});

void describe("sleep", () => {
  void it("takes the last look when the engine is free, not before: use meanwhile calls the stop off", async () => {
    const { app, clock, provider } = await engineWorld({ engine: running, spec: { idleTimeoutMs: 60_000 } });
    const look = provider.hang("inspect");
    app.recheck();
    await look.begun;
    await clock.advanceAsync(62_000);
    assert.equal(app.allow, true, "still waiting for its turn, so still ready");
    app.touch(clock.now());
    look.release();
    await clock.advanceAsync(30_000);
    assert.equal(provider.count("stop"), 0);
    await clock.advanceAsync(31_000);
    assert.equal(provider.count("stop"), 1);
  });

  void it("remembers the last use of what a reload leaves out and brings back", async () => {
    const store = fakeStore();
    const { app, clock, supervisor } = await engineWorld({ engine: running, store });
    await clock.advanceAsync(500);
    app.touch(clock.now());
    supervisor.configure({ workloads: [], routes: [] });
    assert.equal(store.lastUsed("app"), clock.wall());
  });
});

void describe("readiness", () => {
  void it("looks for late readiness also when the address could not be read at first", async () => {
    const { app, clock, provider } = await engineWorld();
    provider.fail("address", away, { times: 2 });
    app.wake("request");
    const outcome = await app.settled(forever);
    assert.equal(outcome.kind, "failed");
    await clock.advanceAsync(12_000);
    assert.equal(app.state, "ready");
    assert.equal(provider.count("start"), 1);
  });

  void it("asks at the new place when a reload corrects the upstream, waking or in error", async () => {
    const answers = ({ kind, ...target }: { kind: string; origin?: string }): boolean =>
      kind === "http" && target.origin === "http://10.0.0.2:3000";
    const port = (number: number) => ({ kind: "port", port: number, scheme: "http" }) as const;
    const { app, clock, supervisor, provider } = await engineWorld({ answers });
    app.wake("request");
    await clock.advanceAsync(1_000);
    assert.equal(app.state, "starting");
    supervisor.configure({ workloads: [workloadSpec({ upstream: port(3000) })], routes: [routeSpec()] });
    await clock.advanceAsync(300);
    assert.equal(app.state, "ready");
    assert.equal(app.origin(null), "http://10.0.0.2:3000");

    const failed = await engineWorld({ answers });
    failed.app.wake("request");
    await failed.clock.advanceAsync(121_000);
    assert.equal(failed.app.state, "error");
    failed.supervisor.configure({ workloads: [workloadSpec({ upstream: port(3000) })], routes: [routeSpec()] });
    await failed.clock.advanceAsync(5_000);
    assert.equal(failed.app.state, "ready");
    assert.deepEqual([provider.count("start"), failed.provider.count("start")], [1, 1]);
  });

  void it("asks at the new address when it is replaced by another while it gets ready", async () => {
    const { app, clock, provider } = await engineWorld({
      answers: (target) => target.kind === "http" && target.origin === "http://10.0.0.9:8080",
    });
    app.wake("request");
    await clock.advanceAsync(1_000);
    provider.add("app", { power: "running", address: { host: "10.0.0.9", port: 8080 } });
    await clock.advanceAsync(300);
    assert.equal(app.state, "ready");
  });
});

void describe("addresses", () => {
  void it("asks again for the address of what it adopted while the engine was away, a refused stop or not", async () => {
    const { app, clock, provider } = await engineWorld({
      lost: true,
      engine: running,
      spec: { idleTimeoutMs: 60_000 },
    });
    provider.fail("address", away);
    provider.back();
    await settle();
    assert.deepEqual([app.allow, app.origin(null)], [true, null]);
    await clock.advanceAsync(5_000);
    assert.equal(app.origin(null), "http://10.0.0.2:8080");

    const busy = await engineWorld({ lost: true, engine: running, spec: { idleTimeoutMs: 2_000, minAwakeMs: 2_000 } });
    busy.provider.fail("address", away);
    busy.provider.fail("stop", new NodoffError("ENGINE_ERROR", "device busy"));
    busy.provider.back();
    await busy.clock.advanceAsync(3_000);
    assert.equal(busy.provider.count("stop"), 1);
    assert.equal(busy.app.origin(null), "http://10.0.0.2:8080");
  });

  void it("tells that it asks where it answers, until that is known, refused, or took two seconds", async () => {
    const adopted = await engineWorld({ lost: true, engine: running });
    const { app, clock, provider } = adopted;
    const slow = provider.hang("address");
    provider.back();
    await slow.begun;
    assert.deepEqual([app.allow, app.origin(null)], [true, null]);
    const first = app.locating;
    slow.release();
    await first;
    assert.deepEqual([app.locating, app.origin(null)], [null, "http://10.0.0.2:8080"]);

    const again = provider.hang("address");
    provider.add("app", { power: "running", startedAt: clock.wall(), address: { host: "10.0.0.9", port: 8080 } });
    await again.begun;
    const second = app.locating;
    assert.notEqual(second, null);
    await clock.advanceAsync(2_000);
    await second;
    assert.deepEqual([app.locating, app.origin(null)], [null, "http://10.0.0.2:8080"]);
    again.release();
    await settle();
    assert.equal(app.origin(null), "http://10.0.0.9:8080");

    provider.fail("address", away);
    provider.add("app", { power: "running", startedAt: clock.wall() + 1, address: { host: "10.0.0.7", port: 8080 } });
    await settle();
    assert.equal(app.locating, null);
  });

  void it("reads the address a route needs that a reload added, though the workload stayed the same", async () => {
    const { app, supervisor } = await engineWorld({ engine: running });
    const route = routeSpec({
      alias: "api",
      hosts: ["api.test"],
      workload: "app",
      upstream: { kind: "port", port: 9090, scheme: "http" },
    });
    supervisor.configure({ workloads: [app.spec], routes: [routeSpec(), route] });
    await settle();
    assert.equal(supervisor.registry.get("api")?.upstream(), "http://10.0.0.2:9090");
  });
});

void describe("reload", () => {
  void it("looks anew at what it adds: the last list may be a minute old", async () => {
    const { app, clock, provider, supervisor } = await engineWorld();
    app.wake("request");
    await clock.advanceAsync(1_000);
    supervisor.configure({ workloads: [workloadSpec({ alias: "renamed", ref: "app" })], routes: [] });
    await clock.advanceAsync(300);
    assert.equal(supervisor.workload("renamed")?.state, "ready");
    assert.equal(provider.count("start"), 1);
  });
});

void describe("doors", () => {
  const gateOf = ({ clock }: { readonly clock: ReturnType<typeof fakeClock> }) =>
    createGate({
      clock,
      logger: silentLogger,
      pages: { render: () => ({ status: 503, headers: {}, body: new Uint8Array() }) },
      budget: createWaiterBudget({ perWorkload: 10, total: 10 }),
      matchesAddress: () => () => false,
      publicUrl: null,
    });

  void it("holds nobody longer than the door's proxy allows, the first look included", async () => {
    const world = await engineWorld({ lost: true, answers: () => false });
    const route = world.supervisor.registry.get("app")!;
    let answeredAt: number | null = null;
    const began = world.clock.now();
    const answer = gateOf(world).admit(route, requestFacts({ headers: apiHeaders }), doorOptions({ maxHoldMs: 5_000 }));
    void Promise.resolve(answer).then(() => (answeredAt = world.clock.now()));
    await world.clock.advanceAsync(1_900);
    world.provider.back();
    await world.clock.advanceAsync(10_000);
    assert.equal(answeredAt, began + 5_000);
  });

  void it("goes on allowing what is ready while nodoff shuts down", async () => {
    const world = await engineWorld({ engine: running });
    const route = world.supervisor.registry.get("app")!;
    await world.supervisor.close();
    assert.equal((await gateOf(world).admit(route, requestFacts(), doorOptions())).kind, "allow");
  });
});

void it("leaves nothing behind of a timer that fired, however long the state lasts", () => {
  const clock = fakeClock();
  const parent = new AbortController();
  const scope = createScope(clock, parent.signal);
  for (let time = 0; time < 100; time++) {
    scope.after(10, () => undefined);
    clock.advance(10);
  }
  assert.equal(getEventListeners(scope.signal, "abort").length, 0);
  scope.end();
  assert.equal(getEventListeners(parent.signal, "abort").length, 0);
});
