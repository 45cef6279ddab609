import { didYouMean } from "../config/suggest.ts";
import { formatDuration } from "../core/duration.ts";
import { systemClock } from "../system-clock.ts";
import { type Client, openClient } from "./client.ts";
import { defineCommand } from "./command.ts";
import { CommandFailure } from "./failure.ts";
import { clientOptions, jsonOption } from "./options.ts";
import { createPaint, type Paint, plain, toColumns } from "./paint.ts";
import { AllHealth, type Health, History, paintState, toRelative } from "./shapes.ts";
import { exitCodes, type World } from "./world.ts";

/** Who is healthy, now and before. */
export const health = defineCommand({
  about:
    "Every route with its health; with an alias, that one and how it was. A period is 5m, 15m, 1h, 1d or 30d; in the bar " +
    "each sign is one sample: | healthy, ! failing, . napping, and a space where nobody watched.",
  arguments: [{ name: "ALIAS", help: "a route, to see its history", optional: true }],
  options: {
    period: { value: "TIME", help: "how far back: 5m, 15m, 1h (default), 1d, 30d" },
    ...clientOptions,
    ...jsonOption,
  },
  examples: ["health", "health blog --period 1d"],
  async run({ args: [alias], options }, world) {
    const client = await openClient(options, world);
    const all = await client.get("health?detail=full", AllHealth);
    if (alias === undefined) {
      if (options.json) world.out(JSON.stringify(all, null, 2));
      else for (const line of toList(all, world)) world.out(line);
      return exitCodes.done;
    }
    const now = Object.hasOwn(all, alias) ? all[alias] : undefined;
    if (now === undefined) throw new CommandFailure(noRoute(alias, Object.keys(all)));
    const period = encodeURIComponent(options.period ?? "1h");
    const history = await historyOf(client, `health/${encodeURIComponent(alias)}/history?period=${period}`);
    if (options.json) world.out(JSON.stringify({ alias, health: now, history }, null, 2));
    else {
      world.out(toLine(alias, now, world));
      for (const line of history === null ? [] : toHistory(history, createPaint(world))) world.out(line);
    }
    return exitCodes.done;
  },
});

/** Words for an alias no route has. */
export function noRoute(alias: string, known: readonly string[]): string {
  return `there is no route "${alias}"${didYouMean(alias, known)}`;
}

/** null: nobody watches it. */
async function historyOf(client: Client, path: string): Promise<History | null> {
  try {
    return await client.get(path, History);
  } catch (error) {
    if (error instanceof CommandFailure && error.code === "NOT_FOUND") return null;
    throw error;
  }
}

/** Every route in a table. */
export function toList(all: Readonly<Record<string, Health>>, world: World): readonly string[] {
  const paint = createPaint(world);
  const rows = Object.entries(all)
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([alias, { status, uptime_ms, latency_ms, consecutive_failures, detail }]) => [
      alias,
      paintState(paint, status),
      uptime_ms === null ? "-" : formatDuration(uptime_ms),
      latency_ms === null ? "-" : `${latency_ms} ms`,
      consecutive_failures === 0 ? "-" : String(consecutive_failures),
      plain(detail ?? ""),
    ]);
  if (rows.length === 0) return ["no route is configured or labelled"];
  const titles = ["ALIAS", "STATUS", "HEALTHY FOR", "LATENCY", "FAILURES", "DETAIL"];
  return toColumns([titles.map((title) => paint("bold", title)), ...rows]);
}

/** One route in one line. */
export function toLine(alias: string, view: Health, world: World): string {
  const { status, uptime_ms, latency_ms, last_seen_at, consecutive_failures, detail } = view;
  const parts = [
    paintState(createPaint(world), status),
    uptime_ms === null ? "" : `for ${formatDuration(uptime_ms)}`,
    latency_ms === null ? "" : `answered within ${latency_ms} ms`,
    consecutive_failures === 0 ? "" : `${consecutive_failures} failures in a row`,
    consecutive_failures === 0 || last_seen_at === null
      ? ""
      : `last seen ${toRelative(last_seen_at, systemClock.wall())}`,
    plain(detail ?? ""),
  ];
  return `${alias}: ${parts.filter((part) => part !== "").join(", ")}`;
}

function toHistory({ period, samples, healthy, napping }: History, paint: Paint): readonly string[] {
  const share = (value: number | null): string => (value === null ? "-" : `${Math.floor(value * 10_000) / 100} %`);
  const bar = samples.map(({ status }) => toSign(status, paint)).join("");
  return [
    ...(bar === "" ? [] : [`  ${bar}`]),
    `  ${period}: healthy ${share(healthy)} of the time awake, napping ${share(napping)} of all time`,
  ];
}

function toSign(status: string, paint: Paint): string {
  if (status === "healthy") return paint("green", "|");
  if (status === "unhealthy" || status === "error") return paint("red", "!");
  return status === "napping" ? paint("blue", ".") : " ";
}
