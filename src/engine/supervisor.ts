import type { Failure } from "../core/errors.ts";
import { toFailure } from "../core/errors.ts";
import type { Change, Look, Provider } from "../core/provider.ts";
import type { RouteRegistry } from "../core/route.ts";
import type { RouteSpec, UpstreamSpec, WorkloadSpec } from "../core/spec.ts";
import { type ConfigProblem, mergeSpecs, type SpecSet } from "./desired.ts";
import { createRegistry } from "./registry.ts";
import { createWorkload, type Workload } from "./workload.ts";
import type { WorkloadDeps } from "./workload-parts.ts";

/** What the labels of one container say. */
export type Discovered =
  | { readonly kind: "none" }
  | { readonly kind: "spec"; readonly workload: WorkloadSpec; readonly routes: readonly RouteSpec[] }
  /** Left out: `routes` let everybody through to it. */
  | { readonly kind: "invalid"; readonly errors: readonly ConfigProblem[]; readonly routes: readonly RouteSpec[] };

export interface SupervisorDeps extends Omit<WorkloadDeps, "provider"> {
  /** Reads the labels of a look; `taken` are the aliases that may no longer be used. */
  readonly discover: (look: Look, provider: Provider, taken: ReadonlySet<string>) => Discovered;
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

/** Owns every workload and route: creates them from what is desired, feeds them what engines tell, sweeps. */
export interface Supervisor {
  readonly registry: RouteRegistry;
  workload(alias: string): Workload | undefined;
  workloads(): Iterable<Workload>;
  providers(): Iterable<ProviderView>;
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
const shuttingDown: Failure = { code: "SHUTTING_DOWN", message: "nodoff is shutting down" };
const leftOut: Failure = { code: "GONE", message: "it is no longer in the configuration" };

interface Watched {
  readonly provider: Provider;
  readonly watch: { close(): Promise<void> };
  /** Every name of everything it has; null before the first list. */
  looks: ReadonlyMap<string, Look> | null;
  /** `looks` are of this very moment. */
  fresh: boolean;
  failure: Failure | null;
  connected: boolean;
  readonly discovered: Map<string, Discovered>;
  labelled: readonly SpecSet[];
  problems: readonly ConfigProblem[];
  readonly warned: Set<string>;
}

export function createSupervisor(deps: SupervisorDeps): Supervisor {
  const { clock, journal, logger } = deps;
  const registry = createRegistry();
  const watched = new Map<string, Watched>();
  const workloads = new Map<string, Workload>();
  /** Workloads by provider and ref: events name what the engine knows. */
  const byRef = new Map<string, Workload>();
  let file: SpecSet = { source: "the file", workloads: [], routes: [] };
  let problems: readonly ConfigProblem[] = [];
  const told = new Set<string>();
  let closed = false;

  function apply(): void {
    const labelled = [...watched.values()].flatMap((each) => each.labelled);
    const merged = mergeSpecs(file, labelled);
    // What reads the same is the same: its routes and counters stay.
    const desired = {
      ...merged,
      workloads: keepEqual(merged.workloads, (alias) => workloads.get(alias)?.spec),
      routes: keepEqual(merged.routes, (alias) => registry.get(alias)?.spec),
    };
    problems = [...[...watched.values()].flatMap((each) => each.problems), ...desired.problems];
    tellProblems();
    replaceWorkloads(desired.workloads, upstreamsByWorkload(desired.routes));
    registry.replace(desired.routes, (alias) => workloads.get(alias));
  }

  function tellProblems(): void {
    for (const { source, key, message } of problems) {
      const line = `${source} ${key}: ${message}`;
      if (told.has(line)) continue;
      told.add(line);
      logger.warn("left out of the configuration", { source, key, error: message });
      journal.publish({ type: "config", alias: null, message: line });
    }
  }

  function replaceWorkloads(
    specs: readonly WorkloadSpec[],
    upstreams: ReadonlyMap<string, readonly UpstreamSpec[]>,
  ): void {
    const wanted = new Map(specs.map((spec) => [spec.alias, spec]));
    for (const workload of workloads.values()) {
      const spec = wanted.get(workload.spec.alias);
      if (spec !== undefined && keyOf(spec.provider, spec.ref) === keyOf(workload.spec.provider, workload.spec.ref))
        continue;
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
    byRef.delete(keyOf(provider, ref));
  }

  function create(spec: WorkloadSpec, upstreams: readonly UpstreamSpec[]): void {
    const source = watched.get(spec.provider);
    if (source === undefined) return;
    const workload = createWorkload(spec, { ...deps, provider: source.provider });
    workload.update(spec, upstreams);
    workloads.set(spec.alias, workload);
    byRef.set(keyOf(spec.provider, spec.ref), workload);
    if (source.looks === null) return;
    workload.listed(source.looks.get(spec.ref));
    // The last list may be a minute old.
    if (!source.fresh) workload.recheck();
  }

  function addProvider(provider: Provider): void {
    const each: Watched = {
      provider,
      watch: provider.watch({
        listed: (looks) => listed(each, looks),
        changed: (change) => changed(provider, change),
        link: (failure) => link(each, failure),
      }),
      looks: null,
      fresh: false,
      failure: null,
      connected: false,
      discovered: new Map(),
      labelled: [],
      problems: [],
      warned: new Set(),
    };
    watched.set(provider.name, each);
  }

  function listed(each: Watched, looks: readonly Look[]): void {
    if (closed) return;
    const { provider } = each;
    const byName = new Map<string, Look>();
    for (const look of looks) for (const ref of look.refs) if (!byName.has(ref)) byName.set(ref, look);
    each.looks = byName;
    each.fresh = true;
    if (provider.capabilities.discovers && discover(each, looks)) apply();
    each.fresh = false;
    for (const workload of workloads.values()) {
      if (workload.spec.provider === provider.name) workload.listed(byName.get(workload.spec.ref));
    }
  }

  /** Reads labels anew where something came, went or was renamed. Returns whether anything did. */
  function discover(each: Watched, looks: readonly Look[], anew = false): boolean {
    const before = each.discovered.size;
    const keyed = inOrderOfClaim(looks, each.discovered);
    // Whoever left may have had the name that somebody else asked for in vain.
    const left = [...each.discovered.keys()].some((key) => !keyed.has(key));
    const taken = new Set([...file.workloads, ...file.routes].map(({ alias }) => alias));
    const sets: SpecSet[] = [];
    const found: ConfigProblem[] = [];
    let changes = false;
    for (const [key, look] of keyed) {
      let read = each.discovered.get(key);
      if (read === undefined || anew || (left && read.kind === "invalid") || isTaken(read, taken)) {
        read = deps.discover(look, each.provider, taken);
        each.discovered.set(key, read);
        changes = true;
      }
      if (read.kind === "none") continue;
      warnAbout(each, look);
      if (read.kind === "invalid") found.push(...read.errors);
      const own = read.kind === "spec" ? [read.workload] : [];
      for (const { alias } of [...own, ...read.routes]) taken.add(alias);
      sets.push({ source: `label ${nameOf(look)}`, workloads: own, routes: read.routes });
    }
    for (const key of each.discovered.keys()) if (!keyed.has(key)) each.discovered.delete(key);
    each.labelled = sets;
    each.problems = found;
    return changes || each.discovered.size !== before;
  }

  function warnAbout(each: Watched, look: Look): void {
    for (const warning of look.warnings) {
      const line = `${nameOf(look)}: ${warning}`;
      if (each.warned.has(line)) continue;
      each.warned.add(line);
      logger.warn("discovered with a warning", { provider: each.provider.name, ref: nameOf(look), warning });
    }
  }

  function changed(provider: Provider, change: Change): void {
    for (const ref of change.refs) byRef.get(keyOf(provider.name, ref))?.observe(change);
  }

  function link(each: Watched, failure: Failure | null): void {
    const { name } = each.provider;
    each.connected = failure === null;
    each.failure = failure;
    if (failure === null) logger.info("engine connected", { provider: name });
    else logger.error("engine not reachable", { provider: name, code: failure.code, error: failure.message });
    const message = failure === null ? "connected" : failure.message;
    journal.publish({ type: "provider", alias: name, message, ...(failure === null ? {} : { failure }) });
  }

  function sweep(): void {
    if (closed) return;
    const now = clock.now();
    for (const workload of workloads.values()) workload.sweep(now);
    clock.after(sweepEveryMs, sweep);
  }
  clock.after(sweepEveryMs, sweep);

  return {
    registry,
    workload: (alias) => workloads.get(alias),
    workloads: () => workloads.values(),
    *providers() {
      for (const { provider, connected, failure, looks } of watched.values()) {
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
    problems: () => problems,
    addProvider,
    async removeProvider(name) {
      const each = watched.get(name);
      watched.delete(name);
      // They hold the provider; whoever still wants them configures them anew.
      for (const workload of workloads.values()) if (workload.spec.provider === name) remove(workload);
      apply();
      await each?.watch.close();
      await each?.provider.close();
    },
    configure(next) {
      file = { source: "the file", ...next };
      // Aliases the file takes now may collide with those labels chose before.
      for (const each of watched.values())
        if (each.looks !== null) discover(each, [...new Set(each.looks.values())], true);
      apply();
    },
    async close() {
      closed = true;
      for (const workload of workloads.values()) workload.close(shuttingDown);
      for (const { watch, provider } of watched.values()) {
        try {
          await watch.close();
          await provider.close();
        } catch (error) {
          logger.warn("provider did not close cleanly", { provider: provider.name, error: toFailure(error).message });
        }
      }
    },
  };
}

function isTaken(read: Discovered, taken: ReadonlySet<string>): boolean {
  return read.kind === "spec" && taken.has(read.workload.alias);
}

function keepEqual<S extends { readonly alias: string }>(
  specs: readonly S[],
  known: (alias: string) => S | undefined,
): readonly S[] {
  return specs.map((spec) => {
    const before = known(spec.alias);
    return before !== undefined && JSON.stringify(before) === JSON.stringify(spec) ? before : spec;
  });
}

function keyOf(provider: string, ref: string): string {
  return `${provider}/${ref}`;
}

/**
 * Looks by what their labels are remembered under: a container's labels never change under one id, but a rename may free
 * a name. In the order they were found, new ones by name: a name or host stays with the container that has it while
 * another is made to replace it, as compose does.
 */
function inOrderOfClaim(looks: readonly Look[], known: ReadonlyMap<string, Discovered>): ReadonlyMap<string, Look> {
  const byName = looks.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const keyed = new Map(byName.map((look) => [`${look.id} ${nameOf(look)}`, look]));
  const ordered = new Map<string, Look>();
  for (const key of [...known.keys(), ...keyed.keys()]) {
    const look = keyed.get(key);
    if (look !== undefined) ordered.set(key, look);
  }
  return ordered;
}

function nameOf(look: Look): string {
  return look.refs[0] ?? look.id;
}

function upstreamsByWorkload(routes: readonly RouteSpec[]): ReadonlyMap<string, readonly UpstreamSpec[]> {
  const byWorkload = new Map<string, UpstreamSpec[]>();
  for (const { workload, upstream } of routes) {
    if (workload === null || upstream === null) continue;
    byWorkload.set(workload, [...(byWorkload.get(workload) ?? []), upstream]);
  }
  return byWorkload;
}
