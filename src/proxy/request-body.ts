import { Readable } from "node:stream";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../core/clock.ts";
import { NodoffError } from "../core/errors.ts";

const highWaterMark = 65_536;

/**
 * A request's body as a stream of its own. The upstream's client may destroy what it is given (an answer that came
 * before the body was sent, a lost connection): the request itself must stay whole, or its own answer is lost with it.
 * It fails with BODY_TOO_BIG once it is longer than `maxBytes`.
 * Nothing is read, and `onFirstRead` not called, before the first read; so a body may be made anew until then.
 */
export function createBody(
  req: IncomingMessage,
  { onFirstRead, maxBytes = null }: { readonly onFirstRead: () => void; readonly maxBytes?: number | null },
): Readable {
  let isAttached = false;
  let bytes = 0;
  const onData = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (maxBytes !== null && bytes > maxBytes)
      return void body.destroy(new NodoffError("BODY_TOO_BIG", "the body is longer than the route allows"));
    if (!body.push(chunk)) req.pause();
  };
  const onEnd = (): void => void body.push(null);
  const onClose = (): void => {
    if (!req.complete) body.destroy(new Error("the client left within its request"));
  };
  const body = new Readable({
    highWaterMark,
    read() {
      if (!isAttached) {
        isAttached = true;
        onFirstRead();
        req.on("data", onData).on("end", onEnd).on("close", onClose);
        if (req.destroyed && !req.complete) onClose();
      }
      req.resume();
    },
    destroy(error, done) {
      req.off("data", onData).off("end", onEnd).off("close", onClose);
      // Whoever has no more use for the body must not leave the client stuck in sending it.
      if (isAttached) req.resume();
      done(error);
    },
  });
  // Destroyed with an error that nobody listens for, a stream ends the process.
  return body.on("error", () => undefined);
}

/** How long a client may go on sending a body that nobody wants, after its answer. */
const lingerMs = 30_000;

/**
 * Call before an answer's head is written. node:http destroys the socket right after the answer where the client wants
 * the connection closed; while that client still sends its body the reset would take the answer with it (RFC 9112
 * section 9.6). So the close waits for the end of the body.
 */
export function closeAfterBody(req: IncomingMessage, res: ServerResponse): void {
  // HTTP/1.0 may need the close to know where the answer ends.
  if (req.complete || res.shouldKeepAlive || req.httpVersionMinor === 0) return;
  const { socket } = req;
  res.shouldKeepAlive = true;
  res.once("finish", () => {
    if (req.complete) socket.destroySoon();
    else req.once("end", () => socket.destroySoon());
  });
}

/** Takes what is left of a request that is answered already; a client that never ends it is cut. */
export function discardRest(req: IncomingMessage, clock: Clock): void {
  if (req.complete || req.destroyed) return;
  const cancel = clock.after(lingerMs, () => req.destroy());
  req.once("close", cancel).resume();
}
