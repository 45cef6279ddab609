import { isAbsolute, resolve as resolvePath } from "node:path";
import type { RouteSpec, WorkloadSpec } from "../core/spec.ts";
import type { Env } from "./expand.ts";
import type { KeyPath, Report } from "./findings.ts";
import { findProvider, resolveProviders } from "./resolve-providers.ts";
import type { KnownProviders, ProviderType, ReadSecret } from "./resolve-providers.ts";
import { createClashes, toExtraRoute, toOwnRoute } from "./resolve-route.ts";
import { checkDoor, checkKeys, mergeKeys, toHosts, toUpstream, toWorkloadSpec } from "./resolve-workload.ts";
import type { ConfigFile } from "./schema.ts";
import { resolveSettings } from "./resolve-settings.ts";
import { doorKeys, targetKeys } from "./schema-workload.ts";
import type { RouteKeys, WorkloadKeys } from "./schema-workload.ts";
import { didYouMean } from "./suggest.ts";
import type { Config, ProcessCommand } from "./types.ts";

export interface ResolveDeps {
  readonly env: Env;
  readonly readSecret: ReadSecret;
  /** Relative paths start here. */
  readonly folder: string;
  readonly report: Report;
  readonly warn: Report;
  /** Entries and sections that were left out because they are wrong: nothing is said about what they would be. */
  readonly broken: ReadonlySet<string>;
}

type Kind = keyof typeof targetKeys;

/** Which provider a kind needs, and how its workloads can be put to sleep; a group has no provider of its own. */
const kinds: Readonly<Record<Kind, { readonly type: ProviderType | null; readonly methods: readonly string[] }>> = {
  container: { type: "docker", methods: ["stop", "pause", "kill"] },
  compose: { type: "docker", methods: ["stop", "pause", "kill"] },
  service: { type: "docker", methods: ["stop", "pause", "kill"] },
  lxc: { type: "proxmox", methods: ["stop", "kill"] },
  vm: { type: "proxmox", methods: ["stop", "kill", "pause", "suspend"] },
  process: { type: "process", methods: ["stop", "pause", "kill"] },
  group: { type: null, methods: ["stop", "pause", "kill", "suspend"] },
};

interface Gathered {
  readonly workloads: WorkloadSpec[];
  readonly routes: RouteSpec[];
  readonly processes: Map<string, ProcessCommand>;
}

/** Fills in defaults and checks what keys say about each other. The result is only worth using without findings. */
export function resolveConfig(file: ConfigFile, deps: ResolveDeps): Omit<Config, "warnings"> {
  const { report, broken } = deps;
  const providers = resolveProviders(file, deps);
  const gathered: Gathered = { workloads: [], routes: [], processes: new Map() };
  const settings = resolveSettings(file, deps);
  const publicUrl = broken.has("public_url") ? "" : settings.publicUrl;
  const known = toKnownProviders(file, broken);
  checkDefaults(file.defaults ?? {}, { publicUrl, known }, at(report, ["defaults"]));
  const noteRoute = createClashes(report);
  const context: Context = {
    file,
    deps,
    known,
    publicUrl,
    gathered,
    noteRoute,
    ledTo: findLedTo(file),
    refs: new Map(),
  };
  for (const [alias, keys] of Object.entries(file.workloads ?? {})) addWorkload(alias, keys, context);
  for (const [alias, keys] of Object.entries(file.routes ?? {})) addRoute(alias, keys, context);
  return {
    ...settings,
    providers,
    defaults: file.defaults ?? {},
    ...gathered,
    routes: withSharedDoors(gathered.routes),
  };
}

/** Thousands of routes have the same few doors: kept once each. */
function withSharedDoors(routes: readonly RouteSpec[]): readonly RouteSpec[] {
  const doors = new Map<string, RouteSpec["door"]>();
  const shared: RouteSpec[] = [];
  for (const route of routes) {
    const key = JSON.stringify(route.door);
    const door = doors.get(key) ?? route.door;
    doors.set(key, door);
    shared.push({ ...route, door });
  }
  return shared;
}

interface Context {
  readonly file: ConfigFile;
  readonly deps: ResolveDeps;
  readonly known: KnownProviders;
  readonly publicUrl: string | null;
  readonly gathered: Gathered;
  readonly noteRoute: (route: RouteSpec, path: KeyPath) => void;
  readonly ledTo: ReadonlySet<string>;
  /** Alias by provider and ref. */
  readonly refs: Map<string, string>;
}

