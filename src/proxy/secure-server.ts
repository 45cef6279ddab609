import type { IncomingMessage, ServerResponse } from "node:http";
import { createSecureServer as createHttp2Server } from "node:http2";
import type { Http2SecureServer, ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import type { Clock } from "../core/clock.ts";
import type { Certificates } from "./certificates.ts";
import { headSize } from "./http2.ts";

/** Of one connection at one time. */
const maxStreams = 128;
/** What a client may send ahead of each request's reader, and ahead of all readers of a connection. */
const streamWindow = 262_144;
const sessionWindow = 1_048_576;
/** Fields of a head: browsers send each cookie as one. */
const maxHeaderPairs = 2_000;

export interface SecureServerOptions {
  readonly certificates: Pick<Certificates, "find" | "onDefault">;
  readonly clock: Clock;
  readonly headersMs: number;
  readonly checkMs: number;
  readonly keepAliveMs: number;
  readonly maxHeaderBytes: number;
  /** Whether a request of that connection is still to be answered. */
  readonly isBusy: (socket: Socket) => boolean;
  readonly shouldUpgrade: (req: IncomingMessage) => boolean;
}

/**
 * A server that speaks TLS with HTTP/2 and HTTP/1.1, as the client wants (ALPN). Requests of both come as `request` and
 * `checkContinue`, those of HTTP/2 through Node's compatibility API.
 */
export function createSecureServer(options: SecureServerOptions): Http2SecureServer {
  const { certificates, headersMs, maxHeaderBytes, keepAliveMs } = options;
  const server = createHttp2Server({
    allowHTTP1: true,
    SNICallback: (host, done) => done(null, certificates.find(host) ?? undefined),
    handshakeTimeout: headersMs,
    // What an upstream repeats is passed on as it is.
    strictSingleValueFields: false,
    maxHeaderListPairs: maxHeaderPairs,
    settings: {
      enablePush: false,
      maxConcurrentStreams: maxStreams,
      initialWindowSize: streamWindow,
      // Longer heads are refused with 431 up to here; beyond, the stream is reset.
      maxHeaderListSize: maxHeaderBytes * 2,
    },
  });
  // For HTTP/1.1. Node reads them here, whatever the version; as options only newer ones take them.
  Object.assign(server, {
    headersTimeout: headersMs,
    connectionsCheckingInterval: options.checkMs,
    requestTimeout: 0,
    keepAliveTimeout: keepAliveMs,
    maxHeaderSize: maxHeaderBytes,
    maxHeadersCount: 0,
    shouldUpgradeCallback: options.shouldUpgrade,
  });
  certificates.onDefault((pem) => server.setSecureContext(pem));
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
    if (!socket.writable || options.isBusy(socket)) socket.destroy();
    else refuse(socket, error.code, options.clock);
  });
  server.on("session", (session) => watchSession(session, keepAliveMs));
  return server;
}

const reasons: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
  HPE_CHUNK_EXTENSIONS_OVERFLOW: "413 Payload Too Large",
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
};

/** A client that is refused may still be sending: closed on it, it would lose the answer. */
const lingerMs = 2_000;

/** What node:http does for malformed requests, but over TLS it would throw its own answer away. */
function refuse(socket: Socket, code: string | undefined, clock: Clock): void {
  const cancel = clock.after(lingerMs, () => socket.destroy());
  socket.removeAllListeners("data").on("data", () => undefined);
  socket.once("close", cancel).end(`HTTP/1.1 ${reasons[code ?? ""] ?? "400 Bad Request"}\r\nConnection: close\r\n\r\n`);
}

/** Widens its window, and ends it when it was idle for so long. */
function watchSession(session: ServerHttp2Session, idleMs: number): void {
  let streams = 0;
  session.setLocalWindowSize(sessionWindow);
  session.on("stream", (stream) => {
    streams++;
    stream.once("close", () => streams--);
  });
  // Told again after each silence; an open stream may be silent for hours.
  session.setTimeout(idleMs, () => {
    if (streams === 0) session.close();
  });
}

/** Answers a head that is too long, as the parser of HTTP/1.1 does by itself. True = it was. */
export function refuseLongHead(req: IncomingMessage, res: ServerResponse, maxHeaderBytes: number): boolean {
  if (headSize(req.rawHeaders) <= maxHeaderBytes) return false;
  res.writeHead(431).end();
  return true;
}
