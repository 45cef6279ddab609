/** A target at one moment. */
export interface TargetStats {
  readonly healthy: boolean;
  /** Results of the present kind in a row. */
  readonly passes: number;
  readonly fails: number;
}

/**
 * Which of several targets (upstreams, members of a group) may be given traffic: out after `fall` failures in a row,
 * in again after `rise` passes. A target nobody added is unhealthy, and results for it are dropped.
 */
export interface TargetHealth {
  /** Makes exactly `ids` the targets: new ones start healthy, others go. True when the healthy set changed. */
  sync(ids: Iterable<string>): boolean;
  /** Counts one result. True when the healthy set changed. */
  record(id: string, ok: boolean): boolean;
  isHealthy(id: string): boolean;
  stats(id: string): TargetStats | undefined;
  /** In the order they were added. */
  healthy(): readonly string[];
  unhealthy(): readonly string[];
  all(): readonly string[];
}

interface Target {
  healthy: boolean;
  passes: number;
  fails: number;
}

/** Thresholds below 1 are taken as 1. */
export function createTargetHealth(thresholds: { readonly fall: number; readonly rise: number }): TargetHealth {
  const fall = Math.max(1, thresholds.fall);
  const rise = Math.max(1, thresholds.rise);
  const targets = new Map<string, Target>();
  const where = (healthy: boolean): readonly string[] =>
    [...targets].filter(([, target]) => target.healthy === healthy).map(([id]) => id);
  return {
    sync(ids) {
      const wanted = new Set(ids);
      let changed = false;
      for (const [id, target] of targets) {
        if (wanted.has(id)) continue;
        targets.delete(id);
        changed ||= target.healthy;
      }
      for (const id of wanted) {
        if (targets.has(id)) continue;
        targets.set(id, { healthy: true, passes: 0, fails: 0 });
        changed = true;
      }
      return changed;
    },
    record(id, ok) {
      const target = targets.get(id);
      if (target === undefined) return false;
      target.passes = ok ? target.passes + 1 : 0;
      target.fails = ok ? 0 : target.fails + 1;
      const before = target.healthy;
      if (ok && target.passes >= rise) target.healthy = true;
      if (!ok && target.fails >= fall) target.healthy = false;
      return target.healthy !== before;
    },
    isHealthy: (id) => targets.get(id)?.healthy ?? false,
    stats(id) {
      const target = targets.get(id);
      return target === undefined ? undefined : { ...target };
    },
    healthy: () => where(true),
    unhealthy: () => where(false),
    all: () => [...targets.keys()],
  };
}
