import type { StopMethod } from "./spec.ts";
import type { State } from "./state.ts";

/**
 * What is counted, as plain numbers. Whoever counts adds here (nothing is formatted, hashed or allocated per request);
 * metrics read it when somebody scrapes.
 */

/** A histogram. `counts` has one place more than `boundsS`: the last one is everything above. Not cumulative. */
export interface Buckets {
  /** Upper bounds in seconds, inclusive, rising. */
  readonly boundsS: readonly number[];
  readonly counts: Float64Array;
  sumS: number;
}

/** For `nodoff_hook_seconds`: from an allowed request to one held as long as any dialect allows. */
export const hookBoundsS: readonly number[] = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1, 2.5, 5, 10, 25,
];

/** For `nodoff_wake_seconds`: from a resumed container to the default wake_timeout. */
export const wakeBoundsS: readonly number[] = [0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 13, 20, 30, 60, 120];

export function createBuckets(boundsS: readonly number[]): Buckets {
  return { boundsS, counts: new Float64Array(boundsS.length + 1), sumS: 0 };
}

/** Adds one observation. */
export function observe(buckets: Buckets, seconds: number): void {
  const { boundsS, counts } = buckets;
  let place = 0;
  while (place < boundsS.length && seconds > (boundsS[place] ?? Infinity)) place++;
  counts[place] = (counts[place] ?? 0) + 1;
  buckets.sumS += seconds;
}

export const results = ["ok", "failed"] as const;

/** How a wake, a sleep or a reload of the configuration ended. */
export type Result = (typeof results)[number];

export type ResultCounts = Record<Result, number>;

/**
 * What one workload did since nodoff runs. Small while it sleeps and never woke: there may be 10,000 of them. Change it
 * only through the `record…` functions.
 */
export interface Tallies {
  wakes: ResultCounts | null;
  /** Durations of the wakes that got ready; null before the first. */
  wakeBuckets: Buckets | null;
  /** By the method used; a method never used is absent. */
  sleeps: Partial<Record<StopMethod, ResultCounts>> | null;
  /** Completed time; `timesAt` adds what is still running. */
  awakeMs: number;
  asleepMs: number;
  /** What it does not use while it sleeps, and the sum of that over the time asleep. */
  sleeperBytes: number;
  savedByteMs: number;
  current: "awake" | "asleep" | "neither";
  /** Monotonic ms since when `current` holds. */
  since: number;
}

export function createTallies(now: number): Tallies {
  return {
    wakes: null,
    wakeBuckets: null,
    sleeps: null,
    awakeMs: 0,
    asleepMs: 0,
    sleeperBytes: 0,
    savedByteMs: 0,
    current: "neither",
    since: now,
  };
}

/** A wake ended: ready, or failed. `durationMs` counts only for the ones that got ready. */
export function recordWake(tallies: Tallies, result: Result, durationMs: number): void {
  (tallies.wakes ??= { ok: 0, failed: 0 })[result]++;
  if (result === "failed") return;
  tallies.wakeBuckets ??= createBuckets(wakeBoundsS);
  observe(tallies.wakeBuckets, durationMs / 1000);
}

/** A stop, pause or kill of ours ended. */
export function recordSleep(tallies: Tallies, method: StopMethod, result: Result): void {
  const counts = ((tallies.sleeps ??= {})[method] ??= { ok: 0, failed: 0 });
  counts[result]++;
}

/**
 * The workload entered `state` at the monotonic `now`; `memoryBytes` is what it used before it fell asleep. Told again
 * for the same state, nothing changes.
 */
export function recordState(tallies: Tallies, state: State, now: number, memoryBytes: number | null = null): void {
  const times = timesAt(tallies, now);
  tallies.awakeMs = times.awakeMs;
  tallies.asleepMs = times.asleepMs;
  tallies.savedByteMs = savedByteMsAt(tallies, now);
  tallies.sleeperBytes = memoryBytes ?? 0;
  tallies.current = powerOf(state);
  tallies.since = now;
}

/** Time spent awake and asleep up to `now`, the present state included. */
export function timesAt(tallies: Tallies, now: number): { readonly awakeMs: number; readonly asleepMs: number } {
  const heldMs = Math.max(0, now - tallies.since);
  return {
    awakeMs: tallies.awakeMs + (tallies.current === "awake" ? heldMs : 0),
    asleepMs: tallies.asleepMs + (tallies.current === "asleep" ? heldMs : 0),
  };
}

/** Memory saved times milliseconds up to `now`. */
export function savedByteMsAt({ savedByteMs, sleeperBytes, current, since }: Tallies, now: number): number {
  return savedByteMs + (current === "asleep" ? sleeperBytes * Math.max(0, now - since) : 0);
}

/** Awake = its engine runs it. A failed workload that does not run was not put to sleep, so it is neither. */
function powerOf(state: State): Tallies["current"] {
  switch (state.name) {
    case "napping":
      return "asleep";
    case "starting":
    case "ready":
    case "stopping":
      return "awake";
    case "error":
      return state.running ? "awake" : "neither";
    case "unknown":
    case "gone":
      return "neither";
  }
}
