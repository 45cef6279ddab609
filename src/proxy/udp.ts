import { createSocket } from "node:dgram";
import type { RemoteInfo, Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import type { Cancel } from "../core/clock.ts";
import type { Route } from "../core/route.ts";
import { toRouteContext } from "../core/route-context.ts";
import type { ListenSpec, StreamSpec } from "../core/spec.ts";
import { normaliseAddress } from "../net/trust.ts";
import { isWorthRedialing } from "../net/upstream-error.ts";
import { admit } from "./admission.ts";
import { isAllowed, noAddress, noteStreamFailure, toStreamFacts, toStreamRoute } from "./stream-door.ts";
import type { StreamDeps } from "./stream-door.ts";

/** A UDP route's door. Its owner binds `socket`. */
export interface UdpDoor {
  readonly socket: Socket;
  /** Clients that are being served or wait. */
  readonly sessions: number;
  close(): void;
}

/** Kept for a client that waits; more is dropped, as a network would. */
const maxWaiting = 64;
const maxWaitingBytes = 65_536;
/** A flood of made-up senders must not cost more than this; the one silent for longest makes room. */
const maxSessions = 4_096;
/** A service that has just been woken may not listen yet, and nothing tells when: what it refused is sent again for so long. */
const listensWithinMs = 30_000;
/** What was not refused by then has arrived. */
const refusedWithinMs = 2_000;
const firstGapMs = 25;
const maxGapMs = 400;

/** One client of a route, by its address and port. */
interface Session {
  readonly route: Route;
  readonly stream: StreamSpec;
  /** Not answered yet, oldest first: sent again where the service refuses them at its start. */
  readonly waiting: Buffer[];
  waitingBytes: number;
  upstream: Socket | null;
  /** Where it was connected to; null = not known, or one of several. */
  origin: string | null;
  hasAnswered: boolean;
  isConnected: boolean;
  lastAt: number;
  cancels: Set<Cancel>;
  readonly leave: AbortController;
  release: (() => void) | null;
}

/**
 * Carries datagrams for the UDP route `alias`: the first of a client wakes what it leads to and is kept until then.
 * Each session is one counted use, and in use until `session_timeout` after its last datagram.
 */
export function createUdpDoor(alias: string, listen: ListenSpec, deps: StreamDeps): UdpDoor {
  const { clock } = deps;
  const type = (listen.host === null ? hasIPv6() : isIPv6(listen.host)) ? "udp6" : "udp4";
  const socket = createSocket({ type });
  const sessions = new Map<string, Session>();

  function end(key: string, session: Session): void {
    if (sessions.get(key) !== session) return;
    sessions.delete(key);
    for (const cancel of session.cancels) cancel();
    session.leave.abort();
    session.upstream?.close();
    session.release?.();
  }

  function open(from: RemoteInfo): Session | null {
    const found = toStreamRoute(deps.registry, alias);
    const client = normaliseAddress(from.address);
    if (found === null || !isAllowed(found.stream, client)) return null;
    const key = keyOf(from);
    for (const [oldest, silent] of sessions) {
      if (sessions.size < maxSessions) break;
      end(oldest, silent);
    }
    const session: Session = {
      ...found,
      waiting: [],
      waitingBytes: 0,
      upstream: null,
      origin: null,
      hasAnswered: false,
      isConnected: false,
      lastAt: clock.now(),
      cancels: new Set(),
      leave: new AbortController(),
      release: null,
    };
    sessions.set(key, session);
    const onLeave = (leave: () => void): void => session.leave.signal.addEventListener("abort", leave, { once: true });
    // After the datagram is kept: an answer may come at once.
    queueMicrotask(() =>
      admit(deps.gate, { route: session.route, facts: toStreamFacts(client), onLeave }, (answer) => {
        if (sessions.get(key) !== session) return;
        if (answer.kind === "broken") deps.logger.error("datagram not decided", { alias, error: String(answer.error) });
        if (answer.kind !== "allow") return end(key, session);
        if (answer.counted !== false) session.release = deps.inFlight.carry(session.route);
        connect(session, from);
        watch(key, session);
      }),
    );
    return session;
  }

  /** Ends the session once nothing came for `session_timeout`. */
  function watch(key: string, session: Session): void {
    const leftMs = session.lastAt + session.stream.sessionTimeoutMs - clock.now();
    if (leftMs <= 0) return end(key, session);
    arm(session, leftMs, () => watch(key, session));
  }

  function arm(session: Session, ms: number, run: () => void): void {
    const cancel = clock.after(ms, () => {
      session.cancels.delete(cancel);
      run();
    });
    session.cancels.add(cancel);
  }

  function connect(session: Session, from: RemoteInfo): void {
    const key = keyOf(from);
    const deadline = clock.now() + listensWithinMs;
    let gapMs = firstGapMs;
    let isArmed = false;
    const fail = (error: unknown): void => {
      if (sessions.get(key) !== session || isArmed) return;
      const mayWait = session.route.workload !== null && !session.hasAnswered && isWorthRedialing(error);
      if (!mayWait || clock.now() + gapMs > deadline) {
        noteStreamFailure(session.route, error, deps.logger);
        return end(key, session);
      }
      isArmed = true;
      arm(session, gapMs, () => {
        isArmed = false;
        dial();
      });
      gapMs = Math.min(gapMs * 2, maxGapMs);
    };
    const dial = (): void => {
      session.upstream?.close();
      session.upstream = null;
      session.isConnected = false;
      // While it waits for the service it is not idle.
      session.lastAt = clock.now();
      const locating = session.route.workload?.locating ?? null;
      if (locating !== null) return void locating.then(() => sessions.get(key) === session && dial());
      session.origin = toFixedOrigin(session.route);
      const to = toRouteContext(session.route);
      if (to === null) return fail(noAddress());
      const upstream = createSocket({ type: isIPv6(to.host) ? "udp6" : "udp4" });
      session.upstream = upstream;
      upstream.on("error", (error) => {
        if (session.upstream === upstream) fail(error);
      });
      upstream.on("message", (reply) => {
        session.hasAnswered = true;
        session.waiting.length = 0;
        session.lastAt = clock.now();
        socket.send(reply, from.port, from.address, () => undefined);
      });
      upstream.connect(to.port, to.host, (error?: Error) => {
        if (session.upstream !== upstream) return;
        // The types do not say that it is called with an error too.
        if (error !== undefined && error !== null) return fail(error);
        session.isConnected = true;
        for (const datagram of session.waiting) upstream.send(datagram, () => undefined);
      });
      // From then on a refusal is the service's own business, and what it did not answer is not owed any more.
      arm(session, refusedWithinMs, () => {
        if (session.upstream !== upstream || isArmed) return;
        session.hasAnswered = true;
        session.waiting.length = 0;
      });
    };
    dial();
  }

  socket.on("message", (datagram, from) => {
    const key = keyOf(from);
    const known = sessions.get(key);
    const isStale = known !== undefined && known.isConnected && hasMoved(known);
    if (isStale) end(key, known);
    const session = known === undefined || isStale ? open(from) : known;
    if (session === null) return;
    session.lastAt = clock.now();
    // To the young end: the silent ones are found at the other.
    sessions.delete(key);
    sessions.set(key, session);
    if (!session.hasAnswered) keep(session, datagram);
    if (session.isConnected) session.upstream?.send(datagram, () => undefined);
  });
  return {
    socket,
    get sessions() {
      return sessions.size;
    },
    close() {
      for (const [key, session] of sessions) end(key, session);
      socket.close();
    },
  };
}

/**
 * Whether the service is asleep by now, or was and came back elsewhere. Nobody tells a UDP socket, and a client that goes
 * on sending would keep its session for ever.
 */
function hasMoved({ route, origin }: Session): boolean {
  return route.workload?.allow === false || toFixedOrigin(route) !== origin;
}

/** The address of a route that has only one at a time. */
function toFixedOrigin(route: Route): string | null {
  const isShared = route.spec.upstreams !== undefined || route.workload?.spec.kind === "group";
  return isShared ? null : route.upstream();
}

function keep(session: Session, datagram: Buffer): void {
  if (session.waiting.length >= maxWaiting || session.waitingBytes + datagram.length > maxWaitingBytes) return;
  session.waiting.push(datagram);
  session.waitingBytes += datagram.length;
}

/** Where there is none, a socket for both families cannot be made. */
function hasIPv6(): boolean {
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ family }) => family === "IPv6"));
}

function keyOf({ address, port }: RemoteInfo): string {
  return `${address} ${port}`;
}
