import type { Failure } from "../core/errors.ts";
import type { Change, EngineHealth, Look, Provider } from "../core/provider.ts";
import type { RouteDirectory } from "../core/route.ts";
import type { RouteSpec, UpstreamSpec, WorkloadSpec } from "../core/spec.ts";
import { planDependencies } from "../core/dependencies.ts";
import { type ConfigProblem, mergeSpecs, type SpecSet } from "./desired.ts";
import type { ReadLabels } from "./discovery.ts";
import { createLookBudget } from "./look-budget.ts";
import { createNeighbours } from "./neighbours.ts";
import { isSame, keepEqual, upstreamsByWorkload } from "./specs.ts";
import { createRegistry } from "./registry.ts";
import { createWatching, type Engine } from "./watching.ts";
import { createWorkload } from "./workload.ts";
import { isGroup, type Workload, type WorkloadDeps } from "./workload-parts.ts";

export interface SupervisorDeps extends Omit<WorkloadDeps, "provider" | "pollMs" | "looks" | "neededBy"> {
  readonly discover: ReadLabels;
  /** Upper bound of the time between two looks at signals, ms; read at each use. Default 10 s. */
  readonly pollMs?: () => number;
  /** The engine's own check of a workload says something new. */
  readonly engineHealthChanged?: (alias: string) => void;
  /** Whether an upstream of a route with several may be used; left out, all may. */
  readonly isHealthy?: (alias: string, origin: string) => boolean;
  /** Called after the routes may have changed. */
  readonly onRoutes?: () => void;
}

/** A provider at one moment, for API, metrics and readiness. */
export interface ProviderView {
  readonly name: string;
  readonly type: Provider["type"];
  readonly connected: boolean;
  readonly failure: Failure | null;
  /** Whether it was listed at least once. */
  readonly looked: boolean;
  readonly workloads: number;
}

/** What one engine has. */
export interface Shown {
  readonly provider: Provider;
  readonly looks: readonly Look[] | null;
  /** The workload that one of these names belongs to. */
  workloadOf(refs: readonly string[]): Workload | undefined;
}

/** Owns every workload and route: creates them from what is desired, feeds them what engines tell, sweeps. */
export interface Supervisor {
  readonly registry: RouteDirectory;
  workload(alias: string): Workload | undefined;
  workloads(): Iterable<Workload>;
  /** What the engine's own check says of a workload; null = it cannot say, as while the link to it is lost. */
  engineHealth(alias: string): EngineHealth | null;
  providers(): Iterable<ProviderView>;
  /** Every provider with what it showed when it was last listed; null = not yet. */
  shown(): Iterable<Shown>;
  /** Rises whenever `shown`, workloads or routes may have changed. */
  readonly revision: number;
  /** What labels got wrong, or what collided. */
  problems(): readonly ConfigProblem[];
  addProvider(provider: Provider): void;
  removeProvider(name: string): Promise<void>;
  /** Makes the file's workloads and routes, with those of labels, the ones that run. What stayed the same is untouched. */
  configure(file: { readonly workloads: readonly WorkloadSpec[]; readonly routes: readonly RouteSpec[] }): void;
  /** Answers everybody who waits, stops watching and sweeping, closes the providers. Stops no workload. */
  close(): Promise<void>;
}

const sweepEveryMs = 1_000;
/** With more to look at, each waits longer for its turn: what nodoff and engines pay is bounded. */
const looksPerSecond = 200;
const saveEveryMs = 500;
/** Last uses handed to the store at once: with more in use, each is saved less often. */
const usesPerSave = 500;
const pollDefaultMs = 10_000;
const shuttingDown: Failure = { code: "SHUTTING_DOWN", message: "nodoff is shutting down" };
const leftOut: Failure = { code: "GONE", message: "it is no longer in the configuration" };

