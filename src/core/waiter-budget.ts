/** How many callers may wait, per workload and in all (`limits.waiters_per_workload`, `limits.waiters`). */
export interface WaiterBudget {
  /** Takes a place; null when there is none. The returned function gives it back, once. */
  enter(alias: string): (() => void) | null;
  readonly total: number;
  count(alias: string): number;
}

export function createWaiterBudget(limits: { readonly perWorkload: number; readonly total: number }): WaiterBudget {
  const counts = new Map<string, number>();
  let total = 0;
  return {
    enter(alias) {
      const own = counts.get(alias) ?? 0;
      if (total >= limits.total || own >= limits.perWorkload) return null;
      total++;
      counts.set(alias, own + 1);
      let left = false;
      return () => {
        if (left) return;
        left = true;
        total--;
        const now = (counts.get(alias) ?? 1) - 1;
        if (now === 0) counts.delete(alias);
        else counts.set(alias, now);
      };
    },
    get total() {
      return total;
    },
    count: (alias) => counts.get(alias) ?? 0,
  };
}
