import { formatDuration } from "../core/duration.ts";
import type { Clock } from "../core/clock.ts";
import type { Signal } from "../core/signal.ts";

export interface RequestsDeps {
  readonly clock: Clock;
  /** Monotonic ms of the workload's last counted request at any door; null = none yet. */
  lastUsedAt(alias: string): number | null;
}

/** Requests that hook and own proxy counted. A request is a moment: it is never "in use now". */
export function createRequestsSignal(deps: RequestsDeps): Signal {
  return {
    name: "requests",
    needs: null,
    covers: () => true,
    read(alias) {
      const lastUsedAt = deps.lastUsedAt(alias);
      if (lastUsedAt === null) return { kind: "read", lastUsedAt, inUse: false, text: "no request yet" };
      const text = `last request ${formatDuration(deps.clock.now() - lastUsedAt)} ago`;
      return { kind: "read", lastUsedAt, inUse: false, text };
    },
  };
}
