import type { RouteSpec, WorkloadSpec } from "../../src/core/spec.ts";
import type { Signal } from "../../src/core/signal.ts";
import type { Store } from "../../src/core/store.ts";
import { createJournal } from "../../src/engine/journal.ts";
import { createSupervisor, type Supervisor } from "../../src/engine/supervisor.ts";
import type { Workload } from "../../src/engine/workload-parts.ts";
import { fakeClock, settle } from "./fake-clock.ts";
import { fakeProber, fakeStore, requestsSignal } from "./fake-engine.ts";
import { type FakeOptions, fakeProvider } from "./fake-provider.ts";
import { recordingLogger } from "./logger.ts";
import { routeSpec, workloadSpec } from "./specs.ts";

export interface StackOptions {
  /** Containers of the engine by name. */
  readonly engine: Readonly<Record<string, FakeOptions>>;
  /** Workloads; `ref` is the alias unless given. Those with `door: true` get a route of their own. */
  readonly workloads: readonly (Partial<WorkloadSpec> & { readonly alias: string; readonly door?: boolean })[];
  readonly signals?: readonly Signal[];
  readonly store?: Store;
  readonly takesTraffic?: (group: string, origin: string) => boolean;
}

/** Several workloads that need each other, on a fake engine under a real supervisor, in time that moves when told. */
export async function stackWorld({ engine, workloads, signals = [], store, takesTraffic }: StackOptions) {
  const clock = fakeClock();
  const logger = recordingLogger();
  const provider = fakeProvider({ clock });
  const prober = fakeProber();
  const journal = createJournal({ clock, logger });
  const keep = store ?? fakeStore({}, clock);
  for (const [name, options] of Object.entries(engine)) provider.add(name, options);
  const supervisor: Supervisor = createSupervisor({
    clock,
    logger,
    journal,
    prober,
    store: keep,
    signals: [requestsSignal(), ...signals],
    defer: (run) => void setImmediate(run),
    shutdown: new AbortController().signal,
    discover: () => ({ kind: "none" }),
    ...(takesTraffic === undefined ? {} : { takesTraffic }),
  });
  const specs = workloads.map(({ door: _door, ...spec }) =>
    workloadSpec({ ref: spec.alias, upstream: null, followsDependants: false, ...spec }),
  );
  const routes: RouteSpec[] = workloads
    .filter(({ door }) => door === true)
    .map(({ alias }) => routeSpec({ alias, workload: alias, hosts: [`${alias}.test`] }));
  supervisor.addProvider(provider);
  supervisor.configure({ workloads: specs, routes });
  await settle();
  const get = (alias: string): Workload => {
    const workload = supervisor.workload(alias);
    if (workload === undefined) throw new Error(`no workload ${alias}`);
    return workload;
  };
  /** Engine calls that change something, as `start web`, in their order. */
  const commands = (): string[] =>
    provider.calls
      .filter(({ method }) => ["start", "stop", "pause", "resume", "kill"].includes(method))
      .map(({ method, ref }) => `${method} ${ref ?? ""}`);
  const states = (): Record<string, string> =>
    Object.fromEntries(Array.from(supervisor.workloads(), ({ spec, state }) => [spec.alias, state]));
  const messages = (): string[] => logger.lines.map(({ message }) => message);
  return { clock, logger, provider, prober, journal, supervisor, store: keep, get, commands, states, messages };
}
