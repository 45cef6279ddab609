import type { WorkloadSpec } from "../../src/core/spec.ts";
import type { Store } from "../../src/core/store.ts";
import type { Signal } from "../../src/core/signal.ts";
import type { ProbeTarget } from "../../src/core/prober.ts";
import { createJournal } from "../../src/engine/journal.ts";
import type { HandOverDeps } from "../../src/engine/workload-parts.ts";
import { createSupervisor, type Supervisor } from "../../src/engine/supervisor.ts";
import { fakeClock, settle } from "./fake-clock.ts";
import { fakeProber, fakeStore, requestsSignal } from "./fake-engine.ts";
import { type FakeOptions, fakeProvider } from "./fake-provider.ts";
import { recordingLogger } from "./logger.ts";
import { routeSpec, workloadSpec } from "./specs.ts";

export interface WorldOptions {
  /** More workloads and routes than `app`. */
  readonly more?: readonly WorkloadSpec[];
  readonly spec?: Partial<WorkloadSpec>;
  readonly engine?: FakeOptions;
  /** Whether the upstream answers; default always. */
  readonly answers?: (target: ProbeTarget) => boolean;
  readonly signals?: readonly Signal[];
  readonly store?: Store;
  /** The engine is away when nodoff starts. */
  readonly lost?: boolean;
  readonly handOver?: HandOverDeps;
}

/** One workload `app` on a fake engine under a real supervisor, in time that moves when told. */
export async function engineWorld(options: WorldOptions = {}) {
  const clock = fakeClock();
  const logger = recordingLogger();
  const provider = fakeProvider({ clock });
  const prober = fakeProber(options.answers);
  const journal = createJournal({ clock, logger });
  const shutdown = new AbortController();
  provider.add("app", { address: { host: "10.0.0.2", port: 8080 }, ...options.engine });
  if (options.lost === true) provider.lose();
  const supervisor: Supervisor = createSupervisor({
    clock,
    logger,
    journal,
    prober,
    store: options.store ?? fakeStore(),
    signals: [requestsSignal(), ...(options.signals ?? [])],
    defer: (run) => void setImmediate(run),
    shutdown: shutdown.signal,
    discover: () => ({ kind: "none" }),
    ...(options.handOver !== undefined && { handOver: options.handOver }),
  });
  supervisor.addProvider(provider);
  supervisor.configure({ workloads: [workloadSpec(options.spec), ...(options.more ?? [])], routes: [routeSpec()] });
  await settle();
  const app = supervisor.workload("app");
  if (app === undefined) throw new Error("the world has no app");
  const messages = (): string[] => logger.lines.map(({ message }) => message);
  return { clock, logger, provider, prober, journal, supervisor, app, shutdown, messages, settle };
}
