import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { NodoffError } from "../core/errors.ts";
import { settle } from "../../test/support/fake-clock.ts";
import { fakeSignal, fakeStore } from "../../test/support/fake-engine.ts";
import { engineWorld } from "../../test/support/engine-world.ts";

const forever = new AbortController().signal;

void describe("first look", () => {
  void it("finds a stopped one napping and a paused one too", async () => {
    assert.equal((await engineWorld()).app.state, "napping");
    assert.equal((await engineWorld({ engine: { power: "paused" } })).app.state, "napping");
  });

  void it("allows at once what has been up for longer than a wake may take, without a probe", async () => {
    const { app, prober } = await engineWorld({ engine: { power: "running", startedAt: 0 } });
    assert.equal(app.allow, true);
    assert.equal(prober.asked.length, 0);
    assert.equal(app.origin(null), "http://10.0.0.2:8080");
  });

  void it("probes what came up a moment ago, and never starts it", async () => {
    let answers = false;
    const world = await engineWorld({ engine: { power: "running" }, answers: () => answers });
    assert.equal(world.app.state, "starting");
    answers = true;
    await world.clock.advanceAsync(300);
    assert.equal(world.app.state, "ready");
    assert.equal(world.provider.count("start"), 0);
  });

  void it("says gone for what the engine does not have, and comes back with it", async () => {
    const world = await engineWorld({ spec: { ref: "other" } });
    assert.equal(world.app.state, "gone");
    assert.equal((await world.app.settled(forever)).kind, "failed");
    world.provider.add("other", {});
    await settle();
    assert.equal(world.app.state, "napping");
  });

  void it("stays unknown while the engine is away, and looks when it comes", async () => {
    const world = await engineWorld({ lost: true });
    assert.equal(world.app.state, "unknown");
    world.provider.back();
    await settle();
    assert.equal(world.app.state, "napping");
  });
});

