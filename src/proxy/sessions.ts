import type { IncomingMessage, ServerResponse } from "node:http";
import type { ServerHttp2Session, ServerOptions } from "node:http2";
import { headSize } from "./http2.ts";

/** Of one connection at one time. */
const maxStreams = 128;
/** What a client may send ahead of each request's reader, and ahead of all readers of a connection. */
const streamWindow = 262_144;
const sessionWindow = 1_048_576;
/** Fields of a head: browsers send each cookie as one. */
const maxHeaderPairs = 2_000;

/** What an HTTP/2 client may ask of us. Opening and resetting streams without end is limited by nghttp2 itself. */
export function toSessionOptions(maxHeaderBytes: number): ServerOptions {
  return {
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
  };
}

/** Widens the window of a new session, and ends it when it was idle for so long. */
export function watchSession(session: ServerHttp2Session, idleMs: number): void {
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
