import { formatDuration } from "../core/duration.ts";
import { counted } from "./reading.ts";

/**
 * Tells use from a proxy's pool of idle connections, by what can be known from outside. A pool opens connections for
 * requests only and closes them after its idle time; every request asks nodoff first. So these are use, surely:
 *
 * 1. any connection while bytes move;
 * 2. one that appeared while there was no request at all;
 * 3. one that is open for longer than a pool keeps it since the last request and the last bytes.
 *
 * But for bytes, a connection must last a second: a monitor that connects to the app itself must not reset the idle time
 * because a look happened to meet it.
 *
 * Younger silent ones may be either. They count as in use, but not as used: once they are gone, the idle time still
 * counts from the last real use. Where Caddy says that it carries nothing, what comes from Caddy is its pool.
 *
 * Uncounted requests (monitors) keep a pool's connection alive for ever, one: a proxy takes the one it used last. While
 * they come, one silent connection alone is taken for that, two are not.
 */
export interface SeenSocket {
  /** The workload's own port. */
  readonly port: number;
  /** Address of the other end. */
  readonly host: string;
  /** Monotonic ms of the first look that saw it. */
  readonly firstSeenAt: number;
  /** It appeared between two looks between which no request was made. */
  readonly isUnasked: boolean;
}

/** Times are the clock's monotonic ms. */
export interface PoolFacts {
  /** When the sockets were looked at. */
  readonly now: number;
  readonly sockets: readonly SeenSocket[];
  /** Bytes over the floor since the last look. */
  readonly isMoving: boolean;
  /** Last time they did; -Infinity = not since it looks. */
  readonly movedAt: number;
  /** Since when nothing moves for sure; null = not known. */
  readonly silentSince: number | null;
  /** First look since it is awake. */
  readonly lookingSince: number;
  /** Last counted request. */
  readonly requestAt: number;
  /** Last request that does not count. */
  readonly uncountedAt: number;
  /** How long a proxy keeps an idle connection; 0 = it keeps none. */
  readonly poolIdleMs: number;
  readonly staleAfterMs: number | null;
  /** Caddy carries nothing to it: what is Caddy's is idle. `busyAt`: when it last did. null = Caddy does not tell. */
  readonly caddy: { readonly busyAt: number; isCaddy(host: string, port: number): boolean } | null;
}

/** `isSure`: it is being used now, beyond doubt. */
export interface PoolVerdict {
  readonly inUse: boolean;
  readonly isSure: boolean;
  readonly text: string;
}

/** A request may last so long after its hook was answered before its connection goes idle; closing takes time too. */
const slackMs = 5_000;
/** What was first seen less long ago may be gone in a moment. */
const lastingMs = 1_000;

/** Pure: the rules above. */
export function judgeSockets(facts: PoolFacts): PoolVerdict {
  const { sockets, now, isMoving } = facts;
  if (sockets.length === 0) return idle("no open connection");
  const live = sockets.filter((socket) => !isStale(socket, facts));
  if (live.length === 0)
    return idle(`${counted(sockets.length, "open connection")}, silent for longer than stale_after`);
  const open = live.filter((socket) => !isCaddysPool(socket, facts));
  if (open.length === 0) return idle(`${counted(live.length, "idle connection")} of Caddy`);
  const text = `${counted(open.length, "open connection")} from ${hostsOf(open)}`;
  if (isMoving) return { inUse: true, isSure: true, text };
  const lasting = open.filter((socket) => isLasting(socket, now));
  if (lasting.some(({ isUnasked }) => isUnasked)) return { inUse: true, isSure: true, text };
  const longestMs = facts.poolIdleMs + slackMs;
  const openUntil = Math.max(facts.requestAt, facts.movedAt, facts.lookingSince) + longestMs;
  if (now <= openUntil) return undecided(text, openUntil - now);
  const renewed = now <= facts.uncountedAt + longestMs ? 1 : 0;
  if (lasting.length > renewed) return { inUse: true, isSure: true, text };
  // Met for the first time: the next look tells.
  if (open.length > lasting.length) return { inUse: true, isSure: false, text };
  return idle(`${text}, kept by requests that do not count`);
}

function isStale(socket: SeenSocket, facts: PoolFacts): boolean {
  const { now, staleAfterMs, silentSince, requestAt } = facts;
  if (staleAfterMs === null || silentSince === null) return false;
  return now - Math.max(silentSince, requestAt, socket.firstSeenAt) > staleAfterMs;
}

/** From Caddy, opened for a request, and not older than Caddy lets idle ones become. */
function isCaddysPool(socket: SeenSocket, facts: PoolFacts): boolean {
  const { caddy, now, requestAt, uncountedAt, lookingSince, poolIdleMs } = facts;
  if (caddy === null || socket.isUnasked || !caddy.isCaddy(socket.host, socket.port)) return false;
  return now <= Math.max(requestAt, uncountedAt, caddy.busyAt, lookingSince) + poolIdleMs + slackMs;
}

function isLasting({ firstSeenAt }: SeenSocket, now: number): boolean {
  return now - firstSeenAt >= lastingMs;
}

/** Who holds them, for whoever wants to know why it stays awake. */
function hostsOf(sockets: readonly SeenSocket[]): string {
  const hosts = [...new Set(sockets.map(({ host }) => host))];
  return `${hosts.slice(0, 2).join(", ")}${hosts.length > 2 ? ", …" : ""}`;
}

function idle(text: string): PoolVerdict {
  return { inUse: false, isSure: false, text };
}

function undecided(text: string, leftMs: number): PoolVerdict {
  return {
    inUse: true,
    isSure: false,
    text: `${text}, silent: perhaps a proxy's idle pool, ${formatDuration(leftMs)} more at most`,
  };
}