void describe("wake", () => {
  void it("starts once however many ask, and answers all of them by one change", async () => {
    const world = await engineWorld();
    const outcomes = Array.from({ length: 2_000 }, () => {
      world.app.wake("request");
      return world.app.settled(forever);
    });
    assert.equal(world.app.waiting, 2_000);
    await world.clock.advanceAsync(500);
    assert.deepEqual(new Set((await Promise.all(outcomes)).map(({ kind }) => kind)), new Set(["ready"]));
    assert.equal(world.provider.count("start"), 1);
    assert.equal(world.app.waiting, 0);
  });

  void it("goes on when a caller leaves", async () => {
    const world = await engineWorld();
    const caller = new AbortController();
    world.app.wake("request");
    const left = world.app.settled(caller.signal);
    caller.abort();
    assert.equal((await left).kind, "aborted");
    await world.clock.advanceAsync(500);
    assert.equal(world.app.state, "ready");
  });

  void it("resumes what is paused instead of starting it", async () => {
    const world = await engineWorld({ engine: { power: "paused" } });
    world.app.wake("request");
    await world.clock.advanceAsync(500);
    assert.equal(world.app.state, "ready");
    assert.deepEqual([world.provider.count("resume"), world.provider.count("start")], [1, 0]);
  });

  void it("waits for the upstream to answer, not for the engine", async () => {
    let answers = false;
    const world = await engineWorld({ answers: () => answers });
    world.app.wake("request");
    await world.clock.advanceAsync(5_000);
    assert.equal(world.app.state, "starting");
    answers = true;
    await world.clock.advanceAsync(300);
    assert.equal(world.app.state, "ready");
  });

  void it("reads the address anew after each start", async () => {
    const world = await engineWorld();
    world.app.wake("request");
    await world.clock.advanceAsync(500);
    assert.equal(world.app.origin(null), "http://10.0.0.2:8080");
    world.provider.add("app", { power: "running", address: { host: "10.0.0.9", port: 8080 } });
    await settle();
    assert.equal(world.app.origin(null), "http://10.0.0.9:8080");
  });

  void it("tells its callers at once when it exits, and says with which code", async () => {
    const world = await engineWorld({ answers: () => false });
    world.app.wake("request");
    await world.clock.advanceAsync(200);
    const outcome = world.app.settled(forever);
    world.provider.outside.crash("app", 3);
    await settle();
    const failed = await outcome;
    assert.equal(failed.kind === "failed" && failed.failure.code, "EXITED");
    assert.match(failed.kind === "failed" ? failed.failure.message : "", /exit code 3/);
    assert.equal(world.app.state, "error");
  });

  void it("sees an exit that came before the engine answered the start", async () => {
    const world = await engineWorld({ answers: () => false });
    world.provider.delay("start", 500, { when: "after" });
    world.app.wake("request");
    await world.clock.advanceAsync(100);
    world.provider.outside.crash("app", 1);
    await world.clock.advanceAsync(600);
    assert.equal(world.app.state, "error");
    assert.equal(world.app.view().failure?.code, "EXITED");
  });

  void it("forgives a restart policy two exits, not three", async () => {
    const world = await engineWorld({ answers: () => false });
    world.app.wake("request");
    await world.clock.advanceAsync(100);
    for (const left of [true, true, false]) {
      world.provider.outside.crash("app", 1, true);
      await settle();
      assert.equal(world.app.state, left ? "starting" : "error");
      world.provider.outside.start("app");
      await settle();
      if (left) assert.equal(world.app.state, "starting");
    }
  });

  void it("passes the engine's own words on when it refuses the start", async () => {
    const world = await engineWorld();
    world.provider.fail("start", new NodoffError("PORT_CONFLICT", "port 80 is taken"));
    world.app.wake("request");
    const outcome = await world.app.settled(forever);
    assert.deepEqual(outcome, { kind: "failed", failure: { code: "PORT_CONFLICT", message: "port 80 is taken" } });
  });

  void it("fails after wake_timeout, then notices late readiness", async () => {
    let answers = false;
    const world = await engineWorld({ answers: () => answers });
    world.app.wake("request");
    await world.clock.advanceAsync(120_000);
    assert.equal(world.app.view().failure?.code, "WAKE_TIMEOUT");
    answers = true;
    await world.clock.advanceAsync(5_000);
    assert.equal(world.app.state, "ready");
    assert.equal(world.provider.count("start"), 1);
  });

  void it("ends a start the engine never answers", async () => {
    const world = await engineWorld();
    world.provider.hang("start");
    world.app.wake("request");
    const outcome = world.app.settled(forever);
    await world.clock.advanceAsync(120_000);
    assert.equal((await outcome).kind, "failed");
  });

  void it("does not retry for requests within the back-off, but does for a person", async () => {
    const world = await engineWorld();
    world.provider.fail("start", new NodoffError("ENGINE_ERROR", "no"));
    world.app.wake("request");
    await settle();
    world.app.wake("request");
    await settle();
    assert.equal(world.provider.count("start"), 1);
    world.app.wake("retry");
    await world.clock.advanceAsync(100);
    assert.equal(world.app.state, "ready");
  });

  void it("gives an estimate from past wakes", async () => {
    const store = fakeStore();
    for (const ms of [900, 1000, 5000]) store.addWakeDuration("app", ms);
    const world = await engineWorld({ store, answers: () => false });
    assert.equal(world.app.view().etaMs, 1000);
    world.app.wake("request");
    await world.clock.advanceAsync(400);
    assert.equal(world.app.view().etaMs, 600);
  });

  void it("tells waiters when it is deleted under them", async () => {
    const world = await engineWorld({ answers: () => false });
    world.app.wake("request");
    await world.clock.advanceAsync(100);
    const outcome = world.app.settled(forever);
    world.provider.outside.delete("app");
    await settle();
    const told = await outcome;
    assert.equal(told.kind === "failed" && told.failure.code, "GONE");
  });

  void it("tells waiters when somebody stops it under them, and can be woken again", async () => {
    let answers = false;
    const world = await engineWorld({ answers: () => answers });
    world.app.wake("request");
    await world.clock.advanceAsync(100);
    const outcome = world.app.settled(forever);
    world.provider.outside.stop("app");
    await settle();
    const told = await outcome;
    assert.equal(told.kind === "failed" && told.failure.code, "STOPPED_OUTSIDE");
    assert.equal(world.app.state, "napping");
    answers = true;
    world.app.wake("request");
    await world.clock.advanceAsync(300);
    assert.equal(world.app.state, "ready");
  });

  void it("waits for engine health only when told to, and an unhealthy one fails", async () => {
    const ready = { http: null, status: [[200, 399]], tcp: null, engineHealth: true, log: null, delayMs: 0 } as const;
    const world = await engineWorld({ spec: { ready }, engine: { health: "starting" } });
    world.app.wake("request");
    await world.clock.advanceAsync(3_000);
    assert.equal(world.app.state, "starting");
    world.provider.outside.health("app", "healthy");
    await settle();
    assert.equal(world.app.state, "ready");

    const sick = await engineWorld({ engine: { health: "starting" }, answers: () => false });
    sick.app.wake("request");
    await sick.clock.advanceAsync(100);
    sick.provider.outside.health("app", "unhealthy");
    await settle();
    assert.equal(sick.app.state, "error");
  });

  void it("stays starting until Traefik's Docker provider can know, where hand-over asks for it", async () => {
    const world = await engineWorld();
    world.app.requireDockerHandOver("docker");
    world.app.wake("request");
    await world.clock.advanceAsync(2_300);
    assert.equal(world.app.state, "starting");
    await world.clock.advanceAsync(400);
    assert.equal(world.app.state, "ready");
  });

  void it("is ready as soon as Traefik shows it, and at once where Traefik asks nodoff for its way", async () => {
    const seen = Promise.withResolvers<"seen" | "unknown">();
    let isLed = false;
    const world = await engineWorld({
      handOver: { isLed: () => isLed, untilSeen: () => seen.promise },
    });
    world.app.requireDockerHandOver("auto");
    world.app.wake("request");
    await world.clock.advanceAsync(500);
    assert.equal(world.app.state, "starting");
    seen.resolve("seen");
    await settle();
    assert.equal(world.app.state, "ready");
    await world.app.sleep({ force: true, reason: null });
    await settle();
    isLed = true;
    world.app.wake("request");
    await world.clock.advanceAsync(300);
    assert.equal(world.app.state, "ready");
  });

  void it("gives Traefik more time while Traefik says that it does not know it, and the usual where it says nothing", async () => {
    for (const [untilSeen, readyAfterMs] of [
      [() => new Promise<"seen">(() => undefined), 10_000],
      [() => Promise.resolve("unknown" as const), 2_500],
    ] as const) {
      const world = await engineWorld({ handOver: { isLed: () => false, untilSeen } });
      world.app.requireDockerHandOver("auto");
      world.app.wake("request");
      await world.clock.advanceAsync(readyAfterMs - 300);
      assert.equal(world.app.state, "starting");
      await world.clock.advanceAsync(600);
      assert.equal(world.app.state, "ready");
    }
  });

  void it("takes no word of Traefik that may be about the run before", async () => {
    let asked = 0;
    const untilSeen = (): Promise<"seen"> => {
      asked++;
      return Promise.resolve("seen");
    };
    const world = await engineWorld({ handOver: { isLed: () => false, untilSeen } });
    world.app.requireDockerHandOver("auto");
    world.app.wake("request");
    await world.clock.advanceAsync(500);
    assert.deepEqual([world.app.state, asked], ["ready", 1]);
    // Woken again while it is being stopped.
    world.provider.delay("stop", 100);
    const slept = world.app.sleep({ force: true, reason: null });
    await settle();
    world.app.wake("request");
    await world.clock.advanceAsync(4_900);
    await slept;
    assert.deepEqual([world.app.state, asked], ["starting", 1]);
    await world.clock.advanceAsync(400);
    assert.deepEqual([world.app.state, asked], ["ready", 2]);
  });

  void it("is stopped instead of paused where Traefik's Docker provider would hang on it", async () => {
    for (const isLed of [false, true]) {
      const world = await engineWorld({
        spec: { stopMethod: "pause" },
        engine: { power: "running", startedAt: 0 },
        handOver: { isLed: () => isLed, untilSeen: () => Promise.resolve("seen") },
      });
      world.app.requireDockerHandOver("auto");
      await world.app.sleep({ force: true, reason: null });
      await settle();
      assert.equal(world.app.look?.power, isLed ? "paused" : "stopped");
    }
  });

  void it("waits for the log line when asked", async () => {
    const ready = {
      http: null,
      status: [[200, 399]],
      tcp: null,
      engineHealth: false,
      log: "listening",
      delayMs: 1_000,
    } as const;
    const world = await engineWorld({ spec: { ready, upstream: null }, engine: { logs: ["now listening on 80"] } });
    world.app.wake("request");
    await world.clock.advanceAsync(900);
    assert.equal(world.app.state, "starting", "delay has not passed");
    await world.clock.advanceAsync(200);
    assert.equal(world.app.state, "ready");
  });
});

