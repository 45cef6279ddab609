/** The middle of some figures, and how far they spread. */
export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

export function toSpread(values: readonly number[]): Spread {
  if (values.length === 0) throw new Error("no figures");
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  const lower = sorted[Math.ceil(middle) - 1] ?? Number.NaN;
  return { min: sorted[0] ?? Number.NaN, median: (upper + lower) / 2, max: sorted.at(-1) ?? Number.NaN };
}

/** The smallest value that `share` (0 to 1) of all values do not exceed. */
export function percentile(values: Iterable<number>, share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}
