import { readFileSync } from "node:fs";
import { createSignalCheck, type SignalLine } from "./app-check-signals.ts";
import { examine, findGuests, toPlacedError } from "./app-examine.ts";
import type { RouteGuest } from "./app-guests.ts";
import { pausesThatHang } from "./app-check-pause.ts";
import { leftOutForTraefik } from "./app-check-traefik.ts";
import { createProviderSet, discover } from "./app-providers.ts";
import type { Loaded } from "./config/load.ts";
import type { Config, ConfigError } from "./config/types.ts";
import { type Edge, planDependencies } from "./core/dependencies.ts";
import { toFailure } from "./core/errors.ts";
import type { Logger } from "./core/logger.ts";
import type { Look, Provider } from "./core/provider.ts";
import type { RouteSpec, WorkloadSpec } from "./core/spec.ts";
import { mergeSpecs, type SpecSet } from "./engine/desired.ts";
import { formatListenAddress } from "./net/listen.ts";
import { readCertificate } from "./proxy/certificates.ts";
import { waitingClock } from "./system-clock.ts";

/** What `check` found; `check --json` prints it as it is. */
export interface Report {
  readonly errors: readonly ConfigError[];
  readonly warnings: readonly ConfigError[];
  readonly routes: readonly RouteLine[];
  readonly workloads: readonly WorkloadLine[];
}

export interface RouteLine {
  readonly alias: string;
  readonly hosts: readonly string[];
  readonly path: string;
  /** Its own port, such as `tcp :6379`; null = none. */
  readonly listen: string | null;
  readonly workload: string | null;
  /** Addresses, a folder, `port N`, or null: the workload's. */
  readonly upstream: string | null;
  /** `file`, or the provider whose labels declared it. */
  readonly source: string;
  /** The node (id 0) or guest it leads to without a workload; null = none, or not known. */
  readonly guest: { readonly provider: string; readonly node: string; readonly id: number } | null;
}

export interface WorkloadLine {
  readonly alias: string;
  readonly provider: string;
  readonly kind: WorkloadSpec["kind"];
  readonly ref: string;
  readonly source: string;
  /** 0 = never. */
  readonly idle_timeout_ms: number;
  readonly stop_method: WorkloadSpec["stopMethod"];
  /** False: it did not opt in, and is only started where something depends on it. */
  readonly sleeps: boolean;
  readonly dry_run: boolean;
  /** `alias:condition`. */
  readonly depends_on: readonly string[];
  readonly signals: readonly SignalLine[];
}

interface Seen {
  readonly looks: readonly Look[];
  readonly error: ConfigError | null;
}

/** A refused login is answered 3 s late. */
const listTimeoutMs = 10_000;

export interface InspectDeps {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly kill: (pid: number, signal: number) => void;
}

/** A valid configuration, and the file it came from as messages name it. */
export type Source = Loaded & { readonly ok: true } & { readonly file: string };

export interface Inspected {
  readonly report: Report;
  /** False: a provider did not answer. */
  readonly reachable: boolean;
  /** What the report tells of, as the engine would run it. */
  readonly routes: readonly RouteSpec[];
  readonly workloads: readonly WorkloadSpec[];
  /** By alias: the one port its container exposes, where it is one. */
  readonly exposed: ReadonlyMap<string, number>;
}

/**
 * Shows what a valid configuration makes, labels included: asks each provider what is there, changes nothing.
 */
export async function inspectConfig(source: Source, deps: InspectDeps): Promise<Inspected> {
  const { config, file } = source;
  const { added } = await createProviderSet({ ...deps, clock: waitingClock, logger: quiet }).update(config);
  const errors: ConfigError[] = [];
  const warnings = [...config.warnings];
  const labelled: SpecSet[] = [];
  const taken = new Set([...config.workloads, ...config.routes].map(({ alias }) => alias));
  const seen = new Map<string, ReadonlyMap<string, Look>>();
  let reachable = true;
  const answering: Provider[] = [];
  for (const provider of added) {
    const { looks, error } = await list(provider, source);
    if (error !== null) {
      reachable = false;
      errors.push(error);
      continue;
    }
    answering.push(provider);
    seen.set(provider.name, new Map(looks.flatMap((look) => look.refs.map((ref) => [ref, look] as const))));
    const obstacles = await examine(provider, source);
    if (obstacles === null) warnings.push(...missing(provider, looks, source));
    errors.push(...(obstacles?.errors ?? []));
    warnings.push(...(obstacles?.warnings ?? []));
    for (const look of looks) {
      const read = discover(look, { provider: provider.name, taken, looks, config });
      if (read.kind === "invalid") errors.push(...read.errors.map(toConfigError));
      if (read.kind !== "invalid") warnings.push(...(read.notes ?? []).map(toConfigError));
      if (read.kind !== "spec") continue;
      for (const warning of look.warnings)
        warnings.push(toConfigError({ source: `label ${look.refs[0] ?? ""}`, key: "", message: warning }));
      for (const { alias } of [read.workload, ...read.routes]) taken.add(alias);
      labelled.push({ source: `label ${look.refs[0] ?? ""}`, workloads: [read.workload], routes: read.routes });
    }
  }
  const guests = await findGuests(answering, source);
  errors.push(...guests.errors, ...certificateErrors(config));
  const { workloads: declared, routes, problems, notices } = mergeSpecs({ source: file, ...config }, labelled);
  errors.push(...problems.map(toConfigError));
  warnings.push(...notices.map(toConfigError));
  const plan = planDependencies(declared, (name) => [...new Set(seen.get(name)?.values())]);
  for (const [alias, cycle] of plan.cycles)
    errors.push(toConfigError({ source: `workload ${alias}`, key: "depends_on", message: `${cycle} is a cycle` }));
  const checkSignals = createSignalCheck({
    config,
    provider: (name) => added.find((provider) => provider.name === name),
    look: (spec) => seen.get(spec.provider)?.get(spec.ref),
  });
  const lines = new Map<string, WorkloadLine>();
  for (const spec of plan.workloads)
    lines.set(spec.alias, toWorkloadLine(spec, plan.edges.get(spec.alias) ?? [], await checkSignals(spec)));
  const doors = new Set(
    config.listen.proxy === null && config.listen.tls === null ? routes.map(({ workload }) => workload) : [],
  );
  for (const line of lines.values()) {
    if (!doors.has(line.alias)) continue;
    const members = (plan.edges.get(line.alias) ?? []).flatMap(({ to }) => lines.get(to) ?? []);
    warnings.push(...blindness(line, members, source));
  }
  errors.push(...(await pausesThatHang(plan.workloads, routes, source)));
  const looked = answering.map((provider) => ({ provider, looks: [...new Set(seen.get(provider.name)?.values())] }));
  warnings.push(...(await leftOutForTraefik({ config, workloads: plan.workloads, routes, seen: looked })));
  for (const provider of added) await provider.close();
  const routeLines = routes.map((route) => toRouteLine(route, guests.byRoute));
  const report = { errors, warnings, routes: routeLines, workloads: [...lines.values()] };
  const exposed = plan.workloads.flatMap(({ alias, provider, ref }) => {
    const [port, another] = seen.get(provider)?.get(ref)?.ports ?? [];
    return port === undefined || another !== undefined ? [] : [[alias, port] as const];
  });
  return { report, reachable, routes, workloads: plan.workloads, exposed: new Map(exposed) };
}

