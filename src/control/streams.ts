import { once } from "node:events";
import type { Request, Response } from "express";
import type { Clock } from "../core/clock.ts";
import { sendProblem } from "./answers.ts";

/** One client that listens to server-sent events (WHATWG HTML, "Server-sent events"). */
export interface Stream {
  /** Aborts when the client has left or nodoff ends the stream. */
  readonly ended: AbortSignal;
  /** Sends a frame as `toFrame` makes it. A client that lets too much pile up is cut off. */
  send(frame: string): void;
  /** Resolves once the client has taken what was sent, or the stream has ended. */
  drained(): Promise<void>;
  end(): void;
}

/** All streams of one kind. */
export interface Streams {
  /** Begins one; null: there are too many, and the client was told. */
  open(request: Request, response: Response): Stream | null;
  /** Ends them all and takes no more. */
  close(): void;
}

export interface StreamsDeps {
  readonly clock: Clock;
  /** Whether whoever opened the stream is still let in: asked with each heartbeat. */
  readonly stillIn: (request: Request) => Promise<boolean>;
  readonly most: number;
}

/** Proxies cut what is silent for 30 to 60 s. */
const heartbeatMs = 15_000;
const retryMs = 2_000;
const mostUnread = 1024 * 1024;

export function createStreams({ clock, stillIn, most }: StreamsDeps): Streams {
  const open = new Set<Stream>();
  let closed = false;

  function keepAlive(stream: Stream, request: Request): void {
    const cancel = clock.after(heartbeatMs, () => {
      stream.send(":\n\n");
      keepAlive(stream, request);
      void stillIn(request).then(
        (isIn) => (isIn ? undefined : stream.end()),
        () => stream.end(),
      );
    });
    stream.ended.addEventListener("abort", cancel, { once: true });
  }

  return {
    open(request, response) {
      if (closed || open.size >= most) {
        const detail = closed ? "nodoff is shutting down" : "too many streams are open";
        sendProblem(response, { code: "TOO_MANY_STREAMS", detail, retryAfterS: 5 });
        return null;
      }
      const stream = begin(response);
      open.add(stream);
      stream.ended.addEventListener("abort", () => open.delete(stream), { once: true });
      keepAlive(stream, request);
      return stream;
    },
    close() {
      closed = true;
      for (const stream of open) stream.end();
    },
  };
}

function begin(response: Response): Stream {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  response.writeHead(200, {
    "content-type": "text/event-stream; charset=utf-8",
    // nginx would collect it.
    "x-accel-buffering": "no",
  });
  response.write(`retry: ${retryMs}\n\n`);
  return {
    ended: gone.signal,
    send(frame) {
      if (gone.signal.aborted) return;
      if (!response.write(frame) && response.writableLength > mostUnread) response.destroy();
    },
    async drained() {
      if (!response.writableNeedDrain || gone.signal.aborted) return;
      await once(response, "drain", { signal: gone.signal }).catch(() => undefined);
    },
    end() {
      gone.abort();
      response.end();
    },
  };
}

/** One event. `data` goes as JSON, so nothing in it can end the line. */
export function toFrame({ id, event, data }: { id?: number; event?: string; data: unknown }): string {
  const head = `${id === undefined ? "" : `id: ${id}\n`}${event === undefined ? "" : `event: ${event}\n`}`;
  return `${head}data: ${JSON.stringify(data)}\n\n`;
}
