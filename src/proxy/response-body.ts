import type { ServerResponse } from "node:http";
import type { Dispatcher } from "undici";

/** The body of an HTTP/1.1 response on its way to the client. */
export interface BodyWriter {
  /** Call when the head is set, before anything else. */
  begin(): void;
  /** False = the client has enough for now; the response tells by `drain` when it takes more. */
  write(chunk: Buffer): boolean;
  end(trailers: Trailers): void;
}

type Trailers = Readonly<Record<string, string | string[] | undefined>>;

/** With its head, still within what node:net writes without asking for memory (16 kB). */
const smallBytes = 12_288;

/**
 * Writes a body as it comes, and a small one that came in one piece with its head as one string with it: two pieces
 * would go through writev, which costs twice as much. `source` is whom the answer is read from; null = it is through.
 */
export function createBodyWriter(
  res: ServerResponse,
  source: { readonly controller: Dispatcher.DispatchController | null },
): BodyWriter {
  let mayWait = true;
  let first: Buffer | null = null;
  // What came in one packet with the head is known before this runs.
  const settle = (): void => {
    mayWait = false;
    if (res.destroyed || res.writableEnded) return;
    // node:http keeps the head back for the first chunk, which an event stream may send much later.
    if (first === null) return res.flushHeaders();
    const chunk = first;
    first = null;
    if (!res.write(chunk)) source.controller?.pause();
  };
  return {
    begin: () => queueMicrotask(settle),
    write(chunk) {
      if (mayWait && first === null && chunk.length <= smallBytes) {
        first = chunk;
        return true;
      }
      mayWait = false;
      if (first !== null) res.write(first);
      first = null;
      return isWhole(chunk) ? res.write(chunk, () => release(chunk)) : res.write(chunk);
    },
    end(trailers) {
      if (Object.keys(trailers).length > 0) res.addTrailers(trailers);
      // Bytes as text and back: node:http joins only text with the head.
      if (first === null) res.end();
      else res.end(first.toString("latin1"), "latin1");
      first = null;
    },
  };
}

/** Whether a chunk is all there is of its memory, and large: nobody else can hold a part of that. */
function isWhole({ length, buffer }: Buffer): boolean {
  return length > smallBytes && length === buffer.byteLength;
}

/**
 * Gives memory back as soon as it is written. Each read of a large body takes 64 kB; left to the collector, every 100 MB
 * cause a collection of the whole heap, and each read touches memory that is cold.
 */
function release({ buffer }: Buffer): void {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}
