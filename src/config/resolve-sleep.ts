import { formatDuration } from "../core/duration.ts";
import type { ScheduleSpec, StopMethod, Tier, WorkloadSpec } from "../core/spec.ts";
import type { Report } from "./findings.ts";
import { isOverlap } from "./schedule-windows.ts";
import type { WorkloadKeys } from "./schema-workload.ts";

type SleepSpec = Pick<WorkloadSpec, "idleTimeoutMs" | "minAwakeMs" | "stopMethod" | "deeper" | "schedule">;

const usualIdleMs = 900_000;
const usualMinAwakeMs = 30_000;
const none: readonly never[] = [];

/** When it sleeps, and how deep. */
export function toSleep(keys: WorkloadKeys): SleepSpec {
  const [first, ...deeper] = (keys.tiers ?? none).map(toTier);
  const isExcluded = keys.exclude === true;
  // What is excluded is only known: it never sleeps.
  const idleTimeoutMs = isExcluded ? 0 : (first?.afterMs ?? keys.idle_timeout ?? usualIdleMs);
  const usual = idleTimeoutMs === 0 ? usualMinAwakeMs : Math.min(usualMinAwakeMs, idleTimeoutMs);
  return {
    idleTimeoutMs,
    minAwakeMs: keys.min_awake ?? usual,
    stopMethod: first?.method ?? toStopMethod(keys.stop_method),
    deeper: isExcluded || deeper.length === 0 ? none : deeper,
    schedule: isExcluded ? null : toSchedule(keys.schedule),
  };
}

type TierKeys = NonNullable<WorkloadKeys["tiers"]>[number];

function toTier(keys: TierKeys): Tier {
  return { afterMs: keys.after, method: toStopMethod(keys.do) };
}

/** The method `suspend` never matters here: `checkSleep` refuses it for the kinds there are. */
function toStopMethod(method: WorkloadKeys["stop_method"]): StopMethod {
  return method === undefined || method === "suspend" ? "stop" : method;
}

function toSchedule({ timezone, awake = [], asleep = [] }: WorkloadKeys["schedule"] = {}): ScheduleSpec | null {
  return awake.length + asleep.length === 0 ? null : { timezone: timezone ?? null, awake, asleep };
}

/** How deep a sleep each method is: what is stopped cannot be paused any more. */
const depths = { pause: 0, suspend: 1, stop: 2, kill: 2 } as const;

/** What the keys about sleep in one place must agree on; `methods` are the stop methods its kind has. */
export function checkSleep(keys: WorkloadKeys, methods: readonly string[], report: Report): void {
  const isPossible = (path: readonly (string | number)[], method: string | undefined): void => {
    if (method !== undefined && !methods.includes(method))
      report(path, `"${method}" is not possible here (${methods.join(", ")})`);
  };
  isPossible(["stop_method"], keys.stop_method);
  if (keys.tiers === undefined) return;
  for (const key of ["idle_timeout", "stop_method"] as const)
    if (keys[key] !== undefined) report([key], `give either "${key}" or "tiers", which stands instead of it`);
  if (keys.tiers.length === 0) report(["tiers"], "must not be empty");
  for (const [index, tier] of keys.tiers.entries()) {
    isPossible(["tiers", index, "do"], tier.do);
    const before = keys.tiers[index - 1];
    if (before === undefined) continue;
    if (tier.after <= before.after)
      report(["tiers", index, "after"], `must be later than the tier before (${formatDuration(before.after)})`);
    if (depths[tier.do] <= depths[before.do])
      report(["tiers", index, "do"], `"${tier.do}" is no deeper sleep than "${before.do}" (pause, then stop or kill)`);
  }
}

/** A schedule of one's own, or on top of the defaults (`keys`), must hold a window. */
export function checkSchedule(own: WorkloadKeys, { schedule }: WorkloadKeys, report: Report): void {
  if (own.schedule !== undefined && toSchedule(schedule) === null) report(["schedule"], `needs "awake" or "asleep"`);
}

type ScheduleKeys = NonNullable<WorkloadKeys["schedule"]>;

/** Tells where a schedule contradicts itself. The answer is remembered: thousands of workloads may share a schedule. */
export function createContradictions(): (schedule: ScheduleKeys) => string | null {
  const known = new Map<string, string | null>();
  return (schedule) => {
    const key = JSON.stringify(schedule);
    const seen = known.get(key);
    if (seen !== undefined) return seen;
    const found = findContradiction(schedule);
    known.set(key, found);
    return found;
  };
}

function findContradiction({ awake = [], asleep = [] }: ScheduleKeys): string | null {
  for (const open of awake) {
    const other = asleep.find((window) => isOverlap(open, window));
    if (other !== undefined)
      return `awake "${open.cron}" and asleep "${other.cron}" overlap: it stays awake while both are open`;
  }
  return null;
}
