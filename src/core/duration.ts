const unitMs = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;

const pattern = /^(?:(?<d>\d+)d)?(?:(?<h>\d+)h)?(?:(?<m>\d+)m)?(?:(?<s>\d+)s)?(?:(?<ms>\d+)ms)?$/;

/** Timers with a longer delay fire at once (2^31 - 1 ms, about 24.8 days): nothing may be configured to wait longer. */
export const longestDurationMs = 2 ** 31 - 1;

/**
 * Milliseconds behind a duration such as `300ms`, `15s`, `1h30m` or `2d`: whole numbers, each unit at most once, the
 * largest first. undefined for anything else, so also for a number without a unit, except `0`.
 */
export function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  const parts = pattern.exec(text)?.groups;
  if (text === "" || parts === undefined) return undefined;
  let total = 0;
  for (const [unit, factor] of Object.entries(unitMs)) total += Number(parts[unit] ?? 0) * factor;
  return total;
}

/**
 * A duration for people: "250 ms", "1.5 s", "4 m 10 s", "2 d 3 h". At most two units, rounded to the smaller one;
 * negative is taken as 0.
 */
export function formatDuration(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  if (whole < unitMs.s) return `${whole} ms`;
  const tenths = Math.round(whole / 100);
  if (tenths < 100) return `${tenths / 10} s`;
  const seconds = Math.round(whole / unitMs.s);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return twoUnits(seconds, 60, ["m", "s"]);
  const minutes = Math.round(whole / unitMs.m);
  if (minutes < 1440) return twoUnits(minutes, 60, ["h", "m"]);
  return twoUnits(Math.round(whole / unitMs.h), 24, ["d", "h"]);
}

function twoUnits(total: number, perLarge: number, [large, small]: readonly [string, string]): string {
  const rest = total % perLarge;
  const head = `${Math.floor(total / perLarge)} ${large}`;
  return rest === 0 ? head : `${head} ${rest} ${small}`;
}
