import type { Clock } from "../core/clock.ts";
import { formatDuration } from "../core/duration.ts";
import type { Signal } from "../core/signal.ts";

/** Requests that hook and own proxy counted. A request is a moment: it is never "in use now". */
export function createRequestsSignal({ clock }: { readonly clock: Clock }): Signal {
  return {
    name: "requests",
    needs: null,
    asks: false,
    covers: () => true,
    required: () => false,
    read({ lastUsedAt }) {
      if (lastUsedAt === Number.NEGATIVE_INFINITY)
        return { kind: "read", lastUsedAt: null, inUse: false, text: "no request yet" };
      const text = `last request ${formatDuration(clock.now() - lastUsedAt)} ago`;
      return { kind: "read", lastUsedAt, inUse: false, text };
    },
  };
}
