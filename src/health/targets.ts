import type { Logger } from "../core/logger.ts";
import { createTargetHealth } from "../core/target-health.ts";
import type { RoundResult } from "./round.ts";
import type { Watched } from "./watched.ts";

/** Told with the targets of a route that may be given traffic. */
export type TargetListener = (alias: string, healthy: readonly string[]) => void;

/** Which targets of routes with several are healthy. */
export interface Targets {
  /** These are the targets of a route now; fewer than two need no watching, unless it had more before. */
  sync(each: Watched, targets: readonly string[]): void;
  record(each: Watched, byTarget: RoundResult["byTarget"]): void;
  /** The route has none any more. */
  clear(each: Watched): void;
  /** Returns the end. */
  subscribe(listener: TargetListener): () => void;
}

export function createTargets(logger: Logger): Targets {
  const listeners = new Set<TargetListener>();

  function tell({ route, targets }: Watched): void {
    const { alias } = route.spec;
    const healthy = targets?.healthy() ?? [];
    logger.debug("healthy targets changed", { alias, healthy });
    for (const listener of listeners) listener(alias, healthy);
  }

  return {
    sync(each, targets) {
      if (each.targets === null && targets.length < 2) return;
      each.targets ??= createTargetHealth(each.route.spec.health);
      if (each.targets.sync(targets)) tell(each);
    },
    record(each, byTarget) {
      let changed = false;
      for (const [target, { outcome }] of byTarget)
        if (each.targets?.record(target, outcome.kind === "pass") === true) changed = true;
      if (changed) tell(each);
    },
    clear(each) {
      if (each.targets?.sync([]) === true) tell(each);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
