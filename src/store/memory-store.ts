import type { Clock } from "../core/clock.ts";
import type { Store } from "../core/store.ts";

/** What is remembered of one workload. Times are wall clock ms. */
export interface Remembered {
  lastUsedAt: number | null;
  /** Latest last. */
  readonly wakeDurationsMs: number[];
}

const keptDurations = 10;

/** A store that forgets at the end of the process. Told of each change, so that others may keep it. */
export function createMemoryStore(
  clock: Clock,
  options: { readonly initial?: Map<string, Remembered>; readonly changed?: (alias: string) => void } = {},
): Store {
  const rows = options.initial ?? new Map<string, Remembered>();
  const rowOf = (alias: string): Remembered => {
    const row = rows.get(alias) ?? { lastUsedAt: null, wakeDurationsMs: [] };
    rows.set(alias, row);
    return row;
  };
  return {
    lastUsed(alias) {
      const at = rows.get(alias)?.lastUsedAt ?? null;
      // The wall clock may have been set back since.
      return at === null ? null : Math.min(at, clock.wall());
    },
    saveLastUsed(alias, at) {
      const row = rowOf(alias);
      if (row.lastUsedAt === at) return;
      row.lastUsedAt = at;
      options.changed?.(alias);
    },
    wakeDurations: (alias) => [...(rows.get(alias)?.wakeDurationsMs ?? [])],
    addWakeDuration(alias, durationMs) {
      const { wakeDurationsMs } = rowOf(alias);
      wakeDurationsMs.push(durationMs);
      if (wakeDurationsMs.length > keptDurations) wakeDurationsMs.shift();
      options.changed?.(alias);
    },
    close: () => Promise.resolve(),
  };
}
