import type { Power } from "../../src/core/provider.ts";
import type { Reading, Signal } from "../../src/core/signal.ts";
import { createWaiterBudget } from "../../src/core/waiter-budget.ts";
import { createGate } from "../../src/engine/gate.ts";
import { createJournal } from "../../src/engine/journal.ts";
import { createSupervisor, type Supervisor } from "../../src/engine/supervisor.ts";
import type { Workload } from "../../src/engine/workload-parts.ts";
import { fakeClock } from "../support/fake-clock.ts";
import { fakeProber, fakeSignal, fakeStore, requestsSignal } from "../support/fake-engine.ts";
import { silentLogger } from "../support/logger.ts";
import type { EngineCall, Plan, Ref } from "./actions.ts";
import { faultyProvider } from "./faulty-provider.ts";
import { createLedger } from "./ledger.ts";
import { appPort, createModels, createSpecWriter, type Model } from "./models.ts";

export type World = ReturnType<typeof createWorld>;

const appHealthyAfterMs = 300;

/** The real supervisor and gate over an engine that misbehaves, in time that moves when told. */
export function createWorld(plan: Plan) {
  const clock = fakeClock();
  const ledger = createLedger(clock);
  const journal = createJournal({ clock, logger: silentLogger });
  const shutdown = new AbortController();
  const models = createModels(plan, clock.now());
  const specs = createSpecWriter(models);
  const watch = {
    called:
      (_call: EngineCall, _ref: Ref): ((failed: boolean) => void) =>
      () =>
        undefined,
  };
  const line = faultyProvider({ clock, onCall: (call, ref) => watch.called(call, ref as Ref) });
  const { engine } = line;
  const powerOf = (ref: Ref): Power | null => engine.look(ref)?.power ?? null;
  const prober = fakeProber((target) => {
    if (target.kind !== "http") return false;
    const { hostname, port } = new URL(target.origin);
    const ref = hostname as Ref;
    return models[ref].answers && powerOf(ref) === "running" && Number(port) === appPort;
  });
  const supervisor: Supervisor = createSupervisor({
    clock,
    logger: silentLogger,
    journal,
    prober,
    store: fakeStore(),
    signals: [
      requestsSignal(),
      fakeSignal("use", ({ spec }) => toReading(models[spec.ref as Ref])),
      ...(plan.slowSignalMs === 0 ? [] : [slowSignal((ref) => models[ref])]),
    ],
    defer: (run) => void setImmediate(run),
    shutdown: shutdown.signal,
    discover: () => ({ kind: "none" }),
  });
  const budget = createWaiterBudget({ perWorkload: 100, total: 1_000 });
  const gate = createGate({
    clock,
    logger: silentLogger,
    pages: { render: () => ({ status: 503, headers: {}, body: new Uint8Array() }) },
    budget,
    matchesAddress: () => () => false,
    publicUrl: null,
  });

  function slowSignal(modelOf: (ref: Ref) => Model): Signal {
    return fakeSignal("slow", ({ spec }, { signal }) => {
      const model = modelOf(spec.ref as Ref);
      const { promise, resolve } = Promise.withResolvers<void>();
      const cancel = clock.after(plan.slowSignalMs, resolve);
      const end = (): void => {
        cancel();
        resolve();
      };
      if (signal.aborted) end();
      else signal.addEventListener("abort", end, { once: true });
      return promise.then(() => toReading(model));
    });
  }

  function workloadOf(ref: Ref): Workload | undefined {
    return supervisor.workload(models[ref].config.alias);
  }

  function refOf(alias: string): Ref {
    return supervisor.workload(alias)?.spec.ref as Ref;
  }

  /** Health checks under way at the engine. */
  const checkups: (() => void)[] = [];
  function add(ref: Ref, power: Power): void {
    const becomeHealthy = (): void => {
      if (engine.look(ref)?.health === "starting") engine.outside.health(ref, "healthy");
    };
    engine.add(ref, {
      power,
      startedAt: clock.wall() - plan.upMs,
      ignoresStop: plan.slowStop,
      address: { host: ref, port: appPort },
      onStart: () => void checkups.push(clock.after(appHealthyAfterMs, becomeHealthy)),
    });
  }

  function configure(): void {
    supervisor.configure(specs());
    for (const model of Object.values(models)) {
      model.state = supervisor.workload(model.config.alias)?.state ?? "unknown";
    }
  }

  return {
    plan,
    clock,
    ledger,
    journal,
    shutdown,
    models,
    watch,
    line,
    engine,
    supervisor,
    budget,
    gate,
    powerOf,
    workloadOf,
    refOf,
    add,
    configure,
    endCheckups: () => checkups.forEach((cancel) => cancel()),
  };
}

function toReading({ inUse, useChangedAt }: Model): Reading {
  const lastUsedAt = inUse || useChangedAt === Number.NEGATIVE_INFINITY ? null : useChangedAt;
  return { kind: "read", lastUsedAt, inUse, text: "use" };
}
