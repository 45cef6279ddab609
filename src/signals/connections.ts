import type { Clock } from "../core/clock.ts";
import type { Reading, Signal, Subject } from "../core/signal.ts";
import type { CaddyUpstreams, CaddyView } from "./caddy-upstreams.ts";
import { judgeSockets } from "./idle-pool.ts";
import type { PoolFacts } from "./idle-pool.ts";
import { counted, toWhy } from "./reading.ts";
import type { Samples } from "./samples.ts";
import type { Sockets, SocketsLook } from "./sockets.ts";

export interface ConnectionsDeps {
  readonly clock: Clock;
  /** null = not configured now. */
  caddy(): CaddyUpstreams | null;
  readonly sockets: Sockets;
  readonly samples: Samples;
  /** How long a proxy keeps an idle connection to an app. */
  poolIdleMs(): number;
}

/** What is kept per workload; monotonic ms, -Infinity = never. */
interface Memory {
  usedAt: number;
  movedAt: number;
  silentSince: number | null;
  lookingSince: number;
  caddyBusyAt: number;
}

/** Bytes per second that move something, where the network signal has no floor. */
const defaultFloor = 256;

/** How long a request that does not count may take. */
const uncountedLastsMs = 5_000;

/** How long Caddy keeps an idle connection unless told otherwise (`keepalive` of its http transport). */
const caddyPoolMs = 120_000;

const mend = "mount the host's /proc or run with pid: host, or let the socket proxy allow exec, or set signals.caddy";

/**
 * Open connections: sockets, streams, downloads, clients of a database. Two sources, either of which will do: what Caddy
 * says it carries, and the connections established to the workload's ports, of which a proxy's idle ones are no use
 * (idle-pool.ts).
 */
export function createConnectionsSignal(deps: ConnectionsDeps): Signal {
  const { clock } = deps;
  const memories = new WeakMap<Subject, Memory>();

  function memoryOf(subject: Subject): Memory {
    const known = memories.get(subject);
    if (known !== undefined && known.lookingSince >= subject.awakeSince) return known;
    const never = Number.NEGATIVE_INFINITY;
    const usedAt = known?.usedAt ?? never;
    const fresh = { usedAt, movedAt: never, silentSince: null, lookingSince: clock.now(), caddyBusyAt: never };
    memories.set(subject, fresh);
    return fresh;
  }

  return {
    name: "connections",
    needs: "host /proc or exec",
    asks: true,
    covers: (subject) => subject.spec.activity.connections !== null && (hasSockets(subject) || deps.caddy() !== null),
    required: ({ spec }) => spec.activity.connections?.required ?? false,
    async read(subject, options) {
      const memory = memoryOf(subject);
      const [caddy, sockets, bytes] = await Promise.all([
        settled(deps.caddy()?.view(subject, options) ?? null),
        hasSockets(subject) ? settled(deps.sockets.look(subject, options)) : null,
        hasSockets(subject) ? settled(bytesPerS(deps.samples, subject, options)) : null,
      ]);
      const now = clock.now();
      const view = caddy?.value ?? null;
      if (view !== null && view.open > 0) {
        memory.caddyBusyAt = now;
        // A request that does not count may be the one: it keeps awake while it lasts, and is no use.
        const uncounted = now - subject.uncountedAt < uncountedLastsMs ? 1 : 0;
        if (view.open > uncounted) memory.usedAt = now;
        return read(memory, true, `${counted(view.open, "open request")} through Caddy`);
      }
      if (sockets?.value === undefined) {
        if (view !== null) return read(memory, false, "no open request through Caddy");
        const unlisted = deps.caddy() === null ? null : "Caddy has no upstream at its address";
        const whys = [caddy?.why ?? unlisted, sockets?.why].filter((why) => typeof why === "string");
        return { kind: "unreadable", why: whys.join("; ") || "nobody to ask" };
      }
      const isMoving = note(memory, subject, bytes?.value ?? null, now);
      const poolIdleMs = Math.max(deps.poolIdleMs(), deps.caddy() === null ? 0 : caddyPoolMs);
      const { inUse, isSure, text } = judgeSockets(
        toFacts(subject, memory, { look: sockets.value, isMoving, view, poolIdleMs }),
      );
      if (isSure) memory.usedAt = now;
      const whyNot = caddy?.why === undefined ? "" : ` (${caddy.why})`;
      return read(memory, inUse, `${text}${whyNot}`);
    },
  };
}

/** Members of a group are asked themselves. */
function hasSockets({ spec }: Subject): boolean {
  return spec.kind !== "group" && spec.kind !== "compose";
}

type Settled<T> = { readonly value: T; readonly why?: never } | { readonly value?: never; readonly why: string };

async function settled<T>(answer: Promise<T> | null): Promise<Settled<T> | null> {
  if (answer === null) return null;
  try {
    return { value: await answer };
  } catch (error) {
    return { why: toWhy(error, mend) };
  }
}

/** Both ways: an upload moves too. null = not known; 0 as long as there is nothing to compare with. */
async function bytesPerS(
  samples: Samples,
  subject: Subject,
  options: { readonly signal: AbortSignal },
): Promise<number | null> {
  const { counters, growth } = await samples.take(subject, options);
  if (counters.rxBytes === undefined && counters.txBytes === undefined) return null;
  if (growth === null) return 0;
  return (((growth.rxBytes ?? 0) + (growth.txBytes ?? 0)) * 1_000) / growth.ms;
}

function note(memory: Memory, { spec }: Subject, rate: number | null, now: number): boolean {
  if (rate === null) {
    memory.silentSince = null;
    return false;
  }
  const isMoving = rate > 0 && rate >= (spec.activity.network?.floorBytesPerS ?? defaultFloor);
  if (isMoving) memory.movedAt = now;
  memory.silentSince = isMoving ? now : (memory.silentSince ?? now);
  return isMoving;
}

interface Seen {
  readonly look: SocketsLook;
  readonly isMoving: boolean;
  readonly view: CaddyView | null;
  readonly poolIdleMs: number;
}

function toFacts(subject: Subject, memory: Memory, { look, isMoving, view, poolIdleMs }: Seen): PoolFacts {
  return {
    now: look.at,
    sockets: look.sockets,
    isMoving,
    poolIdleMs,
    movedAt: memory.movedAt,
    silentSince: memory.silentSince,
    lookingSince: memory.lookingSince,
    requestAt: subject.lastUsedAt,
    uncountedAt: subject.uncountedAt,
    staleAfterMs: subject.spec.activity.connections?.staleAfterMs ?? null,
    caddy: view === null ? null : { busyAt: memory.caddyBusyAt, isCaddy: (host, port) => view.isCaddy(host, port) },
  };
}

function read({ usedAt }: Memory, inUse: boolean, text: string): Reading {
  return { kind: "read", lastUsedAt: usedAt === Number.NEGATIVE_INFINITY ? null : usedAt, inUse, text };
}
