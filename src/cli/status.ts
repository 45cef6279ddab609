import { formatDuration } from "../core/duration.ts";
import { systemClock } from "../system-clock.ts";
import { type Client, openClient } from "./client.ts";
import { defineCommand } from "./command.ts";
import { clientOptions, jsonOption } from "./options.ts";
import { createPaint, type Paint, plain, toColumns } from "./paint.ts";
import {
  ConfigErrors,
  type Event,
  Events,
  paintState,
  Providers,
  toRelative,
  type Workload,
  Workloads,
} from "./shapes.ts";
import { workloadAt } from "./workload-at.ts";
import { exitCodes, type World } from "./world.ts";

const latestEvents = 10;

/** What sleeps, what is awake, and why. */
export const status = defineCommand({
  about:
    "Every workload with its state and the reason for it, engines that are not connected and configuration that was left out. " +
    "With an alias: all there is to say of it, with its latest events. Asking wakes nothing and renews nothing.",
  arguments: [{ name: "ALIAS", help: "workloads to tell more of", optional: true, many: true }],
  options: { ...clientOptions, ...jsonOption },
  examples: ["status", "status blog", "status --json"],
  async run({ args, options }, world) {
    const client = await openClient(options, world);
    if (args.length > 0) {
      const found = await Promise.all(args.map((alias) => describe(client, alias)));
      if (options.json) world.out(JSON.stringify({ workloads: found.map(({ workload }) => workload) }, null, 2));
      else
        for (const { workload, events } of found)
          for (const line of toDetails(workload, events, world)) world.out(line);
      return exitCodes.done;
    }
    const [{ workloads }, { providers }, { errors }] = await Promise.all([
      client.get("workloads", Workloads),
      client.get("providers", Providers),
      client.get("config/errors", ConfigErrors),
    ]);
    if (options.json) world.out(JSON.stringify({ workloads, providers, config_errors: errors }, null, 2));
    else for (const line of toOverview(workloads, world)) world.out(line);
    if (options.json) return exitCodes.done;
    for (const { name, connected, error } of providers)
      if (!connected)
        world.err(`provider ${name} is not connected${error === null ? "" : `: ${plain(error.message)}`}`);
    for (const { source, key, message } of errors) world.err(`left out: ${source} ${key}: ${plain(message)}`);
    return exitCodes.done;
  },
});

async function describe(client: Client, alias: string) {
  const workload = await workloadAt(client, alias);
  const { events } = await client.get(`workloads/${encodeURIComponent(alias)}/events?limit=${latestEvents}`, Events);
  return { workload, events };
}

function toOverview(workloads: readonly Workload[], world: World): readonly string[] {
  if (workloads.length === 0)
    return [
      "nothing sleeps here yet: no workload is configured or labelled (nodoff.enable=true); `nodoff check` tells what was seen",
    ];
  const paint = createPaint(world);
  const now = systemClock.wall();
  const rows = workloads
    .toSorted((a, b) => a.alias.localeCompare(b.alias))
    .map((workload) => [
      workload.alias,
      paintState(paint, workload.state),
      toSleep(workload, now),
      toWhy(workload, now).join("; "),
    ]);
  return toColumns([["ALIAS", "STATE", "SLEEPS", "WHY"].map((title) => paint("bold", title)), ...rows]);
}

function toSleep({ sleeps_at, dry_run }: Workload, now: number): string {
  if (sleeps_at === null) return "-";
  // What is due is looked at within the second.
  const text = Date.parse(sleeps_at) <= now ? "now" : toRelative(sleeps_at, now);
  return dry_run ? `${text} (dry run)` : text;
}

function toWhy({ reasons, error, next_try_at, pinned_until }: Workload, now: number): readonly string[] {
  return [
    ...(error === null ? [] : [plain(error.message)]),
    ...(next_try_at === null || Date.parse(next_try_at) <= now ? [] : [`next try ${toRelative(next_try_at, now)}`]),
    ...reasons.map(({ text }) => plain(text)),
    // Its reason says the same where it has one.
    ...(pinned_until === null || reasons.length > 0
      ? []
      : [`pinned for ${formatDuration(Date.parse(pinned_until) - now)}`]),
  ];
}

function toDetails(workload: Workload, events: readonly Event[], world: World): readonly string[] {
  const paint = createPaint(world);
  const now = systemClock.wall();
  const { alias, display_name, state, kind, ref, provider, last_used_at, sleeps_at, pinned_until } = workload;
  const title = display_name === alias ? alias : `${alias} (${plain(display_name)})`;
  const line = (name: string, text: string): string[] => (text === "" ? [] : [`  ${paint("dim", name)} ${text}`]);
  return [
    `${paint("bold", title)}: ${paintState(paint, state)}, ${kind} ${plain(ref)} at ${provider}`,
    ...line("sleeps", sleeps_at === null ? "" : toSleep(workload, now)),
    ...line("why", toWhy(workload, now).join("; ")),
    ...line("last used", last_used_at === null ? "" : toRelative(last_used_at, now)),
    ...line("pinned for", pinned_until === null ? "" : formatDuration(Date.parse(pinned_until) - now)),
    ...line("needs", workload.depends_on.join(", ")),
    ...line("needed by", workload.dependants.join(", ")),
    ...line("routes", workload.routes.join(", ")),
    ...line("signals", workload.signals.map(toSignal).join(", ")),
    ...toEvents(events, paint),
  ];
}

function toSignal({ name, live, needs }: Workload["signals"][number]): string {
  if (live) return name;
  return needs === null ? `${name} (not live)` : `${name} (not live: needs ${plain(needs)})`;
}

function toEvents(events: readonly Event[], paint: Paint): readonly string[] {
  if (events.length === 0) return [];
  const rows = events.map(({ at, type, message, error }) => [
    `  ${paint("dim", new Date(at).toLocaleString("sv"))}`,
    type,
    plain(error === null ? message : `${message}: ${error.message}`),
  ]);
  return [`  ${paint("dim", "events")}`, ...toColumns(rows)];
}
