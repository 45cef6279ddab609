import { getEventListeners } from "node:events";
import type { StateName } from "../../src/core/state.ts";
import { settle } from "../support/fake-clock.ts";
import { type Plan, type Ref, refs } from "./actions.ts";
import { createCallers } from "./callers.ts";
import { carryOut, use } from "./carry-out.ts";
import { createWatch } from "./invariants.ts";
import { appPort } from "./models.ts";
import { watchRejections } from "./rejections.ts";
import { createWorld } from "./world.ts";

/** Timers beyond those of held callers: probes, sweep, debounces, slow calls. */
const timersMax = 60;
/** How long a stop may last that has to end in a kill. */
const stopMs = 10_000;
/** Signals live long: whoever listens must leave again. */
const listenersMax = 4;

/** Carries a plan out and throws at the first breach of an invariant of design §9. */
export async function simulate(plan: Plan): Promise<void> {
  const rejections = watchRejections();
  try {
    const simulation = createSimulation(plan, rejections.seen);
    await simulation.begin();
    for (const action of plan.actions) await simulation.act(action);
    if (!plan.abrupt) await simulation.quiet();
    await simulation.close();
  } finally {
    rejections.end();
  }
}

function createSimulation(plan: Plan, rejections: readonly unknown[]) {
  const world = createWorld(plan);
  const callers = createCallers(world);
  const watch = createWatch(world, callers.isWaitedFor);
  const { clock, engine, line, models, powerOf, supervisor, shutdown } = world;
  const { must, note, settleUp } = world.ledger;

  function check(): void {
    watch.check();
    callers.check();
    must(clock.pending <= callers.held + timersMax, `${clock.pending} timers are armed`);
    must(rejections.length === 0, `unhandled rejection: ${String(rejections[0])}`);
    settleUp();
  }

  async function pass(ms: number): Promise<void> {
    await clock.advanceAsync(ms);
    check();
  }

  /** Everything works again and nobody asks for anything. */
  function heal(): void {
    line.heal();
    engine.back();
    for (const ref of refs) {
      const model = models[ref];
      model.answers = true;
      model.config = { ...model.config, configured: true, port: appPort };
      use(ref, false, world);
      if (powerOf(ref) === null) world.add(ref, "stopped");
      if (powerOf(ref) === "restarting") engine.outside.start(ref);
      if (engine.look(ref)?.health === "unhealthy") engine.outside.health(ref, "healthy");
    }
    watch.unsettle();
    world.configure();
  }

  function isStopping(): boolean {
    return refs.some((ref) => models[ref].state === "stopping");
  }

  function mustAgree(ref: Ref): void {
    const { state } = models[ref];
    const power = powerOf(ref);
    const expected: readonly StateName[] = power === "running" ? ["ready"] : ["napping", "error"];
    must(expected.includes(state), `${ref} is ${power} but ${state}`);
  }

  function mustServe(ref: Ref): void {
    const { state } = models[ref];
    must(state === "ready" && powerOf(ref) === "running", `${ref} cannot be woken: ${state}, ${powerOf(ref)}`);
    const origin = supervisor.registry.get(ref)?.upstream() ?? null;
    must(origin === `http://${ref}:${appPort}`, `${ref} is ready at ${origin}`);
  }

  function mustSleep(ref: Ref): void {
    const { state, config } = models[ref];
    const expected = config.idleTimeoutMs > 0 ? "napping" : "ready";
    must(state === expected, `${ref} is ${state} after idle_timeout`);
    mustAgree(ref);
  }

  return {
    async begin(): Promise<void> {
      for (const ref of refs) world.add(ref, plan.power);
      if (plan.lost) engine.lose();
      supervisor.addProvider(line.provider);
      world.configure();
      await settle();
      check();
    },
    async act(action: Plan["actions"][number]): Promise<void> {
      await carryOut(action, { world, callers, watch });
      await settle();
      check();
    },
    /** What nodoff believes becomes what is; then all can be woken, and goes to sleep again. */
    async quiet(): Promise<void> {
      note("quiet");
      heal();
      for (let round = 0; round < 4; round++) {
        engine.relist();
        await pass(8_000);
      }
      for (let stops = 0; stops < refs.length && isStopping(); stops++) await pass(stopMs);
      must(callers.held === 0, "somebody waits though nothing happens");
      refs.forEach(mustAgree);
      for (const ref of refs) callers.person(ref, "person");
      await pass(2_000);
      refs.forEach(mustServe);
      const idleMs = Math.max(...refs.map((ref) => models[ref].config.idleTimeoutMs));
      // A stop that failed is tried again after five minutes at the latest.
      await pass(idleMs + 35_000 + (watch.stopFailed ? 300_000 : 0));
      refs.forEach(mustSleep);
      const listeners = getEventListeners(shutdown.signal, "abort").length;
      must(listeners <= listenersMax, `${listeners} listeners stay on the shutdown signal`);
      check();
    },
    async close(): Promise<void> {
      note("shutdown");
      const closing = supervisor.close();
      watch.closed = true;
      await settle();
      must(callers.held === 0, `${callers.held} waiters are not answered at shutdown`);
      shutdown.abort();
      line.heal();
      world.endCheckups();
      await closing;
      await clock.advanceAsync(1_001);
      must(clock.pending === 0, `${clock.pending} timers outlive the shutdown`);
      check();
    },
  };
}
