import { createTurns } from "../core/turns.ts";
import { createRouteTable } from "../core/route-table.ts";
import { type DecisionCounts, decisionNames, type Route, type RouteRegistry } from "../core/route.ts";
import type { DoorSpec, RouteSpec, UpstreamSpec } from "../core/spec.ts";
import type { WorkloadHandle } from "../core/workload-handle.ts";

/** A workload that knows where it answers. */
export interface Reachable extends WorkloadHandle {
  origin(upstream: UpstreamSpec | null): string | null;
}

export interface MutableRouteRegistry extends RouteRegistry {
  /**
   * Makes exactly these the routes. One whose spec and workload stayed keeps its object, and so its counters. Returns
   * the aliases that came and went.
   */
  replace(specs: readonly RouteSpec[], workload: (alias: string) => Reachable | undefined): RouteChanges;
}

export interface RouteChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

export interface RegistryDeps {
  /** Whether an upstream of a route with several may be used; left out, all may. */
  readonly isHealthy?: (alias: string, origin: string) => boolean;
}

/** All routes of this nodoff, found by request or by alias. */
export function createRegistry(deps: RegistryDeps = {}): MutableRouteRegistry {
  const table = createRouteTable<Route>();
  const byAlias = new Map<string, Route>();
  /** Thousands of routes have the same few doors: one object each stays in the processor's cache. */
  const doors = new Map<string, DoorSpec>();

  const toOne = (door: DoorSpec): DoorSpec => {
    const key = JSON.stringify(door);
    const known = doors.get(key);
    if (known === undefined) doors.set(key, door);
    return known ?? door;
  };

  const remove = (route: Route): void => {
    byAlias.delete(route.spec.alias);
    table.delete(route.spec.hosts, route.spec.path, route);
  };
  const add = (route: Route): void => {
    byAlias.set(route.spec.alias, route);
    // Excluded ones too: their hosts must not fall to somebody's wildcard.
    table.add(route.spec.hosts, route.spec.path, route);
  };

  return {
    match: (host, path) => table.match(host, path),
    get: (alias) => byAlias.get(alias),
    routes: () => byAlias.values(),
    get size() {
      return byAlias.size;
    },
    replace(specs, workloadOf) {
      const wanted = new Map(specs.map((spec) => [spec.alias, spec]));
      doors.clear();
      const added: string[] = [];
      const removed = [...byAlias.keys()].filter((alias) => !wanted.has(alias));
      for (const route of byAlias.values()) if (!wanted.has(route.spec.alias)) remove(route);
      for (const spec of specs) {
        // Known, never slept: whoever asks about an excluded one is let through.
        const workload = spec.workload === null || spec.excluded ? null : (workloadOf(spec.workload) ?? null);
        const former = byAlias.get(spec.alias);
        if (former?.spec === spec && former.workload === workload) continue;
        if (former === undefined) added.push(spec.alias);
        else remove(former);
        const isHealthy = (origin: string): boolean => deps.isHealthy?.(spec.alias, origin) ?? true;
        add(createRoute(spec, { workload, former, door: toOne(spec.door), isHealthy }));
      }
      return { added, removed };
    },
  };
}

interface Parts {
  readonly workload: Reachable | null;
  readonly former: Route | undefined;
  readonly door: DoorSpec;
  readonly isHealthy: (origin: string) => boolean;
}

function createRoute(spec: RouteSpec, { workload, former, door, isHealthy }: Parts): Route {
  if (spec.door.handOver === "docker") workload?.requireDockerHandOver();
  const fixed = spec.upstream?.kind === "url" ? spec.upstream.url : null;
  const next = spec.upstreams === undefined ? null : createTurns(spec.upstreams);
  return {
    spec,
    workload,
    upstream: () => (next === null ? null : next(isHealthy)) ?? fixed ?? workload?.origin(spec.upstream) ?? null,
    door,
    allowHeaders: null,
    namedAllow: null,
    decisions: former?.decisions ?? noDecisions(),
    requestsTotal: former?.requestsTotal ?? 0,
    lastUsedAt: former?.lastUsedAt ?? Number.NEGATIVE_INFINITY,
    // What the former object still carries is counted down there.
    inFlight: 0,
  };
}

function noDecisions(): DecisionCounts {
  return Object.fromEntries(decisionNames.map((name) => [name, 0])) as DecisionCounts;
}
