import type { Clock } from "../core/clock.ts";
import type { InFlight } from "../core/in-flight.ts";
import type { Signal, Subject } from "../core/signal.ts";
import { counted } from "./reading.ts";

export interface InFlightDeps {
  readonly clock: Clock;
  readonly inFlight: Pick<InFlight, "count">;
}

/**
 * Requests, sockets and streams our own proxy carries now. Whoever was seen open counts as used until then: a download
 * of an hour that just ended was used just now, although its request came an hour ago.
 */
export function createInFlightSignal({ clock, inFlight }: InFlightDeps): Signal {
  const seenOpenAt = new WeakMap<Subject, number>();
  return {
    name: "proxy",
    needs: null,
    asks: false,
    covers: () => true,
    required: () => false,
    read(subject) {
      const count = inFlight.count(subject.spec.alias);
      const inUse = count > 0;
      if (inUse) seenOpenAt.set(subject, clock.now());
      const lastUsedAt = seenOpenAt.get(subject) ?? null;
      const text = `${inUse ? counted(count, "open request") : "no open request"} through nodoff`;
      return { kind: "read", lastUsedAt, inUse, text };
    },
  };
}
