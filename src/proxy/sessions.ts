import type { IncomingMessage, ServerResponse } from "node:http";
import type { ServerHttp2Session, ServerOptions } from "node:http2";
import type { Clock } from "../core/clock.ts";
import { headSize } from "./http2.ts";

/** Of one connection at one time. */
const maxStreams = 128;
/** What a client may send ahead of each request's reader, and ahead of all readers of a connection. */
const streamWindow = 262_144;
const sessionWindow = 1_048_576;
/** A request that was on its way when the connection was to end may still come. */
const lingerMs = 2_000;
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

/**
 * Widens the window of a new session, and ends it once it had no stream for so long: pings, and a head that never ends,
 * are no use.
 */
export function watchSession(
  session: ServerHttp2Session,
  { clock, idleMs }: { readonly clock: Clock; readonly idleMs: number },
): void {
  let streams = 0;
  let idleSince = clock.now();
  session.setLocalWindowSize(sessionWindow);
  session.on("stream", (stream) => {
    streams++;
    stream.once("close", () => {
      streams--;
      idleSince = clock.now();
    });
  });
  // No timer per request: looked at again when the last look's time has passed.
  const look = (): void => {
    const leftMs = streams > 0 ? idleMs : idleSince + idleMs - clock.now();
    if (leftMs > 0) return void (cancel = clock.after(leftMs, look));
    session.close();
    // Closing waits for a head that was begun, for ever where it never ends.
    cancel = clock.after(lingerMs, () => (streams > 0 ? look() : session.destroy()));
  };
  let cancel = clock.after(idleMs, look);
  session.once("close", () => cancel());
}

/** Answers a head that is too long, as the parser of HTTP/1.1 does by itself. True = it was. */
export function refuseLongHead(req: IncomingMessage, res: ServerResponse, maxHeaderBytes: number): boolean {
  if (headSize(req.rawHeaders) <= maxHeaderBytes) return false;
  res.writeHead(431).end();
  return true;
}
