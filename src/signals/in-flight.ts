import type { Clock } from "../core/clock.ts";
import type { InFlight } from "../core/in-flight.ts";
import type { Signal } from "../core/signal.ts";

export interface InFlightDeps {
  readonly clock: Clock;
  readonly inFlight: Pick<InFlight, "count">;
}

/**
 * Requests, sockets and streams our own proxy carries now. Whoever was seen open counts as used until then: a download
 * of an hour that just ended was used just now, although its request came an hour ago.
 */
export function createInFlightSignal({ clock, inFlight }: InFlightDeps): Signal {
  const seenOpenAt = new Map<string, number>();
  return {
    name: "proxy",
    needs: null,
    covers: () => true,
    read(alias) {
      const count = inFlight.count(alias);
      const inUse = count > 0;
      if (inUse) seenOpenAt.set(alias, clock.now());
      const lastUsedAt = seenOpenAt.get(alias) ?? null;
      return { kind: "read", lastUsedAt, inUse, text: toText(count) };
    },
  };
}

function toText(count: number): string {
  if (count === 0) return "no open request through nodoff";
  return `${count} open ${count === 1 ? "request" : "requests"} through nodoff`;
}
