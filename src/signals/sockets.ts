import type { Clock } from "../core/clock.ts";
import { NodoffError } from "../core/errors.ts";
import type { OpenConnection } from "../core/provider.ts";
import type { Subject } from "../core/signal.ts";
import type { Dialed } from "../net/dialed.ts";
import type { SeenSocket } from "./idle-pool.ts";
import { within } from "./patience.ts";
import { hostOf } from "./places.ts";

export interface SocketsLook {
  /** Monotonic ms. */
  readonly at: number;
  readonly sockets: readonly SeenSocket[];
}

/** Connections others hold to a workload, with what is known of each. */
export interface Sockets {
  /** Rejects with NodoffError when the engine cannot tell. */
  look(subject: Subject, options: { readonly signal: AbortSignal }): Promise<SocketsLook>;
}

export interface SocketsDeps {
  readonly clock: Clock;
  /** nodoff's own connections: what they carry is known better by who opened them. */
  readonly dialed: Pick<Dialed, "has">;
}

const patienceMs = 5_000;
/** A proxy opens a connection for a request so long after its hook was answered, at most. */
const openedAfterMs = 1_000;

interface Look {
  readonly at: number;
  readonly sockets: ReadonlyMap<string, SeenSocket>;
}

export function createSockets({ clock, dialed }: SocketsDeps): Sockets {
  const looks = new WeakMap<Subject, Look>();
  return {
    async look(subject, { signal: outer }) {
      const { provider, spec } = subject;
      const insight = provider.insight;
      if (insight?.connections === undefined) {
        const why = `provider ${provider.name} cannot tell who is connected`;
        throw new NodoffError("ENGINE_ERROR", why);
      }
      // Before the question: whoever connects while it is answered came after the look before and before this one.
      const at = clock.now();
      const open = await within(
        { clock, ms: patienceMs, outer },
        async (signal) => insight.connections?.(spec.ref, { signal }) ?? [],
      );
      const next = follow(subject, looks.get(subject), { at, connections: foreign(open, subject, dialed) });
      looks.set(subject, next);
      return { at, sockets: [...next.sockets.values()] };
    },
  };
}

function foreign(
  open: readonly OpenConnection[],
  subject: Subject,
  dialed: Pick<Dialed, "has">,
): readonly OpenConnection[] {
  const ports = subject.ports();
  return open.filter(({ port, peer }) => (ports === null || ports.includes(port)) && !dialed.has(peer));
}

interface Found {
  readonly at: number;
  readonly connections: readonly OpenConnection[];
}

function follow(subject: Subject, before: Look | undefined, { at, connections }: Found): Look {
  const last = before !== undefined && before.at >= subject.awakeSince ? before : null;
  // No request since well before the last look: no proxy that asks nodoff had a reason to open one.
  const requestAt = Math.max(subject.lastUsedAt, subject.uncountedAt);
  const unasked = last !== null && requestAt + openedAfterMs < last.at;
  const sockets = new Map<string, SeenSocket>();
  for (const { port, peer } of connections) {
    const key = `${port} ${peer}`;
    const known = last?.sockets.get(key);
    sockets.set(key, known ?? { port, host: hostOf(peer), firstSeenAt: at, isUnasked: unasked });
  }
  return { at, sockets };
}