void describe("sleep", () => {
  const minute = 60_000;

  async function ready(options: Parameters<typeof engineWorld>[0] = {}) {
    const world = await engineWorld(options);
    world.app.wake("request");
    await world.clock.advanceAsync(1_000);
    assert.equal(world.app.state, "ready");
    world.app.touch(world.clock.now());
    return world;
  }

  void it("stops after idle_timeout, not before, and says why", async () => {
    const { app, clock, provider, logger } = await ready();
    await clock.advanceAsync(15 * minute - 2_000);
    assert.equal(app.state, "ready");
    await clock.advanceAsync(4_000);
    assert.equal(app.state, "napping");
    assert.equal(provider.count("stop"), 1);
    assert.ok(logger.lines.some(({ level, message }) => level === "info" && message === "asleep"));
  });

  void it("never sleeps with idle_timeout 0", async () => {
    const { app, clock } = await ready({ spec: { idleTimeoutMs: 0 } });
    await clock.advanceAsync(3 * 24 * 60 * minute);
    assert.equal(app.state, "ready");
  });

  void it("does not sleep while a signal says in use, and does once it stops saying so", async () => {
    let inUse = true;
    const signal = fakeSignal("proxy", () => ({ kind: "read", lastUsedAt: null, inUse, text: "1 open request" }));
    const { app, clock, provider } = await ready({ signals: [signal] });
    await clock.advanceAsync(60 * minute);
    assert.equal(provider.count("stop"), 0);
    assert.deepEqual(app.view().reasons.at(-1), { signal: "proxy", verdict: "in_use", text: "1 open request" });
    inUse = false;
    await clock.advanceAsync(15 * minute);
    assert.equal(app.state, "napping");
  });

  void it("calls the stop off when a request comes while the last look is being taken", async () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<{ kind: "read"; lastUsedAt: null; inUse: false; text: string }>();
    const signal = fakeSignal("slow", () => {
      asked.resolve();
      return answer.promise;
    });
    const { app, clock, provider } = await ready({ signals: [signal] });
    clock.advance(16 * minute);
    await asked.promise;
    app.touch(clock.now());
    answer.resolve({ kind: "read", lastUsedAt: null, inUse: false, text: "" });
    await clock.advanceAsync(5_000);
    assert.equal(app.state, "ready");
    assert.equal(provider.count("stop"), 0);
  });

  void it("finishes a stop that meets a request, then wakes again", async () => {
    const { app, clock, provider } = await ready();
    const stop = provider.hang("stop");
    clock.advance(16 * minute);
    await stop.begun;
    assert.equal(app.state, "stopping");
    app.wake("request");
    const outcome = app.settled(forever);
    stop.release();
    await clock.advanceAsync(1_000);
    assert.equal((await outcome).kind, "ready");
    assert.deepEqual([provider.count("stop"), provider.count("start")], [1, 2]);
  });

  void it("goes back to ready when the engine refuses, and tries again later and later", async () => {
    const { app, clock, provider } = await ready();
    for (let time = 0; time < 3; time++) provider.fail("stop", new NodoffError("ENGINE_ERROR", "device busy"));
    clock.advance(15 * minute);
    await clock.advanceAsync(1_000);
    assert.equal(app.state, "ready");
    assert.equal(provider.count("stop"), 1);
    await clock.advanceAsync(5_000);
    assert.equal(provider.count("stop"), 2);
    await clock.advanceAsync(5_000);
    assert.equal(provider.count("stop"), 2, "backs off");
    await clock.advanceAsync(30_000);
    assert.equal(app.state, "napping");
    assert.equal(provider.count("stop"), 4);
  });

  void it("believes the engine's state over its answer", async () => {
    const { app, clock, provider } = await ready();
    provider.fail("stop", new NodoffError("ENGINE_ERROR", "connection reset"), { when: "after" });
    clock.advance(16 * minute);
    await clock.advanceAsync(1_000);
    assert.equal(app.state, "napping");
  });

  void it("pauses, where that is its way to sleep", async () => {
    const { app, clock, provider } = await ready({ spec: { stopMethod: "pause" } });
    clock.advance(16 * minute);
    await clock.advanceAsync(1_000);
    assert.equal(app.state, "napping");
    assert.deepEqual([provider.count("pause"), provider.count("stop")], [1, 0]);
  });

  void it("sleeps a failed one that still runs after idle_timeout", async () => {
    const world = await engineWorld({ answers: () => false, spec: { idleTimeoutMs: 5 * minute } });
    world.app.wake("request");
    world.app.touch(world.clock.now());
    await world.clock.advanceAsync(121_000);
    assert.equal(world.app.state, "error");
    await world.clock.advanceAsync(5 * minute);
    assert.equal(world.app.state, "napping");
    assert.equal(world.provider.count("stop"), 1);
  });
});

