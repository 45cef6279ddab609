import { resolve as resolvePath } from "node:path";
import type { DoorSpec, ListenSpec, RouteSpec, StreamSpec, UpstreamSpec } from "../core/spec.ts";
import type { KeyPath, Report } from "./findings.ts";
import { doorKeys } from "./schema-workload.ts";
import type { RouteKeys, WorkloadKeys } from "./schema-workload.ts";
import { mergeHealth, toHealth } from "./resolve-health.ts";
import { formatListenAddress } from "../net/listen.ts";
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
  const leadsElsewhere = keys.upstream !== undefined || keys.upstreams !== undefined;
  const { tls_verify, host_header, health, via, security_headers, limits } = base;
  const common = { via, security_headers, ...keys, ...mergeLimits(limits, keys.limits) };
  const address = leadsElsewhere
    ? common
    : { tls_verify, host_header, ...common, health: mergeHealth(health, keys.health) };
  return {
    ...toRoute(head, address, door),
    hosts: toHosts(keys),
    path: keys.path ?? "/",
    upstream: toRouteUpstream(keys),
    ...(keys.node !== undefined && { node: keys.node }),
    ...toUpstreams(keys),
  };
}

function toUpstreams({ upstreams }: RouteKeys): Pick<RouteSpec, "upstreams"> {
  if (upstreams === undefined) return {};
  return { upstreams: upstreams.map(({ url, weight = 1 }) => ({ url, weight })) };
}

function toRouteUpstream(keys: RouteKeys): UpstreamSpec | null {
  if (keys.upstream !== undefined) return { kind: "url", url: keys.upstream };
  return keys.port === undefined ? null : { kind: "port", port: keys.port, scheme: "http" };
}

function toListen({ listen }: CommonKeys): { readonly listen?: ListenSpec } {
  return listen === undefined ? {} : { listen };
}

function portKey({ kind, stream }: RouteSpec): readonly string[] {
  return stream === undefined ? ["listen"] : [kind, "listen"];
}

type CommonKeys = Pick<
  RouteKeys,
  | "listen"
  | "strip_path"
  | "proxy"
  | "fallback"
  | "tls_verify"
  | "host_header"
  | "exclude"
  | "health"
  | "via"
  | "security_headers"
  | "limits"
>;

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
    ...toListen(keys),
    ...(keys.via === true && { via: true }),
    ...(keys.security_headers === true && { securityHeaders: true }),
    ...toLimits(keys.limits),
    ...(keys.fallback === "proxy" && { fallback: "proxy" }),
  };
}

function mergeLimits(base: CommonKeys["limits"], own: CommonKeys["limits"]): Pick<CommonKeys, "limits"> {
  return base === undefined && own === undefined ? {} : { limits: { ...base, ...own } };
}

function toLimits({ body, rate }: NonNullable<CommonKeys["limits"]> = {}): Pick<RouteSpec, "limits"> {
  if (body === undefined && rate === undefined) return {};
  return { limits: { bodyBytes: body ?? null, rate: rate ?? null } };
}

/** The route of a TCP or UDP port. A connection has no page to wait on: it is held as long as the wake may take. */
export function toStreamRoute(head: RouteHead, keys: RouteKeys, base: WorkloadKeys): RouteSpec {
  const { tcp, udp } = keys;
  const { door, ...route } = toExtraRoute(head, keys, base);
  const hold = keys.hold ?? base.hold ?? base.wake_timeout ?? 2 * 60_000;
  const stream: StreamSpec = {
    listen: tcp?.listen ?? udp?.listen ?? { host: null, port: 0 },
    minBytes: tcp?.min_bytes ?? 0,
    sessionTimeoutMs: udp?.session_timeout ?? 60_000,
    allow: tcp?.allow ?? udp?.allow ?? [],
    acceptProxy: tcp?.accept_proxy_protocol ?? false,
    sendProxy: tcp?.send_proxy_protocol ?? false,
  };
  return { ...route, kind: tcp === undefined ? "udp" : "tcp", hosts: [], door: { ...door, holdMs: hold }, stream };
}

