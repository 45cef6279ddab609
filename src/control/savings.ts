import type { PowerInterval } from "../core/store.ts";

/** What one workload did. */
export interface PowerHistory {
  /** It never sleeps but says when it would. */
  readonly dryRun: boolean;
  readonly intervals: readonly PowerInterval[];
}

/** The time looked at, wall clock ms. */
export interface Period {
  readonly since: number;
  readonly until: number;
}

export interface Savings {
  readonly asleepMs: number;
  readonly awakeMs: number;
  /** Memory that was free because it slept, times how long. Sleep whose memory is not known adds nothing. */
  readonly savedByteHours: number;
  /** Since when anything is known of it within the period; null = nothing is. */
  readonly knownSince: number | null;
}

const hourMs = 3_600_000;

/**
 * What one workload's sleep saved in a period. Pure. In a dry run the time it would have slept counts as asleep; once it
 * is none any more, that time counts as what it was: awake.
 */
export function savingsOf({ dryRun, intervals }: PowerHistory, period: Period): Savings {
  let asleepMs = 0;
  let awakeMs = 0;
  let savedByteHours = 0;
  let knownSince: number | null = null;
  for (const { kind, from, to, memoryBytes } of intervals) {
    const begin = Math.max(from, period.since);
    const lengthMs = Math.min(to ?? period.until, period.until) - begin;
    if (lengthMs <= 0) continue;
    knownSince = Math.min(knownSince ?? begin, begin);
    if (kind === "asleep" || (kind === "would_sleep" && dryRun)) {
      asleepMs += lengthMs;
      savedByteHours += ((memoryBytes ?? 0) * lengthMs) / hourMs;
    } else awakeMs += lengthMs;
  }
  return { asleepMs, awakeMs, savedByteHours, knownSince };
}
