import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Server, Socket } from "node:net";
import type { AccessLog } from "../core/access.ts";
import type { Clock } from "../core/clock.ts";
import type { ErrorCode } from "../core/errors.ts";
import type { Exams } from "../core/exams.ts";
import type { Gate } from "../core/gate.ts";
import type { InFlight } from "../core/in-flight.ts";
import type { Logger } from "../core/logger.ts";
import type { Route } from "../core/route.ts";
import type { Dialed } from "../net/dialed.ts";
import { closeServer } from "../net/listen.ts";
import type { OriginPools } from "../net/origin-pools.ts";
import { toUpstreamFailure } from "../net/upstream-error.ts";
import { watchResponse, watchSocket } from "./access.ts";
import { admit } from "./admission.ts";
import type { OnLeave } from "./admission.ts";
import { redirect, reply, replyFailure } from "./answers.ts";
import type { Certificates } from "./certificates.ts";
import { enter } from "./entrance.ts";
import type { Entrance, EntranceDeps } from "./entrance.ts";
import { noteExam } from "./examining.ts";
import { serveFile } from "./files.ts";
import { forward } from "./forward.ts";
import { isHttp2, isStreamGone, toPlainHeaders } from "./http2.ts";
import { createLimiter } from "./limiter.ts";
import type { Limiter } from "./limiter.ts";
import { trustOf } from "./peer.ts";
import { expectProxyHeader } from "./proxy-header.ts";
import { closeAfterBody, discardRest } from "./request-body.ts";
import { addExtras } from "./response-headers.ts";
import { maxHeaderBytes, openServer } from "./server.ts";
import type { HeadTimeouts } from "./server.ts";
import { refuseLongHead } from "./sessions.ts";
import { hasBody } from "./target.ts";
import { toProblem } from "../core/problem.ts";
import { createSocketResponse, forwardUpgrade } from "./upgrade.ts";
import { createWaitingSocket } from "./waiting-socket.ts";

export interface ProxyDeps extends EntranceDeps {
  readonly gate: Gate;
  /** The page channel: answers everything below `/.nodoff/`. */
  readonly reserved: (
    req: IncomingMessage,
    res: ServerResponse,
    asked: { readonly route: Route; readonly client: string },
  ) => void;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly pools: OriginPools;
  /** Counts requests per client; shared by all ports, so that a second port is no second allowance. */
  readonly limiter?: Limiter;
  readonly inFlight: InFlight;
  /** What `nodoff doctor` sends is noted here. */
  readonly exams?: Exams;
  /** Learns of connections made for upgrades; `pools` tell of theirs themselves. */
  readonly dialed?: Pick<Dialed, "add">;
  /** `listen.accept_proxy_protocol`: trusted peers begin with a PROXY header. Read once. */
  readonly acceptsProxyHeader?: boolean;
  /** Where requests are noted; null or left out = nowhere. Read per request. */
  readonly accessLog?: AccessLog | null;
  /** What clients are shown: this port speaks TLS. Left out: in the clear. */
  readonly certificates?: Pick<Certificates, "find" | "onDefault">;
  /** Clients that speak no TLS are sent to https at this port; left out: they are served. */
  readonly redirectPort?: number;
  /** Set for the fallback port: whether the peer may ask; else it has been answered. */
  readonly admits?: (req: IncomingMessage, res: ServerResponse) => boolean;
  /** Left out: the limits of production. */
  readonly timeouts?: HeadTimeouts;
}

/** Our own proxy (design §11). Its owner lets `server` listen. */
export interface Proxy {
  readonly server: Server;
  /** Takes no more, ends upgraded sockets, waits up to `graceMs` for requests, then cuts them. Pools are not closed. */
  close(options: { readonly graceMs: number }): Promise<void>;
}

const refused: Entrance = { kind: "refused", code: "BAD_REQUEST" };

type Found = Entrance & { readonly kind: "route" };

/** The two ways out for one request: as a response, or as a tunnel. */
interface Exit {
  readonly req: IncomingMessage;
  /** For an answer of our own. Asked for at most once. */
  response(): ServerResponse;
  readonly onLeave: OnLeave;
  isGone(): boolean;
  /** Runs `end` once, however the request ends. */
  onEnd(end: () => void): void;
  forward(found: Found, refuse: (code: ErrorCode) => void, onFailure: (error: unknown) => void): void;
}

