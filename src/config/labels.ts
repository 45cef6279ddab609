import type { RouteSpec, UpstreamSpec, WorkloadSpec } from "../core/spec.ts";
import type { ForeignDoor, Labels as LabelMap } from "./foreign-door.ts";
import { readForeignDoors } from "./foreign-labels.ts";
import { toFindings } from "./findings.ts";
import type { Finding, Report } from "./findings.ts";
import { adoptLabels } from "./adopt.ts";
import type { LabelPeer, LabelSystem } from "./adopting.ts";
import { toAlias, toRouteAlias } from "./label-alias.ts";
import { toLabelTree } from "./label-tree.ts";
import { findNotYetInLabels } from "./not-yet.ts";
import { checkDependencies } from "./resolve-dependencies.ts";
import { checkHealth } from "./resolve-health.ts";
import { kinds } from "./resolve-kinds.ts";
import { checkLabelAppearance } from "./resolve-loading.ts";
import { createClashes, toExtraRoute, toOwnRoute } from "./resolve-route.ts";
import { checkSchedule, withPossibleSleep } from "./resolve-sleep.ts";
import {
  checkDoor,
  checkKeys,
  isFollower,
  mergeKeys,
  toDoorSpec,
  toHosts,
  toUpstream,
  toWorkloadSpec,
} from "./resolve-workload.ts";
import { Labels } from "./schema-workload.ts";
import type { LabelKeys, WorkloadKeys } from "./schema-workload.ts";
import { shareFor, withSharedRoute, withSharedParts } from "./share.ts";
import type { Defaults } from "./types.ts";

/** One wrong label. `source` is `label <container>`. */
export interface LabelError {
  readonly source: string;
  readonly key: string;
  readonly message: string;
}

export interface LabelInput {
  readonly labels: LabelMap;
  /** The container's own name, without a slash; of a guest its name. */
  readonly containerName: string;
  /** What it is, and the provider's name for it; default: a container of that name. */
  readonly target?: { readonly kind: "container" | "lxc" | "vm"; readonly ref: string };
  /** Name of the provider that found it. */
  readonly provider: string;
  /** `Config.defaults`. */
  readonly defaults: Defaults;
  /** `Config.publicUrl`. */
  readonly publicUrl: string | null;
  /** Aliases of everybody else (workloads and routes): not this container's own from an earlier reading. */
  readonly takenAliases?: ReadonlySet<string>;
  /** Other systems whose labels are taken as nodoff's, in this order; default: none. */
  readonly systems?: readonly LabelSystem[];
  /** All containers of the engine, for groups of other systems. */
  readonly peers?: readonly LabelPeer[];
  /** `match_domains` of the provider. */
  readonly domains?: readonly string[];
  /** The container's environment where it is known: VIRTUAL_HOST is read from it. */
  readonly env?: LabelMap;
}

interface FromOthers {
  /** Labels of another system that were seen and not adopted. */
  readonly notes?: readonly LabelError[];
  /** Other containers would change it: read anew when one comes or goes. */
  readonly dependsOnPeers?: boolean;
}

export type LabelReading =
  /** Not opted in. */
  | ({ readonly kind: "none" } & FromOthers)
  | ({
      readonly kind: "spec";
      readonly workload: WorkloadSpec;
      readonly routes: readonly RouteSpec[];
    } & FromOthers)
  /** Left out: nodoff allows what leads to it and never stops it. */
  | {
      readonly kind: "invalid";
      readonly alias: string;
      readonly errors: readonly LabelError[];
      /** Hosts that lead to it, as far as the labels can be read. */
      readonly hosts: readonly string[];
      /** The door to them that always lets through; none without hosts. */
      readonly routes: readonly RouteSpec[];
    };

/**
 * What the labels of one container declare to us, with the labels of `systems` taken as ours: for people each error
 * stands at the label they wrote.
 */
export function readLabels(input: LabelInput): LabelReading {
  const { labels, containerName, systems = [], peers = [], domains = [] } = input;
  const adoption = adoptLabels({ labels, containerName, peers, domains }, systems);
  if (adoption.kind === "own") return readOwnLabels(input);
  const source = `label ${containerName}`;
  const notes = adoption.notes.map((note) => ({ source, ...note }));
  // What a group of Sablier's is, only all containers together tell.
  const others = { ...(notes.length > 0 && { notes }), ...(adoption.system === "sablier" && { dependsOnPeers: true }) };
  if (adoption.labels === null) return { kind: "none", ...others };
  const read = readOwnLabels({ ...input, labels: adoption.labels });
  const problems = adoption.problems.map((problem) => ({ source, ...problem }));
  switch (read.kind) {
    case "none":
      return { kind: "none", ...others };
    case "spec":
      if (problems.length === 0) return { ...read, ...others };
      return toInvalid(read.workload.alias, problems, { ...input, labels: adoption.labels });
    case "invalid":
      return { ...read, errors: [...problems, ...read.errors.map((error) => atOrigin(error, adoption.from))] };
  }
}