export function createSupervisor(deps: SupervisorDeps): Supervisor {
  const { clock, journal, logger } = deps;
  const registry = createRegistry(deps);
  const workloads = new Map<string, Workload>();
  /** Workloads by provider and ref: events name what the engine knows. */
  const byRef = new Map<string, Map<string, Workload>>();
  let file: SpecSet = { source: "the file", workloads: [], routes: [] };
  let problems: readonly ConfigProblem[] = [];
  let told: ReadonlySet<string> = new Set();
  let revision = 0;
  let saves = 0;
  /** In so many saves everything in use is saved once. */
  let saveTurns = 1;
  let closed = false;
  const depsByProvider = new WeakMap<Provider, WorkloadDeps>();
  const watching = createWatching({
    clock,
    logger,
    journal,
    read: deps.discover,
    taken: () => new Set([...file.workloads, ...file.routes].map(({ alias }) => alias)),
    listed,
    changed,
  });
  const { looksOf } = watching;
  const neighbours = createNeighbours({ clock, workloads, looksOf });
  const shared = {
    ...deps,
    neededBy: neighbours.neededBy,
    pollMs: () => deps.pollMs?.() ?? pollDefaultMs,
    looks: createLookBudget(looksPerSecond),
  };

  function apply(): void {
    revision++;
    const merged = mergeSpecs(file, watching.labelled());
    const plan = planDependencies(merged.workloads, (provider) => looksOf(provider) ?? []);
    const cycles = plan.cycles.map(([alias, cycle]) => ({
      source: `workload ${alias}`,
      key: "depends_on",
      message: `${cycle} is a cycle: the last step of it is left out`,
    }));
    // What reads the same is the same: its routes and counters stay.
    const specs = keepEqual(plan.workloads, (alias) => workloads.get(alias)?.spec);
    const routes = keepEqual(merged.routes, (alias) => registry.get(alias)?.spec);
    problems = [...watching.problems(), ...merged.problems, ...cycles];
    tell(merged.notices);
    replaceWorkloads(specs, upstreamsByWorkload(routes));
    neighbours.link(plan);
    const { added, removed } = registry.replace(routes, (alias) => workloads.get(alias));
    deps.onRoutes?.();
    if (!logger.debugEnabled) return;
    for (const alias of removed) logger.debug("route removed", { alias });
    for (const alias of added) logger.debug("route added", { alias });
  }

  /** Each once, and again when it comes back after it was mended. */
  function tell(notices: readonly ConfigProblem[]): void {
    const lines = new Set<string>();
    const isNew = ({ source, key, message }: ConfigProblem): boolean => {
      const line = `${source} ${key}: ${message}`;
      lines.add(line);
      return !told.has(line);
    };
    for (const { source, key, message } of problems.filter(isNew)) {
      logger.warn("left out of the configuration", { source, key, error: message });
      const text = `${source} ${key}: ${message}`;
      const failure: Failure = { code: "CONFIG_INVALID", message: text };
      journal.publish({ type: "config", alias: null, message: text, failure });
    }
    for (const { source, key, message } of notices.filter(isNew))
      logger.info("not used", { source, key, reason: message });
    told = lines;
  }

  function replaceWorkloads(
    specs: readonly WorkloadSpec[],
    upstreams: ReadonlyMap<string, readonly UpstreamSpec[]>,
  ): void {
    const wanted = new Map(specs.map((spec) => [spec.alias, spec]));
    for (const workload of workloads.values()) {
      const spec = wanted.get(workload.spec.alias);
      if (spec !== undefined && isSame(spec, workload.spec)) continue;
      remove(workload);
    }
    for (const spec of specs) {
      const routes = upstreams.get(spec.alias) ?? [];
      const workload = workloads.get(spec.alias);
      if (workload === undefined) create(spec, routes);
      else workload.update(spec, routes);
    }
  }

  function remove(workload: Workload): void {
    const { alias, provider, ref } = workload.spec;
    workload.close(leftOut);
    workloads.delete(alias);
    journal.forget(alias);
    logger.debug("workload removed", { alias, provider });
    const named = byRef.get(provider);
    if (named?.get(ref) === workload) named.delete(ref);
  }

  function create(spec: WorkloadSpec, upstreams: readonly UpstreamSpec[]): void {
    const source = watching.get(spec.provider);
    const provider = isGroup(spec) ? neighbours.groups : source?.provider;
    if (provider === undefined) return;
    const workload = createWorkload(spec, depsOf(provider));
    workload.update(spec, upstreams);
    workloads.set(spec.alias, workload);
    if (isGroup(spec)) return;
    const named = byRef.get(spec.provider) ?? new Map<string, Workload>();
    byRef.set(spec.provider, named.set(spec.ref, workload));
    if (source === undefined || source.looks === null) return;
    workload.listed(source.looks.get(spec.ref));
    // The last list may be a minute old.
    if (!source.fresh) workload.recheck();
  }

  /** One object for all workloads of a provider. */
  function depsOf(provider: Provider): WorkloadDeps {
    const known = depsByProvider.get(provider) ?? { ...shared, provider };
    depsByProvider.set(provider, known);
    return known;
  }

  function listed({ provider, looks }: Engine, isOther: boolean): void {
    if (closed) return;
    revision++;
    if (isOther) apply();
    for (const workload of workloads.values())
      if (workload.provider === provider) workload.listed(looks?.get(workload.spec.ref));
  }

  function changed(provider: Provider, change: Change): void {
    for (const ref of change.refs) {
      const workload = byRef.get(provider.name)?.get(ref);
      workload?.observe(change);
      if (change.kind === "health" && workload !== undefined) deps.engineHealthChanged?.(workload.spec.alias);
    }
  }

  function sweep(): void {
    if (closed) return;
    const now = clock.now();
    for (const workload of workloads.values()) if (workload.dueAt <= now) workload.sweep(now);
    clock.after(sweepEveryMs, sweep);
  }
  clock.after(sweepEveryMs, sweep);

  /** Twice a second, so that with the store's own quarter of a second nothing is lost that is older than one. */
  function save(): void {
    if (closed) return;
    saves++;
    let used = 0;
    for (const workload of workloads.values())
      if (workload.lastUsedAt !== workload.savedUse && used++ % saveTurns === saves % saveTurns) workload.saveUse();
    saveTurns = Math.max(1, Math.ceil(used / usesPerSave));
    clock.after(saveEveryMs, save);
  }
  clock.after(saveEveryMs, save);

  return {
    registry,
    workload: (alias) => workloads.get(alias),
    workloads: () => workloads.values(),
    engineHealth(alias) {
      const workload = workloads.get(alias);
      const isLinked = workload !== undefined && watching.get(workload.spec.provider)?.connected === true;
      return isLinked ? (workload.look?.health ?? null) : null;
    },
    *providers() {
      for (const { provider, connected, failure, looks } of watching.engines()) {
        let count = 0;
        for (const { spec } of workloads.values()) if (spec.provider === provider.name) count++;
        yield {
          name: provider.name,
          type: provider.type,
          connected,
          failure,
          looked: looks !== null,
          workloads: count,
        };
      }
    },
    *shown() {
      for (const { provider } of watching.engines()) {
        const named = byRef.get(provider.name);
        const workloadOf = (refs: readonly string[]): Workload | undefined =>
          refs.map((ref) => named?.get(ref)).find((workload) => workload !== undefined);
        yield { provider, looks: looksOf(provider.name), workloadOf };
      }
    },
    get revision() {
      return revision;
    },
    problems: () => problems,
    addProvider: watching.add,
    async removeProvider(name) {
      const end = watching.forget(name);
      // They hold the provider; whoever still wants them configures them anew.
      for (const workload of workloads.values()) if (workload.spec.provider === name) remove(workload);
      apply();
      await end();
    },
    configure(next) {
      file = { source: "the file", ...next };
      // Aliases the file takes now may collide with those labels chose before.
      watching.readAnew();
      apply();
    },
    async close() {
      closed = true;
      for (const workload of workloads.values()) workload.close(shuttingDown);
      await watching.close();
    },
  };
}