/** The proxy over its routes. Every request takes the same way: route, gate, upstream. */
export function createProxy(deps: ProxyDeps): Proxy {
  const { clock, limiter = createLimiter(clock) } = deps;
  const limited = Object.assign(Object.create(deps) as ProxyDeps, { limiter });
  const upgraded = new Set<Socket>();
  const connections = new Set<Socket>();
  const latest = new WeakMap<Socket, ServerResponse>();
  // An upgrade sent behind a request that is not answered yet has nowhere to put its own answer.
  const isBusy = (socket: Socket): boolean => latest.get(socket)?.closed === false;
  const { server, endSessions } = openServer({
    clock,
    certificates: deps.certificates,
    timeouts: deps.timeouts,
    shouldUpgrade: (req) => mayUpgrade(req) && !isBusy(req.socket),
    progressOf(socket) {
      const res = latest.get(socket);
      if (res === undefined) return "new";
      if (res.closed) return "idle";
      // A pipelined one without a socket waits for the answer before it.
      return res.headersSent || res.socket === null ? "answering" : "waiting";
    },
  });
  const answer = (caller: ResponseCaller, entrance: Entrance): void => {
    const { req, res } = caller;
    const log = deps.accessLog ?? null;
    if (log !== null) watchResponse({ req, res, route: aliasOf(entrance) }, { ...trustOf(deps), clock, log });
    serve(entrance, createResponseExit(caller, deps), limited);
  };
  const onRequest = (req: IncomingMessage, res: ServerResponse, expectsContinue: boolean): void => {
    if (isHttp2(req)) return onStream(req, res, expectsContinue);
    latest.set(req.socket, res);
    // A pipelined request waits for its turn: before that nobody would tell that its client has left.
    if (res.socket === null) return void res.once("socket", () => onRequest(req, res, expectsContinue));
    // It was read after its client had reset the connection: nobody waits for it, and nobody knows who sent it.
    if (req.socket.remoteAddress === undefined) return void req.socket.destroy();
    if (deps.admits?.(req, res) === false) return discardRest(req, clock);
    answer({ req, res, expectsContinue }, enter(req, false, deps));
  };
  const onStream = (req: IncomingMessage, res: ServerResponse, expectsContinue: boolean): void => {
    // As above where its connection was reset; the session ends by itself.
    if (isStreamGone(req) || req.socket.remoteAddress === undefined) return;
    if (refuseLongHead(req, res, maxHeaderBytes)) return;
    answer({ req, res, expectsContinue }, toPlainHeaders(req) ? enter(req, false, deps) : refused);
  };
  const cutSilent = deps.acceptsProxyHeader === true ? expectProxyHeader(server, { ...trustOf(deps), clock }) : null;
  server.on("request", (req: IncomingMessage, res: ServerResponse) => onRequest(req, res, false));
  // Without this listener node:http says "100 Continue" by itself, also to whom we hold or refuse.
  server.on("checkContinue", (req: IncomingMessage, res: ServerResponse) => onRequest(req, res, true));
  server.on("upgrade", (req: IncomingMessage, socket: Socket, head: Buffer) => {
    // node:http has taken its own listeners off.
    socket.on("error", () => socket.destroy());
    if (socket.remoteAddress === undefined || isBusy(socket)) return void socket.destroy();
    upgraded.add(socket);
    socket.once("close", () => upgraded.delete(socket));
    if (deps.admits !== undefined && !deps.isTrusted(socket.remoteAddress))
      return void deps.admits(req, createSocketResponse(req, socket));
    const entrance = mayUpgrade(req) ? enter(req, true, deps) : refused;
    const log = deps.accessLog ?? null;
    if (log !== null) watchSocket({ req, socket, route: aliasOf(entrance) }, { ...trustOf(deps), clock, log });
    serve(entrance, createSocketExit({ req, socket, head }, deps), limited);
  });
  server.on("connection", (socket: Socket) => {
    connections.add(socket);
    socket.once("close", () => connections.delete(socket));
  });
  return {
    server,
    async close({ graceMs }) {
      const closing = closeServer(server, { clock, graceMs });
      cutSilent?.();
      endSessions();
      for (const socket of upgraded) socket.destroySoon();
      await closing;
      for (const socket of [...upgraded, ...connections]) socket.destroy();
    },
  };
}

function aliasOf(entrance: Entrance): string | null {
  return entrance.kind === "refused" ? null : (entrance.route?.spec.alias ?? null);
}

/**
 * Which requests become a tunnel. Not those that also carry a body; nor h2c, through which a client would speak to the
 * upstream past everything that is decided here. They go on as plain requests, without their Upgrade (before Node 24.9,
 * which asks nobody, they are refused).
 */
function mayUpgrade(req: IncomingMessage): boolean {
  return !hasBody(req) && !/\bh2c\b/i.test(req.headers.upgrade ?? "");
}

