import { createProviderSet, discover } from "../app-providers.ts";
import { formatConfigError } from "../config/load.ts";
import type { Config, ConfigError } from "../config/types.ts";
import { toFailure } from "../core/errors.ts";
import type { Look, Provider } from "../core/provider.ts";
import type { RouteSpec, WorkloadSpec } from "../core/spec.ts";
import { formatDuration } from "../core/duration.ts";
import { mergeSpecs, type SpecSet } from "../engine/desired.ts";
import { systemClock } from "../engine/system-clock.ts";
import { createLogger } from "../telemetry/logger.ts";
import { toConfigSource } from "./serve.ts";
import { type CommandOptions, type ExitCode, exitCodes, type World } from "./world.ts";

/** What `check` found; `check --json` prints it as it is. */
interface Report {
  readonly errors: readonly ConfigError[];
  readonly warnings: readonly ConfigError[];
  readonly routes: readonly RouteSpec[];
  readonly workloads: readonly (WorkloadSpec & { readonly signals: readonly SignalLine[] })[];
}

interface SignalLine {
  readonly name: string;
  readonly live: boolean;
  readonly note: string;
}

interface Seen {
  readonly looks: readonly Look[];
  readonly error: ConfigError | null;
}

const listTimeoutMs = 5_000;

/**
 * Validates the configuration and shows what it makes: every route, workload and activity signal, those of labels
 * included. Asks the engines what is there, changes nothing.
 */
export async function check(options: CommandOptions, world: World): Promise<ExitCode> {
  const { file, load } = toConfigSource(options, world);
  const loaded = load();
  if (!loaded.ok) {
    print({ errors: loaded.errors, warnings: loaded.warnings, routes: [], workloads: [] }, options, world);
    return exitCodes.configInvalid;
  }
  const { report, reachable } = await inspect(loaded.config, file ?? "nodoff.yaml", world);
  print(report, options, world);
  if (!reachable) return exitCodes.notReachable;
  return report.errors.length > 0 ? exitCodes.configInvalid : exitCodes.done;
}

async function inspect(config: Config, file: string, world: World): Promise<{ report: Report; reachable: boolean }> {
  const logger = createLogger({ level: "error", format: "pretty", isTerminal: false, write: () => undefined });
  const { env, kill } = world;
  const { added } = await createProviderSet({ clock: systemClock, logger, env, kill }).update(config);
  const errors: ConfigError[] = [];
  const warnings = [...config.warnings];
  const labelled: SpecSet[] = [];
  const taken = new Set([...config.workloads, ...config.routes].map(({ alias }) => alias));
  let reachable = true;
  for (const provider of added) {
    const { looks, error } = await list(provider, file);
    if (error !== null) {
      reachable = false;
      errors.push(error);
      continue;
    }
    warnings.push(...missing(config, provider, looks, file));
    for (const look of looks) {
      const read = discover(look, { provider: provider.name, taken, config });
      if (read.kind === "invalid") errors.push(...read.errors.map(toConfigError));
      if (read.kind !== "spec") continue;
      for (const warning of look.warnings)
        warnings.push(toConfigError({ source: `label ${look.refs[0] ?? ""}`, key: "", message: warning }));
      for (const { alias } of [read.workload, ...read.routes]) taken.add(alias);
      labelled.push({ source: `label ${look.refs[0] ?? ""}`, workloads: [read.workload], routes: read.routes });
    }
  }
  for (const provider of added) await provider.close();
  const { workloads, routes, problems } = mergeSpecs({ source: file, ...config }, labelled);
  errors.push(...problems.map(toConfigError));
  const withSignals = workloads.map((workload) => ({ ...workload, signals: signalsOf(config) }));
  return { report: { errors, warnings, routes, workloads: withSignals }, reachable };
}

async function list(provider: Provider, file: string): Promise<Seen> {
  try {
    return { looks: await provider.list({ signal: AbortSignal.timeout(listTimeoutMs) }), error: null };
  } catch (error) {
    const { message } = toFailure(error);
    return { looks: [], error: { file, line: 1, column: 1, key: `providers.${provider.name}`, message } };
  }
}

/** A container that does not exist yet is no error: compose may create it later. */
function missing(config: Config, provider: Provider, looks: readonly Look[], file: string): readonly ConfigError[] {
  const known = new Set(looks.flatMap(({ refs }) => refs));
  return config.workloads
    .filter((workload) => workload.provider === provider.name && !known.has(workload.ref))
    .map(({ alias, kind, ref }) => ({
      file,
      line: 1,
      column: 1,
      key: `workloads.${alias}.${kind}`,
      message: `${provider.name} has no ${kind} "${ref}" yet`,
    }));
}

function signalsOf(config: Config): readonly SignalLine[] {
  const proxied = config.listen.proxy !== null;
  return [
    { name: "requests", live: true, note: "requests the hook or nodoff's own proxy saw" },
    {
      name: "proxy",
      live: proxied,
      note: proxied ? "what nodoff's own proxy carries" : "missing: listen.proxy is not set",
    },
  ];
}

function toConfigError({ source, key, message }: { source: string; key: string; message: string }): ConfigError {
  return { file: source, line: 0, column: 0, key, message };
}

function print(report: Report, { json }: CommandOptions, world: World): void {
  if (json) return world.out(JSON.stringify(report, null, 2));
  for (const warning of report.warnings) world.err(`warning: ${toLine(warning)}`);
  for (const error of report.errors) world.err(toLine(error));
  for (const route of report.routes) world.out(routeLine(route));
  for (const workload of report.workloads) for (const line of workloadLines(workload)) world.out(line);
  const count = report.errors.length;
  world.out(count === 0 ? "configuration is valid" : `${count} error${count === 1 ? "" : "s"}`);
}

/** Labels have no line. */
function toLine(error: ConfigError): string {
  return error.line === 0 ? `${error.file} ${error.key}: ${error.message}` : formatConfigError(error);
}

function routeLine({ alias, hosts, path, workload, upstream, source }: RouteSpec): string {
  const where = hosts.length === 0 ? "(only by ?route=)" : hosts.map((host) => `${host}${path}`).join(", ");
  const to = workload === null ? "" : ` -> workload ${workload}`;
  const at =
    upstream === null
      ? ""
      : ` at ${upstream.kind === "url" ? upstream.url : `port ${upstream.port ?? "(its only one)"}`}`;
  return `route ${alias}: ${where}${to}${at} (from ${source})`;
}

function workloadLines(workload: WorkloadSpec & { readonly signals: readonly SignalLine[] }): readonly string[] {
  const { alias, provider, kind, ref, idleTimeoutMs, stopMethod, source } = workload;
  const idle =
    idleTimeoutMs === 0 ? "never sleeps by itself" : `sleeps (${stopMethod}) after ${formatDuration(idleTimeoutMs)}`;
  return [
    `workload ${alias}: ${kind} ${ref} at ${provider}, ${idle} (from ${source})`,
    ...workload.signals.map(({ name, live, note }) => `  signal ${name}: ${live ? "live" : "not live"} (${note})`),
  ];
}