async function list(provider: Provider, source: Source): Promise<Seen> {
  try {
    return { looks: await provider.list({ signal: AbortSignal.timeout(listTimeoutMs) }), error: null };
  } catch (error) {
    const { message } = toFailure(error);
    return { looks: [], error: toPlacedError(["providers", provider.name], message, source) };
  }
}

/** A container that does not exist yet is no error: compose may create it later. */
function missing(provider: Provider, looks: readonly Look[], source: Source): readonly ConfigError[] {
  const known = new Set(looks.flatMap(({ refs }) => refs));
  const projects = new Set(looks.flatMap(({ compose }) => compose?.project ?? []));
  const isThere = ({ kind, ref }: WorkloadSpec): boolean => (kind === "compose" ? projects : known).has(ref);
  return source.config.workloads
    .filter((workload) => workload.provider === provider.name && !isThere(workload))
    .map(({ alias, kind, ref }) =>
      toPlacedError(["workloads", alias, kind], `${provider.name} has no ${kind} "${ref}" yet`, source),
    );
}

/**
 * Behind a foreign proxy only this signal sees what stays open after its request was allowed. A group has none of its
 * own: its members are asked.
 */
function blindness(line: WorkloadLine, members: readonly WorkloadLine[], source: Source): readonly ConfigError[] {
  const { alias, kind, source: from } = line;
  const asked = kind === "group" || kind === "compose" ? members : [line];
  const notes = asked.flatMap((each) => {
    const blind = each.signals.find(({ name, live }) => name === "connections" && !live);
    return blind === undefined ? [] : [each === line ? blind.note : `${each.alias}: ${blind.note}`];
  });
  if (notes.length === 0) return [];
  const message = `long connections (WebSockets, downloads) behind your proxy cannot be seen: ${notes.join("; ")}`;
  const path = ["workloads", alias, "activity", "connections"];
  if (from === "file") return [toPlacedError(path, message, source)];
  return [toConfigError({ source: `label ${alias}`, key: "activity.connections", message })];
}

function certificateErrors({ listen }: Config): readonly ConfigError[] {
  const files = listen.tls?.certificates ?? [];
  return files.flatMap((pair) => {
    const found = readCertificate(pair, (path) => readFileSync(path, "utf8"));
    return "message" in found ? [found] : [];
  });
}

function toConfigError({ source, key, message }: { source: string; key: string; message: string }): ConfigError {
  return { file: source, line: 0, column: 0, key, message };
}

/** What goes wrong is in the report. */
const quiet: Logger = {
  debugEnabled: false,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => quiet,
};

function toRouteLine(spec: RouteSpec, guests: ReadonlyMap<string, RouteGuest>): RouteLine {
  const { alias, hosts, path, workload, source, stream, kind } = spec;
  const found = guests.get(alias);
  const guest = found === undefined ? null : { provider: found.provider, node: found.node, id: found.id };
  const at = stream?.listen ?? spec.listen;
  const listen = at === undefined ? null : `${stream === undefined ? "http" : kind} ${formatListenAddress(at)}`;
  return { alias, hosts, path, listen, workload, upstream: toUpstreamText(spec), source, guest };
}

function toUpstreamText({ upstream, upstreams, files }: RouteSpec): string | null {
  if (files !== undefined) return files.root;
  if (upstreams !== undefined) return upstreams.map(({ url }) => url).join(", ");
  if (upstream?.kind === "port") return `port ${upstream.port ?? "(its only one)"}`;
  return upstream?.url ?? null;
}

function toWorkloadLine(spec: WorkloadSpec, edges: readonly Edge[], signals: readonly SignalLine[]): WorkloadLine {
  const { alias, provider, kind, ref, source, sleeps } = spec;
  return {
    alias,
    provider,
    kind,
    ref,
    source,
    idle_timeout_ms: spec.idleTimeoutMs,
    stop_method: spec.stopMethod,
    sleeps,
    dry_run: spec.dryRun,
    depends_on: edges.map(({ to, condition }) => (condition === "auto" ? to : `${to}:${condition}`)),
    signals,
  };
}