void describe("the outside", () => {
  void it("follows a stop by hand: napping, wakes on request", async () => {
    const world = await engineWorld({ engine: { power: "running", startedAt: 0 } });
    world.provider.outside.stop("app");
    await settle();
    assert.equal(world.app.state, "napping");
    world.app.wake("request");
    await world.clock.advanceAsync(300);
    assert.equal(world.app.state, "ready");
  });

  void it("follows a pause by hand: its wake is resume", async () => {
    const world = await engineWorld({ engine: { power: "running", startedAt: 0 } });
    world.provider.outside.pause("app");
    await settle();
    assert.equal(world.app.state, "napping");
    assert.equal(world.app.allow, false);
    world.app.wake("request");
    await world.clock.advanceAsync(300);
    assert.equal(world.provider.count("resume"), 1);
  });

  void it("follows a start by hand with a full idle period", async () => {
    const world = await engineWorld();
    await world.clock.advanceAsync(3_600_000);
    world.provider.outside.start("app");
    await world.clock.advanceAsync(1_000);
    assert.equal(world.app.state, "ready");
    await world.clock.advanceAsync(14 * 60_000);
    assert.equal(world.app.state, "ready");
    await world.clock.advanceAsync(2 * 60_000);
    assert.equal(world.app.state, "napping");
  });

  void it("tells a crash from a nap after two seconds, and not when it runs again by then", async () => {
    const world = await engineWorld({ engine: { power: "running", startedAt: 0 } });
    world.provider.outside.crash("app", 137);
    await world.clock.advanceAsync(1_900);
    assert.equal(world.app.state, "ready");
    await world.clock.advanceAsync(200);
    assert.equal(world.app.state, "error");

    const again = await engineWorld({ engine: { power: "running", startedAt: 0 } });
    again.provider.outside.crash("app", 1, true);
    await again.clock.advanceAsync(500);
    again.provider.outside.start("app");
    await again.clock.advanceAsync(3_000);
    assert.equal(again.app.state, "ready");
  });

  void it("stands by the last known state while the engine is away, then reconciles what it missed", async () => {
    const world = await engineWorld({ engine: { power: "running", startedAt: 0 } });
    world.provider.lose();
    world.provider.outside.stop("app");
    await settle();
    assert.equal(world.app.allow, true);
    world.provider.back();
    await settle();
    assert.equal(world.app.state, "napping");
  });

  void it("answers that the engine is away to whoever wakes meanwhile", async () => {
    const world = await engineWorld();
    world.provider.lose();
    world.app.wake("request");
    const outcome = await world.app.settled(forever);
    assert.equal(outcome.kind === "failed" && outcome.failure.code, "PROVIDER_UNAVAILABLE");
  });

  void it("goes on with the idle clock of before a restart, never stopping at once", async () => {
    const usedAt = Date.UTC(2026, 0, 1) + 1_000_000 - 14 * 60_000;
    const world = await engineWorld({ engine: { power: "running", startedAt: 0 }, store: fakeStore({ app: usedAt }) });
    await world.clock.advanceAsync(50_000);
    assert.equal(world.app.state, "ready");
    await world.clock.advanceAsync(15_000);
    assert.equal(world.app.state, "napping");

    const old = await engineWorld({
      engine: { power: "running", startedAt: 0 },
      store: fakeStore({ app: usedAt - 3_600_000 }),
    });
    await old.clock.advanceAsync(29_000);
    assert.equal(old.app.state, "ready", "min_awake protects what was just adopted");
  });

  void it("refuses to wake what nodoff must not manage", async () => {
    const world = await engineWorld({ engine: { refusal: "it is a Swarm task" } });
    world.app.wake("request");
    const outcome = await world.app.settled(forever);
    assert.equal(outcome.kind === "failed" && outcome.failure.code, "REFUSED");
  });
});

void it("answers whoever waits when nodoff shuts down, and stops nothing", async () => {
  const world = await engineWorld({ answers: () => false });
  world.app.wake("request");
  await world.clock.advanceAsync(100);
  const outcome = world.app.settled(forever);
  await world.supervisor.close();
  const told = await outcome;
  assert.equal(told.kind === "failed" && told.failure.code, "SHUTTING_DOWN");
  assert.equal(world.provider.count("stop"), 0);
});