/** Left out for what another system's labels say wrong, though the rest of them could be read. */
function toInvalid(alias: string, errors: readonly LabelError[], input: LabelInput): LabelReading {
  const { tree } = toLabelTree(input.labels);
  const hosts = readHosts(tree, namesHost(tree) ? [] : readForeignDoors(input.labels, input.env).doors);
  return { kind: "invalid", alias, errors, hosts, routes: toOpenDoor(alias, hosts, input) };
}

/** The label that a person wrote where nodoff reads one of its own: that of the key, or of the map it is in. */
function atOrigin(error: LabelError, from: ReadonlyMap<string, string>): LabelError {
  const steps = error.key.split(".");
  for (let length = steps.length; length > 1; length--) {
    const key = from.get(steps.slice(0, length).join("."));
    if (key !== undefined) return { ...error, key };
  }
  return error;
}

/**
 * What the labels of one container declare: the keys of a workload behind `nodoff.`, and where they name no host the
 * routes its labels for another proxy describe. Pure; any wrong label makes the whole container invalid.
 */
function readOwnLabels(input: LabelInput): LabelReading {
  const { labels, containerName, takenAliases = new Set() } = input;
  if (isDisabled(labels["nodoff.enable"])) return { kind: "none", ...noteOptIn(input) };
  const { tree, problems } = toLabelTree(labels);
  const findings: Finding[] = [...problems, ...findNotYetInLabels(tree)];
  const errors: LabelError[] = [];
  const report: Report = (path, message) => void findings.push({ path, message });
  const parsed = Labels.safeParse(tree);
  if (!parsed.success) findings.push(...toFindings(parsed.error.issues));
  const own = parsed.data ?? {};
  const alias = toAlias({ name: own.name, labels, containerName, taken: takenAliases }, report);
  const foreign = namesHost(tree) ? { doors: [], problems: [] } : readForeignDoors(labels, input.env);
  const source = `label ${containerName}`;
  errors.push(...foreign.problems.map((problem) => ({ source, ...problem })));
  const spec = parsed.success ? toSpec(alias, own, foreign.doors, { ...input, report }) : undefined;
  errors.unshift(...findings.map(({ path, message }) => ({ source, key: `nodoff.${path.join(".")}`, message })));
  if (spec !== undefined && errors.length === 0) return { kind: "spec", ...spec };
  const hosts = readHosts(tree, foreign.doors);
  return { kind: "invalid", alias, errors, hosts, routes: toOpenDoor(alias, hosts, input) };
}

/**
 * Lets through whoever wants to a container that is left out, also with `unknown_host: deny` and where a wildcard would
 * lead elsewhere. Our own proxy does not serve it: it knows no address.
 */
function toOpenDoor(
  alias: string,
  hosts: readonly string[],
  { containerName, provider, takenAliases }: LabelInput,
): RouteSpec[] {
  const free = takenAliases?.has(alias) === true ? containerName : alias;
  const route = toOwnRoute({ alias: free, source: provider, workload: null }, {});
  return hosts.length === 0 ? [] : [{ ...route, hosts, served: false }];
}

/** A label error as people read it: `label blog-web nodoff.idle_timeout: …`. */
export function formatLabelError({ source, key, message }: LabelError): string {
  return `${source} ${key}: ${message}`;
}

/** Labels that say how it sleeps, and none that says that it may: forgotten, or a typing error. */
function noteOptIn({ labels, containerName, target }: LabelInput): FromOthers {
  const key = Object.keys(labels).find((label) => label.startsWith("nodoff."));
  if (key === undefined || labels["nodoff.enable"] !== undefined || target !== undefined) return {};
  const message = "without nodoff.enable=true nodoff leaves this container alone";
  return { notes: [{ source: `label ${containerName}`, key, message }] };
}

function isDisabled(enable: string | undefined): boolean {
  return enable === undefined || /^(?:false|False|FALSE)$/.test(enable);
}

function namesHost(tree: Readonly<Record<string, unknown>>): boolean {
  return ["host", "hosts", "routes"].some((key) => Object.hasOwn(tree, key));
}

interface Spec {
  readonly workload: WorkloadSpec;
  readonly routes: readonly RouteSpec[];
}

interface Context extends LabelInput {
  readonly report: Report;
}