/** Keys of HTTP alone. */
const httpKeys = [
  "host",
  "hosts",
  "path",
  "strip_path",
  "tls_verify",
  "host_header",
  "listen",
  "proxy",
  "via",
  "security_headers",
  "limits",
  "strategy",
  "grace",
  "hand_over",
  "start_endpoint",
  "no_wake_defaults",
  "asleep_answer",
] as const;

/** What the keys of a TCP or UDP route must agree on. */
export function checkStream(keys: RouteKeys, report: Report): void {
  const kind = keys.tcp === undefined ? "udp" : "tcp";
  if (keys.tcp !== undefined && keys.udp !== undefined) report(["udp"], `give either "tcp" or "udp"`);
  for (const key of httpKeys)
    if (keys[key] !== undefined) report([key], `a ${kind} route has none: it is found by its port`);
  if (keys.upstream !== undefined && !keys.upstream.startsWith(`${kind}:`))
    report(["upstream"], `a ${kind} route needs a ${kind}:// upstream`);
  if (keys.workload === undefined && keys.upstream === undefined) report([], `needs "workload" or "upstream"`);
}

/** The route of static files; a relative root starts at `folder`. */
export function toFilesRoute(head: RouteHead, keys: RouteKeys, folder: string): RouteSpec {
  const { files } = keys;
  const route = toExtraRoute(head, keys, {});
  return {
    ...route,
    kind: "files",
    files: {
      root: resolvePath(folder, files?.root ?? "."),
      index: files?.index ?? ["index.html"],
      spa: files?.spa ?? false,
      dotfiles: files?.dotfiles ?? false,
    },
  };
}

const upstreamKeys = ["workload", "upstream", "upstreams", "port", "host_header", "tls_verify"] as const;

/** What the keys of a route to files must agree on. */
export function checkFiles(keys: RouteKeys, report: Report): void {
  for (const key of upstreamKeys) if (keys[key] !== undefined) report([key], "files have none: take it out");
  for (const key of Object.keys(doorKeys))
    if (Object.hasOwn(keys, key)) report([key], "files never sleep: take it out");
}

/** What the keys of a route with several upstreams must agree on. */
export function checkUpstreams({ upstream, port, upstreams = [] }: RouteKeys, report: Report): void {
  if (upstream !== undefined) report(["upstream"], `give either "upstream" or "upstreams"`);
  if (port !== undefined) report(["port"], `give either "port" or "upstreams"`);
  if (upstreams.length === 0) report(["upstreams"], "has no address");
}

/** Finds routes that nobody could tell apart: the same alias, or the same host and path. */
export function createClashes(
  report: Report,
  taken: Readonly<Record<string, ListenSpec | null>> = {},
): (route: RouteSpec, path: KeyPath) => void {
  const aliases = new Set<string>();
  const doors = new Map<string, string>();
  const ports = new Map<string, { readonly name: string; readonly isShared: boolean }>();
  for (const [key, at] of Object.entries(taken))
    if (at !== null) ports.set(formatListenAddress(at), { name: key, isShared: false });
  const note = (door: string, alias: string, path: KeyPath): void => {
    const first = doors.get(door);
    if (first === undefined) doors.set(door, alias);
    else report(path, `"${door}" is served by "${first}" already`);
  };
  return (route, path) => {
    if (aliases.has(route.alias)) report(path, `the alias "${route.alias}" is taken by the workload's own route`);
    aliases.add(route.alias);
    if (route.excluded) return;
    const at = route.stream?.listen ?? route.listen;
    if (at !== undefined && at.port !== 0) {
      const port = `${route.kind === "udp" ? "udp " : ""}${formatListenAddress(at)}`;
      const other = ports.get(port);
      const isShared = route.stream === undefined;
      if (other === undefined) ports.set(port, { name: `"${route.alias}"`, isShared });
      else if (!isShared || !other.isShared)
        report([...path, ...portKey(route)], `"${formatListenAddress(at)}" is used by ${other.name} already`);
      if (isShared && route.hosts.length === 0) note(port + route.path, route.alias, [...path, "listen"]);
    }
    for (const host of route.hosts) {
      note(route.path === "/" ? host : host + route.path, route.alias, [...path, "host"]);
    }
  };
}
