import type { ScheduleSpec, WorkloadSpec } from "../../../src/core/spec.ts";
import type { StateName } from "../../../src/core/state.ts";
import type { Workload } from "../../../src/engine/workload-parts.ts";
import type { Box } from "./box.ts";

/** What survives a restart of nodoff, as the simulation knows it. Times are monotonic ms. */
export interface Memory {
  lastUsedAt: number;
  /** Uses of the last moments: a kill may come before they are saved. */
  recent: number[];
  pinnedUntil: number | null;
  /** It was ready when nodoff left. */
  wasReady: boolean;
}

/** One workload of one nodoff, as its journal tells of it. Times are monotonic ms. */
export interface Model {
  readonly key: string;
  readonly unit: Workload;
  /** null: a group. */
  readonly box: Box | null;
  readonly memory: Memory;
  state: StateName;
  enteredAt: number;
  /** Entered `starting`. */
  startingAt: number;
  /** Until when it was ready. */
  readyUntil: number;
  /** When it last failed. */
  failedAt: number;
  /** Ready or in error since. */
  awakeSince: number;
  /** The stop under way began while it was asleep. */
  goesDeeper: boolean;
  /** The stop under way was asked for by a person. */
  stopAsked: boolean;
  /** When it was last believed to have done its work. */
  doneAt: number;
  /** When nodoff was last done with stopping it. */
  stoppedAt: number;
  /** Somebody asked for a wake that has not begun yet. */
  wakeAsked: boolean;
  /** The wake under way was asked for by somebody, not by a dependant. */
  isOwnWake: boolean;
  /** Asks for sleep that are not answered. */
  asks: number;
  forces: number;
  /** Within a call of `restart`. */
  restarting: boolean;
  startsInFlight: number;
}

export function createModel(key: string, unit: Workload, own: Pick<Model, "box" | "memory">, now: number): Model {
  return {
    key,
    unit,
    ...own,
    state: "unknown",
    enteredAt: now,
    startingAt: Number.NEGATIVE_INFINITY,
    readyUntil: Number.NEGATIVE_INFINITY,
    failedAt: Number.NEGATIVE_INFINITY,
    awakeSince: now,
    goesDeeper: false,
    stopAsked: false,
    doneAt: Number.NEGATIVE_INFINITY,
    stoppedAt: Number.NEGATIVE_INFINITY,
    wakeAsked: false,
    isOwnWake: false,
    asks: 0,
    forces: 0,
    restarting: false,
    startsInFlight: 0,
  };
}

/** What happens at the engine has been told and believed after so long, a look under way included. */
export const believedMs = 10_000;

const keptMs = 3_000;
/** Use is saved once a second. */
const savedWithinMs = 1_001;

export function noteUse(memory: Memory, now: number): void {
  memory.lastUsedAt = now;
  const old = memory.recent.findLastIndex((at) => at < now - keptMs);
  if (old > 0) memory.recent.splice(0, old);
  if (memory.recent.at(-1) !== now) memory.recent.push(now);
}

/** After a kill only what was saved is known. */
export function forgetUnsaved(memory: Memory, now: number): void {
  const saved = memory.recent.findLast((at) => at <= now - savedWithinMs);
  const isSaved = memory.lastUsedAt <= now - savedWithinMs;
  if (!isSaved) memory.lastUsedAt = saved ?? Number.NEGATIVE_INFINITY;
  memory.recent = memory.recent.filter((at) => at <= now - savedWithinMs);
}

const hourMs = 3_600_000;

/** Start of the window open at `wall`; null = none is. The windows of the simulation open once an hour. */
export function openSince(windows: ScheduleSpec["awake"], wall: number): number | null {
  for (const { cron, durationMs } of windows) {
    const offset = Number.parseInt(cron, 10) * 60_000;
    const from = Math.floor((wall - offset) / hourMs) * hourMs + offset;
    if (wall < from + durationMs) return from;
  }
  return null;
}

/** A group whose members take turns: one can stand in for another. */
export function isPool({ unit: { spec } }: Model): boolean {
  return spec.kind === "group" && spec.upstream === null;
}

/** It runs, or is about to, so whatever it needs must be there. */
export function isAwake({ state, goesDeeper, box }: Model): boolean {
  switch (state) {
    case "ready":
    case "starting":
      return true;
    case "stopping":
      return !goesDeeper;
    case "error":
      // As far as nodoff can know.
      return box?.power === "running" && box.busy === 0 && !box.inDoubt;
    case "unknown":
    case "napping":
    case "gone":
      return false;
  }
}

export function isGroup({ kind }: WorkloadSpec): boolean {
  return kind === "group" || kind === "compose";
}