function toSpec(alias: string, own: LabelKeys, doors: readonly ForeignDoor[], context: Context): Spec {
  const { report, publicUrl, provider, containerName } = context;
  const { routes = {}, ...ownKeys } = own;
  const { kind, ref } = context.target ?? { kind: "container", ref: containerName };
  const { methods } = kinds[kind];
  checkKeys(ownKeys, methods, report);
  checkDoor(ownKeys, publicUrl, report);
  checkLabelAppearance(ownKeys, report);
  checkHealth(ownKeys.health, context.defaults.health, report);
  const keys = mergeKeys(withPossibleSleep(context.defaults, methods), ownKeys);
  checkSchedule(ownKeys, keys, report);
  const head = { alias, source: provider, workload: alias };
  const foreign = toForeignRoutes(head, keys, doors, context);
  const isNamed = keys.upstream !== undefined || keys.port !== undefined;
  // The workload's own `port` or `upstream` says better where it answers than another proxy's labels.
  const address = (isNamed ? undefined : foreign[0]?.upstream) ?? null;
  const ownRoutes =
    toHosts(keys).length > 0
      ? [toOwnRoute(head, keys)]
      : foreign.map((route) => (isNamed || isSame(route.upstream, address) ? withoutUpstream(route) : route));
  const all = [...ownRoutes, ...toExtraRoutes(head, routes, keys, context)];
  const upstream =
    address ??
    toUpstream(
      keys,
      all.some((route) => route.upstream === null),
    );
  const identity = {
    alias,
    provider,
    kind,
    ref,
    source: provider,
    followsDependants: isFollower(ownKeys, keys, all.length > 0),
  } as const;
  const workload = toWorkloadSpec(identity, keys, upstream);
  checkDependencies(workload, toOwnNames(alias, context), report);
  const share = shareFor(context.defaults);
  return { workload: withSharedParts(workload, share), routes: all.map((route) => withSharedRoute(route, share)) };
}

/** By which names a dependency of the container would be the container itself. */
function toOwnNames(alias: string, { labels, containerName, takenAliases }: Context): ReadonlySet<string> {
  const service = labels["com.docker.compose.service"] ?? containerName;
  return new Set([alias, ...[containerName, service].filter((name) => takenAliases?.has(name) !== true)]);
}

type Head = { readonly alias: string; readonly source: string; readonly workload: string };

function toExtraRoutes(
  head: Head,
  routes: NonNullable<LabelKeys["routes"]>,
  workload: WorkloadKeys,
  { report, publicUrl, takenAliases = new Set() }: Context,
): RouteSpec[] {
  const clashes = createClashes(report);
  if (toHosts(workload).length > 0) clashes(toOwnRoute(head, workload), []);
  return Object.entries(routes).map(([name, keys]) => {
    const here: Report = (path, message) => report(["routes", name, ...path], message);
    if (keys.upstream !== undefined && keys.port !== undefined) here(["port"], `give either "port" or "upstream"`);
    checkDoor(keys, publicUrl, here);
    checkHealth(keys.health, workload.health, here);
    const alias = toRouteAlias(name, head.alias, takenAliases, here);
    const route = toExtraRoute({ ...head, alias }, keys, workload);
    clashes(route, ["routes", name]);
    return route;
  });
}

/** One route per path and address: the first carries the workload's alias, the next `alias-2`. */
function toForeignRoutes(
  head: Head,
  keys: WorkloadKeys,
  doors: readonly ForeignDoor[],
  { takenAliases = new Set() }: Context,
): RouteSpec[] {
  const groups = Map.groupBy(doors, ({ origin, path, upstream }) => JSON.stringify([origin, path, upstream]));
  const aliases = toNumbered(head.alias, takenAliases);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    const alias = aliases.next().value ?? head.alias;
    return first === undefined
      ? []
      : toForeignRoute({ ...head, alias }, keys, { ...first, hosts: group.map((door) => door.host) });
  });
}

function toForeignRoute(
  head: Head,
  keys: WorkloadKeys,
  door: ForeignDoor & { readonly hosts: readonly string[] },
): RouteSpec {
  return {
    ...toOwnRoute(head, keys),
    hosts: door.hosts,
    path: door.path,
    upstream: door.upstream,
    // Traefik's Docker provider learns of a start late; the other proxies are asked by address.
    door: toDoorSpec(keys, door.origin === "traefik" ? "auto" : "url"),
    // Its auth lives in the other proxy.
    served: keys.proxy ?? false,
  };
}

function* toNumbered(alias: string, taken: ReadonlySet<string>): Generator<string, undefined> {
  yield alias;
  for (let number = 2; ; number++) if (!taken.has(`${alias}-${number}`)) yield `${alias}-${number}`;
}

function withoutUpstream(route: RouteSpec): RouteSpec {
  return { ...route, upstream: null };
}

function isSame(left: UpstreamSpec | null, right: UpstreamSpec | null): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

/** Hosts of a container that is left out, from whatever part of its labels is right. */
function readHosts(tree: Readonly<Record<string, unknown>>, doors: readonly ForeignDoor[]): readonly string[] {
  const { routes } = tree;
  const places = typeof routes === "object" && routes !== null ? [tree, ...Object.values(routes)] : [tree];
  const named = places.flatMap((place: unknown) => {
    if (typeof place !== "object" || place === null) return [];
    return ["host", "hosts"].flatMap((key) => {
      const parsed = Labels.safeParse({ [key]: Reflect.get(place, key) });
      return parsed.success ? toHosts(parsed.data) : [];
    });
  });
  return [...new Set([...named, ...doors.map((door) => door.host)])];
}