function at(report: Report, base: KeyPath): Report {
  return (path, message) => report([...base, ...path], message);
}

function toKnownProviders(file: ConfigFile, broken: ReadonlySet<string>): KnownProviders {
  const types = new Map<string, ProviderType | null>();
  for (const [name, { type }] of Object.entries(file.providers ?? { local: { type: "docker" } as const }))
    types.set(name, type);
  for (const entry of broken) {
    if (entry === "providers") types.set("", null);
    if (entry.startsWith("providers.")) types.set(entry.slice("providers.".length), null);
  }
  return { types };
}

const identifying = [...Object.keys(targetKeys), "host", "hosts", "upstream", "display_name", "node"];

/** Keys that name one workload cannot be what all start from. */
function checkDefaults(
  defaults: WorkloadKeys,
  { publicUrl, known }: Pick<Context, "publicUrl" | "known">,
  report: Report,
): void {
  for (const key of identifying)
    if (Object.hasOwn(defaults, key)) report([key], "belongs to one workload: it cannot be a default");
  if (defaults.stop_method === "suspend") checkKeys({ stop_method: "suspend" }, kinds.container.methods, report);
  checkDoor(defaults, publicUrl, report);
  const { provider } = defaults;
  if (provider !== undefined && !known.types.has(provider) && !known.types.has(""))
    report(["provider"], `"${provider}" is not a provider${didYouMean(provider, [...known.types.keys()])}`);
}

function addWorkload(alias: string, own: WorkloadKeys, context: Context): void {
  const { file, deps, gathered, publicUrl } = context;
  const report = at(deps.report, ["workloads", alias]);
  const kind = toKind(own, report);
  if (kind === undefined) return;
  checkKeys(own, kinds[kind].methods, report);
  checkDoor(own, publicUrl, report);
  if (own.ready?.status !== undefined && own.ready.http === undefined)
    deps.warn(["workloads", alias, "ready", "status"], "has no effect without ready.http");
  const { provider: common, ...defaults } = file.defaults ?? {};
  // What the kind cannot do is no default for it.
  if (defaults.stop_method !== undefined && !kinds[kind].methods.includes(defaults.stop_method))
    delete defaults.stop_method;
  const keys = mergeKeys(defaults, own);
  const provider = toProvider(kind, { own: own.provider, common }, context, report);
  const upstream = toUpstream(keys, toHosts(keys).length > 0 || context.ledTo.has(alias));
  if (kind === "process" && upstream?.kind === "port" && upstream.port === null)
    report([], `a process needs "port" or "upstream"`);
  const ref = toRef(kind, alias, own);
  if (own.node !== undefined && kind !== "lxc" && kind !== "vm") report(["node"], `has no meaning for a ${kind}`);
  if (provider === null || ref === undefined || kind === "compose" || kind === "group") return;
  noteRef(kind, { alias, provider, ref }, context, report);
  gathered.workloads.push(toWorkloadSpec({ alias, provider, kind, ref, source: "file" }, keys, upstream));
  if (kind === "process") gathered.processes.set(ref, toCommand(provider, own, deps.folder));
  if (toHosts(keys).length === 0) return;
  const route = toOwnRoute({ alias, source: "file", workload: alias }, keys);
  context.noteRoute(route, ["workloads", alias]);
  gathered.routes.push(route);
}

/** The provider's name for it. A VMID is its own in a whole cluster: only a name may need its node. */
function toRef(kind: Kind, alias: string, keys: WorkloadKeys): string | undefined {
  if (kind === "container") return keys.container;
  if (kind === "service") return keys.service;
  if (kind !== "lxc" && kind !== "vm") return alias;
  const guest = keys[kind] ?? "";
  return /^\d+$/.test(guest) || keys.node === undefined ? `${kind}/${guest}` : `${kind}/${guest}@${keys.node}`;
}

function toKind(keys: WorkloadKeys, report: Report): Kind | undefined {
  const given = (Object.keys(kinds) as Kind[]).filter((kind) => keys[kind] !== undefined);
  const [first, second] = given;
  if (first === undefined) report([], "needs one of container, service, lxc, vm, process");
  if (second !== undefined) report([second], `"${first}" is given too: only one of them can be what sleeps`);
  return first;
}

