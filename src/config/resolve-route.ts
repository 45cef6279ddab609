import type { DoorSpec, RouteSpec, UpstreamSpec } from "../core/spec.ts";
import type { KeyPath, Report } from "./findings.ts";
import { doorKeys } from "./schema-workload.ts";
import type { RouteKeys, WorkloadKeys } from "./schema-workload.ts";
import { mergeHealth, toHealth } from "./resolve-health.ts";
import { mergeKeys, toDoorSpec, toHosts } from "./resolve-workload.ts";

/** What a route is besides its keys. */
export interface RouteHead {
  readonly alias: string;
  readonly source: string;
  /** Alias of its workload; null = never sleeps. */
  readonly workload: string | null;
}

/** The route a workload's own keys describe; it carries the workload's alias. */
export function toOwnRoute(head: RouteHead, keys: WorkloadKeys): RouteSpec {
  return { ...toRoute(head, keys, toDoorSpec(keys)), hosts: toHosts(keys), path: keys.path ?? "/" };
}

/**
 * One more door. What it does not say about waking it takes from its workload (`base`), and where it leads to the
 * workload's own address also how to talk to that.
 */
export function toExtraRoute(head: RouteHead, keys: RouteKeys, base: WorkloadKeys): RouteSpec {
  const doors = Object.keys(doorKeys);
  const inherited = Object.fromEntries(
    Object.entries(base).filter(([key]) => doors.includes(key) || key === "activity"),
  );
  const own = Object.fromEntries(Object.entries(keys).filter(([key]) => doors.includes(key)));
  const door = toDoorSpec(mergeKeys(inherited, own));
  const leadsElsewhere = keys.upstream !== undefined;
  const { tls_verify, host_header, health } = base;
  const address = leadsElsewhere
    ? keys
    : { tls_verify, host_header, ...keys, health: mergeHealth(health, keys.health) };
  return {
    ...toRoute(head, address, door),
    hosts: toHosts(keys),
    path: keys.path ?? "/",
    upstream: toRouteUpstream(keys),
    ...(keys.node !== undefined && { node: keys.node }),
  };
}

function toRouteUpstream(keys: RouteKeys): UpstreamSpec | null {
  if (keys.upstream !== undefined) return { kind: "url", url: keys.upstream };
  return keys.port === undefined ? null : { kind: "port", port: keys.port, scheme: "http" };
}

type CommonKeys = Pick<RouteKeys, "strip_path" | "proxy" | "tls_verify" | "host_header" | "exclude" | "health">;

function toRoute(head: RouteHead, keys: CommonKeys, door: DoorSpec): Omit<RouteSpec, "hosts" | "path"> {
  return {
    ...head,
    kind: "http",
    stripPath: keys.strip_path ?? false,
    upstream: null,
    door,
    served: keys.proxy ?? true,
    tlsVerify: keys.tls_verify ?? true,
    hostHeader: keys.host_header ?? null,
    excluded: keys.exclude ?? false,
    health: toHealth(keys.health, { tlsVerify: keys.tls_verify ?? true }),
  };
}

/** Finds routes that nobody could tell apart: the same alias, or the same host and path. */
export function createClashes(report: Report): (route: RouteSpec, path: KeyPath) => void {
  const aliases = new Set<string>();
  const doors = new Map<string, string>();
  return (route, path) => {
    if (aliases.has(route.alias)) report(path, `the alias "${route.alias}" is taken by the workload's own route`);
    aliases.add(route.alias);
    if (route.excluded) return;
    for (const host of route.hosts) {
      const door = route.path === "/" ? host : host + route.path;
      const first = doors.get(door);
      if (first === undefined) doors.set(door, route.alias);
      else report([...path, "host"], `"${door}" is served by "${first}" already`);
    }
  };
}
