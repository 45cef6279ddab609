/** Spreads looks at signals over time, so that many workloads at once cost no more than a few. */
export interface LookBudget {
  /** The moment (monotonic ms, `now` or later) at which one more look may take place. Each is given out once. */
  reserve(now: number): number;
}

export function createLookBudget(perSecond: number): LookBudget {
  const gapMs = 1_000 / perSecond;
  let next = Number.NEGATIVE_INFINITY;
  return {
    reserve(now) {
      const at = Math.max(now, next);
      next = at + gapMs;
      return at;
    },
  };
}