function serve(entrance: Entrance, exit: Exit, deps: ProxyDeps & { readonly limiter: Limiter }): void {
  const { gate, clock, logger, inFlight, limiter } = deps;
  const refuse = (code: ErrorCode, route?: Route, retryAfterS?: number): void => {
    const about = { ...(route !== undefined && { route: route.spec.alias }) };
    replyFailure(exit.req, exit.response(), { code, ...about, ...(retryAfterS !== undefined && { retryAfterS }) });
    discardRest(exit.req, clock);
  };
  if (entrance.kind === "refused") return refuse(entrance.code);
  if (entrance.kind === "name") return deps.names?.serve(exit.req, exit.response(), entrance);
  const { route } = entrance;
  if (entrance.kind === "reserved") {
    route.decisions.reserved++;
    return deps.reserved(exit.req, exit.response(), entrance);
  }
  if (entrance.facts.probe && deps.exams !== undefined) noteExam(exit.req, entrance, deps.exams);
  if (deps.redirectPort !== undefined && entrance.facts.proto === "http") {
    redirect(exit.response(), entrance.facts, deps.redirectPort);
    return discardRest(exit.req, clock);
  }
  // Before the gate: what is too much for the route wakes nothing.
  const excess = route.spec.limits === undefined ? null : limiter.excess(route.spec.limits, exit.req, entrance);
  if (excess !== null) return refuse(excess.code, route, excess.retryAfterS);
  const onlyWakes = deps.isFallback === true && route.spec.fallback !== "proxy";
  const via = onlyWakes ? "docker" : "url";
  admit(gate, { route, facts: entrance.facts, onLeave: exit.onLeave, via }, (answer) => {
    if (answer.kind === "left" || exit.isGone()) return;
    switch (answer.kind) {
      case "broken":
        logger.error("request not decided", { alias: route.spec.alias, error: String(answer.error) });
        return refuse("INTERNAL", route);
      case "reply":
        reply(exit.response(), answer);
        return discardRest(exit.req, clock);
      case "allow":
        if (onlyWakes) return presentAwake(entrance, exit, deps);
        if (answer.counted !== false) exit.onEnd(inFlight.carry(route));
        if (route.spec.files !== undefined && entrance.facts.upgrade) return refuse("BAD_REQUEST", route);
        return exit.forward(entrance, refuse, (error) => {
          const code = noteFailure(route, error, logger);
          if (!exit.isGone()) refuse(code, route);
        });
    }
  });
}

/**
 * It is awake, and yet the proxy sent the request here: it does not know of it yet, or never will. Asking it to send the
 * request again could go on for ever, so this is the page, or a 503 that says when to come again.
 */
function presentAwake({ route, facts }: Found, exit: Exit, { gate, clock }: ProxyDeps): void {
  const answer = gate.present(route, facts);
  const shown = answer.kind === "reply" ? answer : toProblem({ code: "UPSTREAM_FAILED", retryAfterS: 1 });
  reply(exit.response(), shown);
  discardRest(exit.req, clock);
}

function noteFailure(route: Route, error: unknown, logger: Logger): ErrorCode {
  const { code, detail } = toUpstreamFailure(error);
  if (code === "BAD_REQUEST" || code === "BODY_TOO_BIG") return code;
  logger.warn("upstream failed", { alias: route.spec.alias, code, detail });
  // Ready, and yet not there: look before the next one is sent the same way.
  route.workload?.recheck();
  return code;
}

interface ResponseCaller {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly expectsContinue: boolean;
}

function createResponseExit({ req, res, expectsContinue }: ResponseCaller, deps: ProxyDeps): Exit {
  return {
    req,
    response() {
      closeAfterBody(req, res);
      return res;
    },
    onLeave: (leave) => void res.once("close", leave),
    isGone: () => (isHttp2(req) ? isStreamGone(req) : res.destroyed || req.socket.destroyed),
    onEnd: (end) => void res.once("close", end),
    forward({ route, outgoing }, refuse, onFailure) {
      const { files } = route.spec;
      if (files === undefined) return forward({ req, res, route, outgoing, expectsContinue, onFailure }, deps);
      const extras: OutgoingHttpHeaders = {};
      addExtras(extras, outgoing, req);
      for (const name in extras) res.setHeader(name, extras[name] ?? "");
      serveFile({ req, res, files, outgoing, refuse }).catch(onFailure);
      discardRest(req, deps.clock);
    },
  };
}

interface SocketCaller {
  readonly req: IncomingMessage;
  readonly socket: Socket;
  readonly head: Buffer;
}

function createSocketExit({ req, socket, head }: SocketCaller, deps: ProxyDeps): Exit {
  const waiting = createWaitingSocket(socket, head);
  return {
    req,
    response() {
      waiting.release();
      return createSocketResponse(req, socket);
    },
    onLeave: (leave) => waiting.onLeave(leave),
    isGone: () => socket.destroyed,
    onEnd: (end) => void socket.once("close", end),
    forward: ({ route, outgoing }, _refuse, onFailure) =>
      forwardUpgrade({ req, socket, waiting, route, outgoing, onFailure }, deps),
  };
}
