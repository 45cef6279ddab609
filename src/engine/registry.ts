import { createTurns } from "../core/turns.ts";
import { createRouteTable, normaliseHost } from "../core/route-table.ts";
import { createPool, type MutablePool } from "../core/pool.ts";
import type { DecisionCounts, Route, RouteChanges, RouteDirectory } from "../core/route.ts";
import type { DoorSpec, RouteSpec, UpstreamSpec } from "../core/spec.ts";
import type { WorkloadHandle } from "../core/workload-handle.ts";

/** A workload that knows where it answers. */
export interface Reachable extends WorkloadHandle {
  origin(upstream: UpstreamSpec | null, passed?: ReadonlySet<string>): string | null;
}

export interface MutableRouteRegistry extends RouteDirectory {
  /**
   * Makes exactly these the routes. One whose spec and workload stayed keeps its object, and so its counters. Returns
   * the aliases that came and went.
   */
  replace(specs: readonly RouteSpec[], workload: (alias: string) => Reachable | undefined): RouteChanges;
}

export interface RegistryDeps {
  /** Whether an upstream of a route with several may be used; left out, all may. */
  readonly isHealthy?: (alias: string, origin: string) => boolean;
}

/** All routes of this nodoff, found by request or by alias. */
export function createRegistry(deps: RegistryDeps = {}): MutableRouteRegistry {
  const table = createRouteTable<Route>();
  const http = createPool<Route>();
  const streams = createPool<Route>();
  const excluded = createPool<Route>();
  const listeners = new Set<(changes: RouteChanges) => void>();
  /** Thousands of routes have the same few doors: one object each stays in the processor's cache. */
  const doors = new Map<string, DoorSpec>();

  const toOne = (door: DoorSpec): DoorSpec => {
    const key = JSON.stringify(door);
    const known = doors.get(key);
    if (known === undefined) doors.set(key, door);
    return known ?? door;
  };

  const poolOf = ({ kind, excluded: isExcluded }: RouteSpec): MutablePool<Route> => {
    if (isExcluded) return excluded;
    return kind === "tcp" || kind === "udp" ? streams : http;
  };
  const get = (alias: string): Route | undefined => http.get(alias) ?? streams.get(alias) ?? excluded.get(alias);
  const remove = ({ spec }: Route): void => {
    const route = poolOf(spec).delete(spec.alias);
    if (route !== undefined) table.delete(spec.hosts, spec.path, route);
  };
  const add = (route: Route): void => {
    const { spec } = route;
    poolOf(spec).add(spec.alias, route);
    // Excluded ones too: their hosts must not fall to somebody's wildcard.
    table.add(spec.hosts, spec.path, route);
  };
  function* active(): Iterable<Route> {
    yield* http;
    yield* streams;
  }
  function* routes(): Iterable<Route> {
    yield* active();
    yield* excluded;
  }

  return {
    http,
    streams,
    excluded,
    match: (host, path) => table.match(host, path),
    get,
    routes,
    get size() {
      return http.size + streams.size + excluded.size;
    },
    active,
    get activeSize() {
      return http.size + streams.size;
    },
    find(name) {
      const known = get(name);
      if (known !== undefined) return known;
      const route = table.match(name, "/");
      return route?.spec.hosts.includes(normaliseHost(name)) === true ? route : undefined;
    },
    byProvider: () => Map.groupBy(routes(), ({ spec }) => spec.source),
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    replace(specs, workloadOf) {
      const wanted = new Set(specs.map(({ alias }) => alias));
      doors.clear();
      const added: string[] = [];
      const changed: string[] = [];
      const left = [...routes()].filter(({ spec }) => !wanted.has(spec.alias));
      for (const route of left) remove(route);
      for (const spec of specs) {
        // Known, never slept: whoever asks about an excluded one is let through.
        const workload = spec.workload === null || spec.excluded ? null : (workloadOf(spec.workload) ?? null);
        const former = get(spec.alias);
        if (former?.spec === spec && former.workload === workload) continue;
        if (former !== undefined) remove(former);
        (former === undefined ? added : changed).push(spec.alias);
        const turns = toTurns(spec, deps);
        add(createRoute(spec, { workload, former, door: toOne(spec.door), turns }));
      }
      const changes = { added, changed, removed: left.map(({ spec }) => spec.alias) };
      if (added.length + changed.length + left.length > 0) for (const listener of listeners) listener(changes);
      return changes;
    },
  };
}

interface Parts {
  readonly workload: Reachable | null;
  readonly former: Route | undefined;
  readonly door: DoorSpec;
  readonly turns: Turns | null;
}

/** The next of several upstreams; null = none of them may be used. */
type Turns = (passed?: ReadonlySet<string>) => string | null;

function toTurns({ alias, upstreams }: RouteSpec, deps: RegistryDeps): Turns | null {
  if (upstreams === undefined) return null;
  const next = createTurns(upstreams);
  return (passed) => next((origin) => passed?.has(origin) !== true && (deps.isHealthy?.(alias, origin) ?? true));
}

function createRoute(spec: RouteSpec, { workload, former, door, turns }: Parts): Route {
  if (spec.door.handOver !== "url") workload?.requireDockerHandOver(spec.door.handOver);
  const route: RegisteredRoute = {
    // What every request reads or writes, in one piece.
    workload,
    door,
    decisions: former?.decisions ?? noDecisions(),
    requestsTotal: former?.requestsTotal ?? 0,
    lastUsedAt: former?.lastUsedAt ?? Number.NEGATIVE_INFINITY,
    headerName: null,
    spec,
    // What the former object still carries is counted down there.
    inFlight: 0,
    turns,
    upstream,
  };
  return route;
}

interface RegisteredRoute extends Route {
  readonly workload: Reachable | null;
  readonly turns: Turns | null;
}

/** One function for all routes: a closure for each of 10,000 is memory. */
function upstream(this: RegisteredRoute, passed?: ReadonlySet<string>): string | null {
  const { spec, workload, turns } = this;
  const next = turns?.(passed) ?? null;
  if (next !== null) return next;
  if (spec.upstream?.kind === "url") return spec.upstream.url;
  return workload?.origin(spec.upstream, passed) ?? null;
}

/** Written out, so that the counts are in the object itself. */
function noDecisions(): DecisionCounts {
  return {
    allow: 0,
    hold_allow: 0,
    hand_over: 0,
    page: 0,
    redirect: 0,
    waking: 0,
    asleep: 0,
    failed: 0,
    forbidden: 0,
    quota: 0,
    reserved: 0,
  };
}
