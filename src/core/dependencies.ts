import type { ComposePlace, Look } from "./provider.ts";
import type { DependencyCondition, WorkloadSpec } from "./spec.ts";

/** What one workload needs of another before it is started. */
export interface Edge {
  /** Alias. */
  readonly to: string;
  readonly condition: DependencyCondition;
}

/** Every workload, those nobody declared included, and what depends on what. */
export interface DependencyPlan {
  readonly workloads: readonly WorkloadSpec[];
  readonly edges: ReadonlyMap<string, readonly Edge[]>;
  /** Edges that were left out because they close a cycle, as `[from, "a -> b -> a"]`. */
  readonly cycles: readonly (readonly [string, string])[];
}

/** What the providers have; a look is there once, whatever its number of names. */
export type LooksOf = (provider: string) => readonly Look[];

/**
 * Finds out what depends on what: `depends_on` of configuration, `depends_on` of compose, members of groups and compose
 * projects. What is needed and has no workload of its own gets one: started when needed, and stopped only where a
 * dependant allows it. Pure.
 */
export function planDependencies(declared: readonly WorkloadSpec[], looksOf: LooksOf): DependencyPlan {
  const known = createKnown(declared, looksOf);
  const edges = new Map<string, Edge[]>();
  // The list grows while it is walked: what is found brings dependencies of its own.
  for (const spec of known.specs) {
    const own = edgesOf(spec, known);
    if (own.length > 0) edges.set(spec.alias, own);
  }
  const cycles = cutCycles(edges);
  return { workloads: known.specs, edges, cycles };
}

interface Known {
  readonly specs: WorkloadSpec[];
  lookOf(spec: WorkloadSpec): Look | undefined;
  /** Looks of a service of the project, without what nodoff may not touch. */
  service(provider: string, project: string, service: string): readonly Look[];
  project(provider: string, project: string): readonly Look[];
  byName(provider: string, name: string): Look | undefined;
  alias(name: string): WorkloadSpec | undefined;
  /** The workload of a look; made where there is none. `allowsSleep`: the dependant says that it may be stopped. */
  workloadOf(look: Look, dependant: WorkloadSpec, allowsSleep: boolean): WorkloadSpec;
  /** The workload of something the engine does not have (yet). */
  absent(name: string, dependant: WorkloadSpec): WorkloadSpec;
}

function edgesOf(spec: WorkloadSpec, known: Known): Edge[] {
  const edges = new Map<string, DependencyCondition>();
  const add = (to: WorkloadSpec, condition: DependencyCondition): void => {
    if (to.alias !== spec.alias && !edges.has(to.alias)) edges.set(to.alias, condition);
  };
  for (const { name, condition } of spec.dependsOn) {
    for (const found of resolve(name, spec, known)) add(found, condition);
  }
  for (const member of spec.members) {
    const found = known.alias(member);
    if (found !== undefined) add(found, "auto");
  }
  if (spec.kind === "compose") for (const [found, condition] of membersOf(spec, known)) add(found, condition);
  const look = known.lookOf(spec);
  for (const { service, condition } of look?.compose?.dependsOn ?? []) {
    const project = look?.compose?.project ?? "";
    for (const each of known.service(spec.provider, project, service))
      add(known.workloadOf(each, spec, spec.dependsOnSleep), condition);
  }
  return Array.from(edges, ([to, condition]) => ({ to, condition }));
}

/** The containers of a project. What others of it wait to complete is waited for in the same way. */
function membersOf(spec: WorkloadSpec, known: Known): [WorkloadSpec, DependencyCondition][] {
  const looks = known.project(spec.provider, spec.ref);
  const oneShots = new Set(
    looks.flatMap(({ compose }) => (compose?.dependsOn ?? []).filter(isCompleted).map(({ service }) => service)),
  );
  return looks.map((look) => [
    known.workloadOf(look, spec, true),
    oneShots.has(look.compose?.service ?? "") ? "completed" : "auto",
  ]);
}

function isCompleted({ condition }: ComposePlace["dependsOn"][number]): boolean {
  return condition === "completed";
}

/** An alias first, then a service of the same project, then a name of the engine. */
function resolve(name: string, spec: WorkloadSpec, known: Known): readonly WorkloadSpec[] {
  const alias = known.alias(name);
  if (alias !== undefined) return [alias];
  const project = known.lookOf(spec)?.compose?.project;
  const looks = project === undefined ? [] : known.service(spec.provider, project, name);
  const found = looks.length > 0 ? looks : [known.byName(spec.provider, name)].filter((look) => look !== undefined);
  if (found.length === 0) return [known.absent(name, spec)];
  return found.map((look) => known.workloadOf(look, spec, spec.dependsOnSleep));
}

