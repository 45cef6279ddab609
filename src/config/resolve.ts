import type { RouteSpec, UpstreamSpec, WorkloadSpec } from "../core/spec.ts";
import type { Env } from "./expand.ts";
import type { KeyPath, Report } from "./findings.ts";
import { checkActivity } from "./resolve-activity.ts";
import { checkCycles, checkDependencies, checkMembers } from "./resolve-dependencies.ts";
import { checkHealth, mergeHealth } from "./resolve-health.ts";
import { createRefs, kinds, toCommand, toKind, toRef } from "./resolve-kinds.ts";
import type { Kind } from "./resolve-kinds.ts";
import { findProvider, groupProvider, resolveProviders } from "./resolve-providers.ts";
import type { KnownProviders, ProviderType, ReadSecret } from "./resolve-providers.ts";
import { resolveNotify } from "./resolve-notify.ts";
import {
  checkFiles,
  checkStream,
  checkUpstreams,
  createClashes,
  toFilesRoute,
  toExtraRoute,
  toOwnRoute,
  toStreamRoute,
} from "./resolve-route.ts";
import { findReached } from "./resolve-reach.ts";
import type { Reached } from "./resolve-reach.ts";
import { checkSchedule, checkSleep, createContradictions, withPossibleSleep } from "./resolve-sleep.ts";
import {
  checkDoor,
  checkKeys,
  hasDoor,
  isAsked,
  isFollower,
  mergeKeys,
  toUpstream,
  toWorkloadSpec,
} from "./resolve-workload.ts";
import type { ConfigFile } from "./schema.ts";
import { resolveSettings } from "./resolve-settings.ts";
import type { Place } from "./resolve-settings.ts";
import { doorKeys, targetKeys } from "./schema-workload.ts";
import type { RouteKeys, WorkloadKeys } from "./schema-workload.ts";
import { shareFor, withSharedRoute, withSharedParts } from "./share.ts";
import type { Share } from "./share.ts";
import { didYouMean } from "./suggest.ts";
import type { Config, ProcessCommand } from "./types.ts";

export interface ResolveDeps {
  readonly env: Env;
  readonly readSecret: ReadSecret;
  /** Relative paths start here. */
  readonly folder: string;
  readonly place: Place;
  readonly report: Report;
  readonly warn: Report;
  /** Entries and sections that were left out because they are wrong: nothing is said about what they would be. */
  readonly broken: ReadonlySet<string>;
}

interface Gathered {
  readonly workloads: WorkloadSpec[];
  readonly routes: RouteSpec[];
  readonly processes: Map<string, ProcessCommand>;
}

/** Fills in defaults and checks what keys say about each other. The result is only worth using without findings. */
export function resolveConfig(file: ConfigFile, deps: ResolveDeps): Omit<Config, "warnings" | "appearances"> {
  const { report, broken } = deps;
  const defaults = file.defaults ?? {};
  const providers = resolveProviders(file, deps);
  const gathered: Gathered = { workloads: [], routes: [], processes: new Map() };
  const settings = resolveSettings(file, deps);
  const { listen } = settings;
  const publicUrl = broken.has("public_url") ? "" : settings.publicUrl;
  const known = toKnownProviders(file, broken);
  const findContradiction = createContradictions();
  checkDefaults(defaults, { publicUrl, known, findContradiction }, { report, warn: deps.warn });
  const context: Context = {
    file,
    deps,
    known,
    publicUrl,
    gathered,
    noteRoute: createClashes(report, {
      "listen.hook": listen.hook,
      "listen.proxy": listen.proxy,
      "listen.tls": listen.tls?.address ?? null,
      "listen.fallback": listen.fallback,
    }),
    reached: findReached(file),
    noteRef: createRefs(),
    findContradiction,
    share: shareFor(defaults),
  };
  for (const [alias, keys] of Object.entries(file.workloads ?? {})) addWorkload(alias, keys, context);
  for (const [alias, keys] of Object.entries(file.routes ?? {})) addRoute(alias, keys, context);
  checkCycles(gathered.workloads, report);
  const notify = resolveNotify(file.notify ?? {}, { readSecret: deps.readSecret, report: at(report, ["notify"]) });
  return { ...settings, providers, defaults, ...gathered, notify };
}

