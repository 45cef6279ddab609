import type { Readable } from "node:stream";
import type { Client } from "./client.ts";
import { createLineReader, eventsOfInterest } from "./events.ts";
import type { RawEvent } from "./raw.ts";

export interface StreamOptions {
  /** Only until it is open. */
  readonly signal: AbortSignal;
  readonly podman: boolean;
  /** Replay from here on; undefined = only what comes. */
  readonly since: string | undefined;
  readonly onEvent: (event: RawEvent) => void;
  readonly onClose: () => void;
}

/** The engine answers at once; whoever takes longer does not answer at all. */
const openTimeoutMs = 10_000;

/**
 * Resolves with how to end it once the engine accepted the stream. It never ends by a timeout of its own: engines send
 * no heartbeat.
 */
export async function openStream(client: Client, options: StreamOptions): Promise<() => void> {
  const { signal, podman, since, onEvent, onClose } = options;
  const filters = { type: ["container"], ...(podman ? {} : { event: [...eventsOfInterest] }) };
  const stream = await client.call(
    "GET /events",
    { signal, limitMs: openTimeoutMs },
    async ({ docker }, abortSignal) => {
      const query = { filters, ...(since === undefined ? {} : { since }), abortSignal };
      return (await docker.getEvents(query as object)) as unknown as Readable;
    },
  );
  const read = createLineReader(onEvent);
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => read(chunk));
  // A lost connection emits `aborted`, `error` and `close`, never `end`: only `close` is sure to come.
  stream.on("error", () => undefined);
  stream.on("close", onClose);
  if (stream.destroyed) onClose();
  return () => void stream.destroy();
}