function createKnown(declared: readonly WorkloadSpec[], looksOf: LooksOf): Known {
  const specs = [...declared];
  const aliases = new Map(declared.map((spec) => [spec.alias, spec]));
  // A project may have a container of its own name: many do.
  const single = declared.filter(({ kind }) => kind !== "compose" && kind !== "group");
  const byRef = new Map(single.map((spec) => [`${spec.provider}/${spec.ref}`, spec]));
  const looks = indexLooks(looksOf);
  const add = (spec: WorkloadSpec): WorkloadSpec => {
    specs.push(spec);
    aliases.set(spec.alias, spec);
    byRef.set(`${spec.provider}/${spec.ref}`, spec);
    return spec;
  };
  const freeAlias = (names: readonly string[]): string => names.find((name) => !aliases.has(name)) ?? names.join("-");
  return {
    specs,
    lookOf: ({ provider, ref, kind }) =>
      kind === "compose" || kind === "group" ? undefined : looks(provider).byName.get(ref),
    service: (provider, project, service) => looks(provider).byService.get(`${project}/${service}`) ?? [],
    project: (provider, project) => looks(provider).byProject.get(project) ?? [],
    byName: (provider, name) => looks(provider).byName.get(name),
    alias: (name) => aliases.get(name),
    workloadOf(look, dependant, allowsSleep) {
      const found = look.refs
        .map((ref) => byRef.get(`${dependant.provider}/${ref}`))
        .find((spec) => spec !== undefined);
      if (found !== undefined) return found;
      const [name = look.id] = look.refs;
      const { project, service } = look.compose ?? { project: name, service: name };
      const alias = freeAlias([service, `${project}-${service}`, name]);
      return add(toImplicit({ alias, ref: name }, dependant, allowsSleep));
    },
    absent: (name, dependant) => add(toImplicit({ alias: name, ref: name }, dependant, dependant.dependsOnSleep)),
  };
}

interface Index {
  readonly byName: ReadonlyMap<string, Look>;
  readonly byService: ReadonlyMap<string, readonly Look[]>;
  readonly byProject: ReadonlyMap<string, readonly Look[]>;
}

/** Made per provider when first asked for: without dependencies nobody does. */
function indexLooks(looksOf: LooksOf): (provider: string) => Index {
  const made = new Map<string, Index>();
  return (provider) => {
    const known = made.get(provider);
    if (known !== undefined) return known;
    const byName = new Map<string, Look>();
    const all = looksOf(provider);
    for (const look of all) for (const ref of look.refs) if (!byName.has(ref)) byName.set(ref, look);
    // What may not be started or stopped is nobody's dependency: it runs, or somebody else sees to it.
    const placed = all.filter(({ compose, refusal }) => compose !== undefined && refusal === null);
    const byService = Map.groupBy(placed, ({ compose }) => `${compose?.project ?? ""}/${compose?.service ?? ""}`);
    const byProject = Map.groupBy(placed, ({ compose }) => compose?.project ?? "");
    const index = { byName, byService, byProject };
    made.set(provider, index);
    return index;
  };
}

function toImplicit(
  { alias, ref }: { readonly alias: string; readonly ref: string },
  dependant: WorkloadSpec,
  sleeps: boolean,
): WorkloadSpec {
  const { provider, source, idleTimeoutMs, minAwakeMs, wakeTimeoutMs, activity, loading, dryRun } = dependant;
  // What to ask of the one says nothing about the other; but a command for a project can only be run in its containers.
  const { probe } = activity;
  const ownProbe = dependant.kind === "compose" && probe?.kind === "exec" ? probe : null;
  return {
    alias,
    displayName: alias,
    provider,
    kind: "container",
    ref,
    source,
    upstream: null,
    ready: { http: null, status: [], tcp: null, engineHealth: false, log: null, delayMs: 0 },
    idleTimeoutMs: sleeps ? idleTimeoutMs : 0,
    wakeTimeoutMs,
    minAwakeMs,
    stopMethod: dependant.kind === "compose" ? dependant.stopMethod : "stop",
    stopSignal: null,
    stopTimeoutMs: null,
    loading,
    showDetails: false,
    deeper: [],
    sleeps,
    followsDependants: true,
    dependsOn: [],
    dependsOnSleep: sleeps,
    members: [],
    wakeMembers: "all",
    activity: probe === ownProbe ? activity : { ...activity, probe: ownProbe },
    schedule: null,
    dryRun,
  };
}

/** Removes each edge that leads back to where the walk came from: what is left has no cycle. */
function cutCycles(edges: Map<string, Edge[]>): readonly (readonly [string, string])[] {
  const cycles: (readonly [string, string])[] = [];
  const done = new Set<string>();
  const walk = (alias: string, path: readonly string[]): void => {
    if (done.has(alias)) return;
    const kept: Edge[] = [];
    for (const edge of edges.get(alias) ?? []) {
      const at = path.indexOf(edge.to);
      if (at !== -1) {
        cycles.push([alias, [...path.slice(at), edge.to].join(" -> ")]);
        continue;
      }
      walk(edge.to, [...path, edge.to]);
      kept.push(edge);
    }
    if (edges.has(alias)) edges.set(alias, kept);
    done.add(alias);
  };
  for (const alias of edges.keys()) walk(alias, [alias]);
  return cycles;
}

/**
 * Why something that runs beside it needs this container: a running container of its project names it in `depends_on`,
 * or it uses its network. What those in `except` (ids) depend on is left out: nodoff knows that itself.
 */
export function neededBy(look: Look, looks: readonly Look[], except: ReadonlySet<string>): readonly string[] {
  const runs = looks.filter(({ id, power }) => power === "running" && id !== look.id);
  return runs.flatMap((other) => {
    const [name = other.id] = other.refs;
    if (other.sharesNetworkWith === look.id) return [`${name} uses its network`];
    return !except.has(other.id) && isNamedBy(look.compose, other.compose) ? [`${name} depends on it`] : [];
  });
}

function isNamedBy(own: ComposePlace | undefined, other: ComposePlace | undefined): boolean {
  if (own === undefined || other?.project !== own.project) return false;
  return other.dependsOn.some(({ service, condition }) => service === own.service && condition !== "completed");
}
