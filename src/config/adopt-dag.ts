import { createAdopting, hasHost, parseGoDuration, splitWords, toCronSpan, toDurationText } from "./adopting.ts";
import type { Adopted, AdoptInput, Adopting } from "./adopting.ts";
import type { Labels } from "./foreign-door.ts";

const prefix = "dag.";
const day = 86_400_000;

/** What nodoff has no word for, and why. */
const unadopted: Readonly<Record<string, string>> = {
  "dag.network": "has no counterpart: set `network` of the provider where the wrong address is used",
  "dag.icon": "names an icon of a public icon set, which nodoff does not fetch: use nodoff.loading.icon",
};

const known = new Set([
  "enabled",
  "host",
  "target_port",
  "start_timeout",
  "idle_timeout",
  "redirect_path",
  "health_path",
  "depends_on",
  "schedule_start",
  "schedule_stop",
  "schedule_timezone",
]);

/**
 * Labels of docker-gateway (DAG), with its defaults: port 80, 60 s to start, and no idle timeout = never. Like there a
 * container without `dag.host` is none of its own, but may be what others depend on. null = DAG does not have it.
 */
export function adoptDag({ labels }: AdoptInput): Adopted | null {
  if (labels["dag.enabled"] !== "true") return null;
  const adopting = createAdopting();
  const { set, note } = adopting;
  for (const key of Object.keys(labels)) {
    if (!key.startsWith(prefix)) continue;
    const why = unadopted[key];
    if (why !== undefined) note(key, why);
    else if (!known.has(key.slice(prefix.length))) note(key, "is not known");
  }
  const { "dag.host": host = "" } = labels;
  if (host === "" && !hasHost(labels)) {
    note("dag.host", "is missing: the container is started where something depends on it, and nothing else");
    return adopting.leave();
  }
  if (host !== "") set("host", host, "dag.host");
  set("port", labels["dag.target_port"] ?? "80", "dag.target_port");
  setDuration(adopting, labels, { key: "dag.start_timeout", to: "wake_timeout", fallback: 60_000 });
  setDuration(adopting, labels, { key: "dag.idle_timeout", to: "idle_timeout", fallback: 0 });
  const { "dag.redirect_path": redirect, "dag.health_path": health = "" } = labels;
  if (redirect !== undefined && redirect !== "") set("loading.redirect_path", redirect, "dag.redirect_path");
  if (health !== "") {
    set("ready.http", health, "dag.health_path");
    set("ready.status", "200-299", "dag.health_path");
    set("health.path", health, "dag.health_path");
  }
  adoptDependencies(adopting, labels);
  adoptSchedule(adopting, labels);
  return adopting.done();
}

function setDuration(
  { set, wrong }: Adopting,
  labels: Labels,
  { key, to, fallback }: { readonly key: string; readonly to: string; readonly fallback: number },
): void {
  const text = labels[key];
  const ms = text === undefined || text === "" ? fallback : parseGoDuration(text);
  if (ms === undefined || ms < 0) wrong(key, `"${text}" is not a duration such as 5m`);
  else set(to, toDurationText(ms === 0 ? fallback : ms), key);
}

/** DAG stops dependencies along with the last container that needs them, labelled or not. */
function adoptDependencies({ set }: Adopting, labels: Labels): void {
  const names = splitWords(labels["dag.depends_on"] ?? "");
  if (names.length === 0) return;
  set("depends_on", names.join(","), "dag.depends_on");
  set("depends_on_sleep", "true", "dag.depends_on");
}

function adoptSchedule({ set, note }: Adopting, labels: Labels): void {
  const { "dag.schedule_start": start = "", "dag.schedule_stop": stop = "", "dag.schedule_timezone": zone } = labels;
  if (start === "" && stop === "") return;
  const span = start === "" || stop === "" ? undefined : toCronSpan(start, stop);
  if (span === undefined) {
    const key = start === "" ? "dag.schedule_stop" : "dag.schedule_start";
    return note(key, "is no window of the same length each time: use nodoff.schedule.awake and nodoff.schedule.asleep");
  }
  // As YAML lists: a cron expression may have commas of its own.
  set("schedule.awake", `["${start} for ${toDurationText(span)}"]`, "dag.schedule_start");
  set("schedule.asleep", `["${stop} for ${toDurationText(day - span)}"]`, "dag.schedule_stop");
  if (zone !== undefined && zone !== "") set("schedule.timezone", zone, "dag.schedule_timezone");
  note("dag.schedule_stop", "puts it to sleep and keeps nobody out: a request outside the window still wakes it");
}
