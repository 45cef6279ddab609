import { createAdopting, hasHost, parseGoDuration, splitWords, toDurationText } from "./adopting.ts";
import type { Adopted, AdoptInput, Adopting } from "./adopting.ts";
import type { Labels } from "./foreign-door.ts";

/** Sablier's labels say nothing of time: this is its `sessions.default-duration`. */
const sessionDuration = "5m";

const unadopted: readonly (readonly [prefix: string, why: string])[] = [
  ["sablier.ready-on-start", "has no counterpart: nodoff lets traffic through once the service answers"],
  ["sablier.anti-affinity", "has no counterpart"],
  ["sablier.active.", "has no counterpart: nodoff sets no limits"],
  ["sablier.idle.", "has no counterpart: nodoff sets no limits"],
];

const known = new Set([
  "enable",
  "group",
  "ready-after",
  "running-hours",
  "running-days",
  "idle.replicas",
  "active.replicas",
]);

/**
 * Labels of Sablier. Hosts stand in those of the proxy, so a container without any belongs to the one of its group that
 * has one: woken with it, asleep after it. null = Sablier does not have it.
 */
export function adoptSablier({ labels, containerName, peers }: AdoptInput): Adopted | null {
  if (labels["sablier.enable"] !== "true") return null;
  const adopting = createAdopting();
  const { set, note } = adopting;
  for (const key of Object.keys(labels)) {
    if (!key.startsWith("sablier.") || known.has(key.slice("sablier.".length))) continue;
    const [, why = "is not known"] = unadopted.find(([prefix]) => key.startsWith(prefix)) ?? [];
    note(key, why);
  }
  const replicas = Number(labels["sablier.idle.replicas"] ?? 0);
  if (replicas > 0) {
    note("sablier.idle.replicas", "keeps it running: it is left alone, since nodoff does not throttle");
    return adopting.leave();
  }
  const groups = groupsOf(labels);
  const members = peers.filter((peer) => peer.labels !== labels && isMember(peer.labels, groups));
  if (hasHost(labels)) {
    adoptSession(adopting, { labels, containerName, peers, groups });
    // Those with hosts of their own are woken by these; the others by nothing else.
    const needed = members.filter((peer) => !hasHost(peer.labels)).map(({ name }) => name);
    if (needed.length > 0) set("depends_on", needed.sort().join(","), "sablier.group");
  } else if (!members.some((peer) => hasHost(peer.labels))) {
    note("sablier.enable", "nothing leads to it: needs nodoff.host, or a container of its group that has a host");
    return adopting.leave();
  }
  adoptReadiness(adopting, labels);
  adoptHours(adopting, labels);
  return adopting.done();
}

interface Session extends Pick<AdoptInput, "labels" | "containerName" | "peers"> {
  readonly groups: readonly string[];
}

/** The middleware of Traefik's plugin that leads to this container says how long a session lasts, wherever it stands. */
function adoptSession({ set, wrong }: Adopting, { labels, containerName, peers, groups }: Session): void {
  const everywhere = [labels, ...peers.map((peer) => peer.labels)];
  for (const settings of everywhere.flatMap(readMiddlewares)) {
    const names = splitWords(settings["names"] ?? "");
    const group = settings["group"];
    if (!names.includes(containerName) && (group === undefined || !groups.includes(group))) continue;
    const { sessionduration: text, "dynamic.displayname": title } = settings;
    if (title !== undefined) set("display_name", title, "sablier.group");
    if (text === undefined) continue;
    const ms = parseGoDuration(text);
    if (ms !== undefined && ms > 0) return set("idle_timeout", toDurationText(ms), "sablier.enable");
    wrong("sablier.enable", `its middleware's sessionDuration "${text}" is not a duration such as 10m`);
  }
  set("idle_timeout", sessionDuration, "sablier.enable");
}

/** The settings of each middleware of the plugin, in lower case. */
function readMiddlewares(labels: Labels): readonly Readonly<Record<string, string>>[] {
  const found = new Map<string, Record<string, string>>();
  for (const [key, value] of Object.entries(labels)) {
    const [, name, setting] = /^traefik\.http\.middlewares\.([^.]+)\.plugin\.sablier\.(.+)$/i.exec(key) ?? [];
    if (name === undefined || setting === undefined) continue;
    found.set(name, { ...found.get(name), [setting.toLowerCase()]: value });
  }
  return [...found.values()];
}

function groupsOf(labels: Labels): readonly string[] {
  const groups = splitWords(labels["sablier.group"] ?? "");
  return groups.length === 0 ? ["default"] : groups;
}

function isMember(labels: Labels, groups: readonly string[]): boolean {
  return labels["sablier.enable"] === "true" && groupsOf(labels).some((group) => groups.includes(group));
}

function adoptReadiness({ set, wrong }: Adopting, labels: Labels): void {
  const after = labels["sablier.ready-after"];
  if (after === undefined) return;
  const ms = parseGoDuration(after);
  if (ms === undefined || ms < 0) wrong("sablier.ready-after", `"${after}" is not a duration such as 30s`);
  else set("ready.delay", toDurationText(ms), "sablier.ready-after");
}

const days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

function adoptHours({ set, wrong }: Adopting, labels: Labels): void {
  const { "sablier.running-hours": hours, "sablier.running-days": given } = labels;
  if (hours === undefined && given === undefined) return;
  const [, fromHour, fromMinute, toHour, toMinute] =
    /^\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*$/.exec(hours ?? "00:00-24:00") ?? [];
  if (fromHour === undefined) return wrong("sablier.running-hours", `"${hours}" is not a span such as 09:00-18:00`);
  const start = Number(fromHour) * 60 + Number(fromMinute);
  const end = Number(toHour) * 60 + Number(toMinute);
  const weekdays = splitWords(given ?? "").map((day) => days.indexOf(day.slice(0, 3).toLowerCase()));
  if (weekdays.includes(-1)) return wrong("sablier.running-days", `"${given}" is not a list of days such as Mon,Tue`);
  const minutes = end > start ? end - start : end - start + 1_440;
  const on = weekdays.length === 0 ? "*" : weekdays.sort((a, b) => a - b).join(",");
  const from = hours === undefined ? "sablier.running-days" : "sablier.running-hours";
  const cron = `${start % 60} ${Math.floor(start / 60)} * * ${on}`;
  // As a YAML list: a day list has commas of its own.
  set("schedule.awake", `["${cron} for ${toDurationText(minutes * 60_000)}"]`, from);
}
