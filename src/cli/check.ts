import { inspectConfig, type Report, type RouteLine, type WorkloadLine } from "../app-check.ts";
import { checkPages } from "../app-pages.ts";
import { formatConfigError } from "../config/load.ts";
import type { ConfigError } from "../config/types.ts";
import { formatDuration } from "../core/duration.ts";
import { brandIcons, templatesFolder } from "./assets.ts";
import { toConfigSource } from "./config-source.ts";
import { defineCommand } from "./command.ts";
import { configOption, jsonOption } from "./options.ts";
import { exitCodes, type World } from "./world.ts";

/** Validates the configuration and shows what it makes. */
export const check = defineCommand({
  about:
    "Shows every route, workload and activity signal, those of labels included. Asks the engines what is there, changes nothing. " +
    "Ends with 3 for an invalid configuration and 4 where an engine does not answer.",
  options: { ...configOption, ...jsonOption },
  async run({ options }, world) {
    const { file, load } = toConfigSource(options, world);
    const loaded = load();
    if (!loaded.ok) {
      print({ errors: loaded.errors, warnings: loaded.warnings, routes: [], workloads: [] }, options, world);
      return exitCodes.configInvalid;
    }
    const { report, reachable } = await inspectConfig({ ...loaded, file: file ?? "nodoff.yaml" }, world);
    const errors = [...report.errors, ...checkPages(loaded.config, { dir: templatesFolder(), brands: brandIcons() })];
    print({ ...report, errors }, options, world);
    if (!reachable) return exitCodes.notReachable;
    return errors.length > 0 ? exitCodes.configInvalid : exitCodes.done;
  },
});

function print(report: Report, { json }: { readonly json: boolean }, world: World): void {
  if (json) return world.out(JSON.stringify(report, null, 2));
  for (const warning of report.warnings) world.err(`warning: ${toLine(warning)}`);
  for (const error of report.errors) world.err(toLine(error));
  for (const route of report.routes) world.out(routeText(route));
  for (const workload of report.workloads) for (const line of workloadTexts(workload)) world.out(line);
  const count = report.errors.length;
  world.out(count === 0 ? "configuration is valid" : `${count} error${count === 1 ? "" : "s"}`);
}

/** Labels have no line. */
function toLine(error: ConfigError): string {
  return error.line === 0 ? `${error.file} ${error.key}: ${error.message}` : formatConfigError(error);
}

function routeText({ alias, hosts, path, listen, workload, upstream, source, guest }: RouteLine): string {
  const doors = [...hosts.map((host) => `${host}${path}`), ...(listen === null ? [] : [listen])];
  const where = doors.length === 0 ? "(only by ?route=)" : doors.join(", ");
  const to = workload === null ? "" : ` -> workload ${workload}`;
  const machine = guest === null ? "" : `, which is ${guest.id === 0 ? "node " : `guest ${guest.id} on `}${guest.node}`;
  return `route ${alias}: ${where}${to}${upstream === null ? "" : ` at ${upstream}`}${machine} (from ${source})`;
}

function workloadTexts(workload: WorkloadLine): readonly string[] {
  const { alias, provider, kind, ref, idle_timeout_ms: idle, stop_method: method, source } = workload;
  const asleep = workload.dry_run ? "would sleep" : "sleeps";
  const idles = idle === 0 ? "never sleeps by itself" : `${asleep} (${method}) after ${formatDuration(idle)}`;
  const when = workload.sleeps ? idles : "did not opt in: started when needed, never stopped";
  const needs = workload.depends_on.length === 0 ? [] : [`  needs ${workload.depends_on.join(", ")}`];
  return [
    `workload ${alias}: ${kind} ${ref} at ${provider}, ${when} (from ${source})`,
    ...needs,
    ...workload.signals.map(({ name, live, note }) => `  signal ${name}: ${live ? "live" : "not live"} (${note})`),
  ];
}