/** A provider named in `defaults` is only taken where it can have the workload at all. */
function toProvider(
  kind: Kind,
  named: { readonly own: string | undefined; readonly common: string | undefined },
  { known }: Context,
  report: Report,
): string | null {
  const { type } = kinds[kind];
  if (type === null) return null;
  const common = named.common !== undefined && known.types.get(named.common) === type ? named.common : undefined;
  return findProvider(known, { name: named.own ?? common, type, kind }, report);
}

/** Workloads whose own address some route uses. */
function findLedTo({ routes = {} }: ConfigFile): ReadonlySet<string> {
  const aliases = new Set<string>();
  for (const { workload, upstream, port } of Object.values(routes))
    if (workload !== undefined && upstream === undefined && port === undefined) aliases.add(workload);
  return aliases;
}

function noteRef(
  kind: Kind,
  { alias, provider, ref }: { readonly alias: string; readonly provider: string; readonly ref: string },
  { refs }: Context,
  report: Report,
): void {
  const key = `${provider} ${kind} ${ref}`;
  const first = refs.get(key);
  if (first === undefined) refs.set(key, alias);
  else report([kind], `"${ref}" is workload "${first}" already`);
}

function toCommand(provider: string, keys: WorkloadKeys, folder: string): ProcessCommand {
  const { command = [], cwd, env = {} } = keys.process ?? {};
  const place = cwd === undefined ? null : isAbsolute(cwd) ? cwd : resolvePath(folder, cwd);
  return { provider, command, cwd: place, env };
}

const otherKinds = ["tcp", "udp", "listen", "files", "upstreams"] as const;

function addRoute(alias: string, keys: RouteKeys, context: Context): void {
  const { file, deps, gathered, publicUrl } = context;
  const report = at(deps.report, ["routes", alias]);
  const workload = keys.workload === undefined ? {} : findWorkload(keys.workload, file, deps.broken, report);
  checkDoor(keys, publicUrl, report);
  if (workload === undefined) return;
  const isOther = otherKinds.some((key) => keys[key] !== undefined);
  if (isOther) return;
  if (keys.upstream !== undefined && keys.port !== undefined) report(["port"], `give either "port" or "upstream"`);
  if (/^(?:tcp|udp):/.test(keys.upstream ?? ""))
    report(["upstream"], "an HTTP route needs an http, https or h2c upstream");
  if (keys.workload === undefined) checkSleepless(alias, keys, deps, report);
  if (keys.node !== undefined) checkNode(keys, context, report);
  const base = keys.workload === undefined ? {} : mergeKeys(file.defaults ?? {}, workload);
  const route = toExtraRoute({ alias, source: "file", workload: keys.workload ?? null }, keys, base);
  context.noteRoute(route, ["routes", alias]);
  gathered.routes.push(route);
}

/** A door to a node itself: nothing of it is ever started or stopped. */
function checkNode(keys: RouteKeys, { known }: Context, report: Report): void {
  if (keys.workload !== undefined) report(["node"], `a route to a node has no workload`);
  if (![...known.types.values()].some((type) => type === "proxmox" || type === null))
    report(["node"], `needs a provider of type proxmox under "providers"`);
}

function checkSleepless(alias: string, keys: RouteKeys, deps: ResolveDeps, report: Report): void {
  if (keys.upstream === undefined) report([], `needs "workload" or "upstream"`);
  for (const key of Object.keys(doorKeys))
    if (Object.hasOwn(keys, key)) deps.warn(["routes", alias, key], "has no effect without a workload");
}

/** The workload's keys; undefined when they are unknown, with a finding unless its entry is known to be wrong. */
function findWorkload(
  alias: string,
  { workloads = {} }: ConfigFile,
  broken: ReadonlySet<string>,
  report: Report,
): WorkloadKeys | undefined {
  const found = Object.hasOwn(workloads, alias) ? workloads[alias] : undefined;
  if (found === undefined && !broken.has(`workloads.${alias}`) && !broken.has("workloads"))
    report(["workload"], `"${alias}" is not a workload${didYouMean(alias, Object.keys(workloads))}`);
  return found;
}