interface Context {
  readonly file: ConfigFile;
  readonly deps: ResolveDeps;
  readonly known: KnownProviders;
  readonly publicUrl: string | null;
  readonly gathered: Gathered;
  readonly noteRoute: (route: RouteSpec, path: KeyPath) => void;
  readonly reached: Reached;
  readonly noteRef: ReturnType<typeof createRefs>;
  readonly findContradiction: ReturnType<typeof createContradictions>;
  readonly share: Share;
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

const identifying = [...Object.keys(targetKeys), "host", "hosts", "listen", "upstream", "display_name", "node"];

/** Keys that name one workload cannot be what all start from. */
function checkDefaults(
  defaults: WorkloadKeys,
  { publicUrl, known, findContradiction }: Pick<Context, "publicUrl" | "known" | "findContradiction">,
  deps: Pick<ResolveDeps, "report" | "warn">,
): void {
  const report = at(deps.report, ["defaults"]);
  for (const key of identifying)
    if (Object.hasOwn(defaults, key)) report([key], "belongs to one workload: it cannot be a default");
  checkSleep(defaults, kinds.container.methods, report);
  checkActivity(defaults, report);
  checkDoor(defaults, publicUrl, report);
  const contradiction = defaults.schedule === undefined ? null : findContradiction(defaults.schedule);
  if (contradiction !== null) deps.warn(["defaults", "schedule"], contradiction);
  checkHealth(defaults.health, undefined, report);
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
  checkHealth(own.health, file.defaults?.health, report);
  const { provider: common, ...defaults } = file.defaults ?? {};
  const keys = mergeKeys(withPossibleSleep(defaults, kinds[kind].methods), own);
  checkMerged(alias, { own, keys, kind }, context);
  const provider = toProvider(kind, { own: own.provider, common }, context, report);
  const upstream = toOwnUpstream(kind, { alias, keys }, context, report);
  const ref = toRef(kind, alias, own);
  if (own.node !== undefined && kind !== "lxc" && kind !== "vm") report(["node"], `has no meaning for a ${kind}`);
  if (provider === null || ref === undefined) return;
  if (kind !== "group") context.noteRef(kind, { alias, provider, ref }, report);
  const followsDependants = isFollower(own, keys, hasDoor(keys) || context.reached.named.has(alias));
  const identity = { alias, provider, kind, ref, source: "file", followsDependants, ...toMembers(own.group ?? []) };
  const workload = toWorkloadSpec(identity, keys, upstream);
  checkDependencies(workload, new Set(Object.hasOwn(file.workloads ?? {}, ref) ? [alias] : [alias, ref]), report);
  gathered.workloads.push(withSharedParts(workload, context.share));
  if (kind === "process") gathered.processes.set(ref, toCommand(provider, own, deps.folder));
  if (!hasDoor(keys)) return;
  const route = toOwnRoute({ alias, source: "file", workload: alias }, keys);
  context.noteRoute(route, ["workloads", alias]);
  gathered.routes.push(withSharedRoute(route, context.share));
}

interface Merged {
  readonly own: WorkloadKeys;
  /** `own` on top of the defaults. */
  readonly keys: WorkloadKeys;
  readonly kind: Kind;
}

/** What depends on other workloads or on the defaults, too. */
function checkMerged(alias: string, { own, keys, kind }: Merged, { file, deps, findContradiction }: Context): void {
  const report = at(deps.report, ["workloads", alias]);
  const warn = at(deps.warn, ["workloads", alias]);
  if (kind === "group") checkGroup(alias, own, file, { broken: deps.broken, report, warn });
  else if (own.wake !== undefined) report(["wake"], `only a group has it: take it out`);
  if (own.ready?.status !== undefined && own.ready.http === undefined)
    warn(["ready", "status"], "has no effect without ready.http");
  checkSchedule(own, keys, report);
  if (own.schedule === undefined || keys.schedule === undefined) return;
  const contradiction = findContradiction(keys.schedule);
  if (contradiction !== null) warn(["schedule"], contradiction);
}

/** Weights only where one is not 1: without them the turns cost less. */
function toMembers(group: NonNullable<WorkloadKeys["group"]>): Pick<WorkloadSpec, "members" | "memberWeights"> {
  const members = group.map(({ workload }) => workload);
  const weights = group.map(({ workload, weight = 1 }) => [workload, weight] as const);
  if (weights.every(([, weight]) => weight === 1)) return { members };
  return { members, memberWeights: Object.fromEntries(weights) };
}

function checkGroup(
  alias: string,
  { group = [], provider, port }: WorkloadKeys,
  { workloads = {} }: ConfigFile,
  { broken, report, warn }: Pick<ResolveDeps, "broken" | "report" | "warn">,
): void {
  if (provider !== undefined) report(["provider"], "a group has none: its members have their own");
  if (port !== undefined) report(["port"], `a group has none: give its members "port"`);
  const isGroup = (member: string): boolean | null | undefined => {
    if (broken.has("workloads") || broken.has(`workloads.${member}`)) return null;
    return Object.hasOwn(workloads, member) ? workloads[member]?.group !== undefined : undefined;
  };
  const members = group.map(({ workload }) => workload);
  checkMembers(alias, members, { isGroup, aliases: Object.keys(workloads), report, warn });
}

function toOwnUpstream(
  kind: Kind,
  { alias, keys }: { readonly alias: string; readonly keys: WorkloadKeys },
  { reached }: Context,
  report: Report,
): UpstreamSpec | null {
  // A group is answered by its members, wherever they are.
  if (kind === "group") return keys.upstream === undefined ? null : toUpstream(keys, false);
  const upstream = toSpoken(alias, keys, reached);
  if (upstream?.kind !== "port" || upstream.port !== null) return upstream;
  if (kind === "process") report([], `a process needs "port" or "upstream"`);
  if (kind === "compose") report([], `a Compose project has many addresses: it needs "port" or "upstream"`);
  return upstream;
}

/** Its address, with what is spoken there; that of a TCP route where it says nothing itself. */
function toSpoken(alias: string, keys: WorkloadKeys, { byAddress, streamed }: Reached): UpstreamSpec | null {
  const upstream = toUpstream(keys, hasDoor(keys) || byAddress.has(alias));
  const stream = isAsked(keys) ? undefined : streamed.get(alias);
  if (stream === undefined || upstream?.kind === "url") return upstream;
  if (upstream !== null) return { ...upstream, scheme: stream.by };
  return stream.by === "tcp" && stream.upstream !== undefined ? { kind: "url", url: stream.upstream } : null;
}

/** A provider named in `defaults` is only taken where it can have the workload at all. */
function toProvider(
  kind: Kind,
  named: { readonly own: string | undefined; readonly common: string | undefined },
  { known }: Context,
  report: Report,
): string | null {
  const { type } = kinds[kind];
  if (type === null) return groupProvider;
  const common = named.common !== undefined && known.types.get(named.common) === type ? named.common : undefined;
  return findProvider(known, { name: named.own ?? common, type, kind }, report);
}

function addRoute(alias: string, keys: RouteKeys, context: Context): void {
  const { file, deps, gathered, publicUrl } = context;
  const report = at(deps.report, ["routes", alias]);
  const workload = keys.workload === undefined ? {} : findWorkload(keys.workload, file, deps.broken, report);
  checkDoor(keys, publicUrl, report);
  checkHealth(keys.health, mergeHealth(file.defaults?.health, workload?.health), report);
  if (workload === undefined) return;
  const base = keys.workload === undefined ? {} : mergeKeys(file.defaults ?? {}, workload);
  const head = { alias, source: "file", workload: keys.workload ?? null };
  if (keys.files !== undefined) {
    checkFiles(keys, report);
    const files = toFilesRoute(head, keys, deps.folder);
    context.noteRoute(files, ["routes", alias]);
    gathered.routes.push(withSharedRoute(files, context.share));
    return;
  }
  if (keys.upstreams !== undefined) checkUpstreams(keys, report);
  if (keys.upstream !== undefined && keys.port !== undefined) report(["port"], `give either "port" or "upstream"`);
  if (workload.group !== undefined && keys.port !== undefined)
    report(["port"], `"${keys.workload}" is a group, which has none: give its members "port"`);
  if (keys.tcp !== undefined || keys.udp !== undefined) {
    checkStream(keys, report);
    const stream = toStreamRoute(head, keys, base);
    context.noteRoute(stream, ["routes", alias]);
    gathered.routes.push(withSharedRoute(stream, context.share));
    return;
  }
  if (/^(?:tcp|udp):/.test(keys.upstream ?? ""))
    report(["upstream"], "an HTTP route needs an http, https or h2c upstream");
  if (keys.workload === undefined) checkSleepless(alias, keys, deps, report);
  if (keys.node !== undefined) checkNode(keys, context, report);
  const route = toExtraRoute(head, keys, base);
  context.noteRoute(route, ["routes", alias]);
  gathered.routes.push(withSharedRoute(route, context.share));
}

/** A door to a node itself: nothing of it is ever started or stopped. */
function checkNode(keys: RouteKeys, { known }: Context, report: Report): void {
  if (keys.workload !== undefined) report(["node"], `a route to a node has no workload`);
  if (![...known.types.values()].some((type) => type === "proxmox" || type === null))
    report(["node"], `needs a provider of type proxmox under "providers"`);
}

function checkSleepless(alias: string, keys: RouteKeys, deps: ResolveDeps, report: Report): void {
  if (keys.upstream === undefined && keys.upstreams === undefined) report([], `needs "workload" or "upstream"`);
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
