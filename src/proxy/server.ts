import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import { createSecureServer, createServer as createHttp2Server } from "node:http2";
import type { Server, Socket } from "node:net";
import type { Clock } from "../core/clock.ts";
import type { Certificates } from "./certificates.ts";
import { toSessionOptions, watchSession } from "./sessions.ts";

/** How long a request's head may take. */
export interface HeadTimeouts {
  readonly headersMs: number;
  /** How often it is looked who takes longer. */
  readonly checkMs: number;
}

/** Who takes longer to send a head holds a connection open, no more. Bodies may take as long as they like. */
const headTimeouts: HeadTimeouts = { headersMs: 60_000, checkMs: 5_000 };

/** Above the idle time of load balancers and browsers, so that they and not we end what they are about to use. */
const keepAliveMs = 65_000;

/** Cookies of some apps are larger than Node's default of 16 kB. */
export const maxHeaderBytes = 65_536;

export interface ServerDeps {
  readonly clock: Clock;
  /** What clients are shown: TLS. Left out: in the clear. */
  readonly certificates?: Pick<Certificates, "find" | "onDefault"> | undefined;
  /** Left out: the limits of production. */
  readonly timeouts?: HeadTimeouts | undefined;
  /** Which requests of HTTP/1.1 become a tunnel. */
  readonly shouldUpgrade: (req: IncomingMessage) => boolean;
  /** How far a connection is: nothing was asked yet, or all is answered, or not, or an answer has begun. */
  readonly progressOf: (socket: Socket) => "new" | "idle" | "waiting" | "answering";
}

/** A server for HTTP/1.1 and HTTP/2 that does not listen yet. */
export interface HttpServer {
  /** Emits `request`, `checkContinue` and `upgrade`; what comes by HTTP/2, through Node's compatibility API. */
  readonly server: Server;
  /** Tells HTTP/2 clients to send no more on their connections, which end when what is under way is answered. */
  endSessions(): void;
}

/** TLS with HTTP/2 or HTTP/1.1 as the client wants (ALPN), or both in the clear. */
export function openServer(deps: ServerDeps): HttpServer {
  return deps.certificates === undefined ? openPlain(deps) : openSecure(deps, deps.certificates);
}

function toOptions({ timeouts = headTimeouts, shouldUpgrade }: ServerDeps) {
  return {
    headersTimeout: timeouts.headersMs,
    connectionsCheckingInterval: timeouts.checkMs,
    requestTimeout: 0,
    keepAliveTimeout: keepAliveMs,
    maxHeaderSize: maxHeaderBytes,
    shouldUpgradeCallback: shouldUpgrade,
    // A request without a body, as most are, need not live through the states of a stream.
    optimizeEmptyRequests: true,
  };
}

function openSecure(deps: ServerDeps, certificates: NonNullable<ServerDeps["certificates"]>): HttpServer {
  const server = createSecureServer({
    ...toSessionOptions(maxHeaderBytes),
    allowHTTP1: true,
    SNICallback: (host, done) => done(null, certificates.find(host) ?? undefined),
    handshakeTimeout: (deps.timeouts ?? headTimeouts).headersMs,
  });
  // For HTTP/1.1. Node reads them here, whatever the version; as options only newer ones take them.
  Object.assign(server, { ...toOptions(deps), maxHeadersCount: 0 });
  certificates.onDefault((pem) => server.setSecureContext(pem));
  server.on("session", (session) => watchSession(session, { clock: deps.clock, idleMs: keepAliveMs }));
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => refuse(socket, error.code, deps));
  // Closing the server does it.
  return { server, endSessions: () => undefined };
}

function openPlain(deps: ServerDeps): HttpServer {
  const server = createServer({ ...toOptions(deps), insecureHTTPParser: false });
  // Else those after the two thousandth are dropped without a word; the size of the head is limited anyway.
  server.maxHeadersCount = 0;
  const inner = createHttp2Server(toSessionOptions(maxHeaderBytes));
  inner.on("session", (session) => watchSession(session, { clock: deps.clock, idleMs: keepAliveMs }));
  for (const event of ["request", "checkContinue"])
    inner.on(event, (...args: readonly unknown[]) => void server.emit(event, ...args));
  const handedOver = new WeakSet<Socket>();
  server.on("clientError", (error: ParseError, socket: Socket) => {
    // The parser of HTTP/1.1 still counts the time of a request it will never see.
    if (handedOver.has(socket)) return;
    if (error.code !== "HPE_PAUSED_H2_UPGRADE" || deps.progressOf(socket) !== "new")
      return refuse(socket, error.code, deps);
    handedOver.add(socket);
    handOver(socket, error, (ready) => void inner.emit("connection", ready));
  });
  return { server, endSessions: () => void inner.close(() => undefined) };
}

/** As node:http's parser tells it. */
interface ParseError extends NodeJS.ErrnoException {
  /** What it was given, and how much of that it has read. */
  readonly rawPacket?: Buffer;
  readonly bytesParsed?: number;
}

/** What an HTTP/2 client that knows beforehand begins with (RFC 9113 section 3.4). */
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/**
 * Takes a socket from node:http, whose parser stops at the preface of HTTP/2, with everything the client has sent. So
 * h2c costs requests of HTTP/1.1 nothing: nobody looks at their first bytes twice.
 */
function handOver(socket: Socket, { rawPacket, bytesParsed = 0 }: ParseError, take: (socket: Socket) => void): void {
  const chunks = [preface, rawPacket?.subarray(bytesParsed) ?? Buffer.alloc(0)];
  const keep = (chunk: Buffer): void => void chunks.push(chunk);
  for (const event of ["data", "end", "drain", "timeout", "error"]) socket.removeAllListeners(event);
  // In HTTP/2 a client that has ended its side has left; kept half-open, its streams would count as use for ever.
  socket.allowHalfOpen = false;
  // Somebody who listens for data is what makes the parser let go of the socket below.
  socket
    .on("data", keep)
    .on("error", () => undefined)
    .setTimeout(0);
  // node:http resumes the socket when we return, whatever we do here.
  setImmediate(() => {
    if (socket.destroyed) return;
    socket.off("data", keep).pause().unshift(Buffer.concat(chunks));
    take(socket);
  });
}

const reasons: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
  HPE_CHUNK_EXTENSIONS_OVERFLOW: "413 Payload Too Large",
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
};

/** A client that is refused may still be sending: closed on it at once, it would lose the answer. */
const lingerMs = 2_000;

/** What node:http does for malformed requests; but over TLS it would throw its own answer away. */
function refuse(socket: Socket, code: string | undefined, { clock, progressOf }: ServerDeps): void {
  const progress = progressOf(socket);
  if (!socket.writable || progress === "answering") return void socket.destroy();
  socket.end(`HTTP/1.1 ${reasons[code ?? ""] ?? "400 Bad Request"}\r\nConnection: close\r\n\r\n`);
  if (progress === "waiting" || code === "ERR_HTTP_REQUEST_TIMEOUT") return socket.destroySoon();
  const cancel = clock.after(lingerMs, () => socket.destroy());
  socket.removeAllListeners("data").on("data", () => undefined);
  socket.once("close", cancel);
}
