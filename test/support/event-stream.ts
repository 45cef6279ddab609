import { once } from "node:events";
import { request as httpRequest } from "node:http";
import type { IncomingMessage } from "node:http";

/** One event as a client sees it; `data` parsed. */
export interface ReadEvent {
  readonly id: string | null;
  readonly event: string;
  readonly data: unknown;
}

/** A client of server-sent events that reads one event after the other. */
export interface EventReader {
  readonly response: IncomingMessage;
  /** The next event; rejects when the stream ends before one comes. */
  next(): Promise<ReadEvent>;
  /** The id a client would resume from. */
  readonly lastId: string;
  /** Comments so far. */
  readonly comments: number;
  /** Resolves when the server has ended the stream. */
  ended(): Promise<void>;
  close(): void;
}

/** Opens a stream; what is no 200 is given back with its `response` all the same. */
export async function openEvents(options: {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}): Promise<EventReader> {
  const request = httpRequest({ host: "127.0.0.1", ...options });
  request.end();
  const [response] = (await once(request, "response")) as [IncomingMessage];
  response.setEncoding("utf8");
  const events: ReadEvent[] = [];
  let [lastId, comments, rest] = ["", 0, ""];
  const over = new AbortController();
  let woken = (): void => undefined;
  const take = (block: string): void => {
    const fields = new Map<string, string>();
    for (const line of block.split("\n")) {
      if (line.startsWith(":")) comments++;
      const [name = "", ...value] = line.split(": ");
      fields.set(name, value.join(": "));
    }
    const id = fields.get("id");
    if (id !== undefined) lastId = id;
    const data = fields.get("data");
    if (data === undefined) return;
    events.push({ id: id ?? null, event: fields.get("event") ?? "message", data: JSON.parse(data) });
  };
  response.on("data", (chunk: string) => {
    const blocks = (rest + chunk).split("\n\n");
    rest = blocks.pop() ?? "";
    blocks.forEach(take);
    woken();
  });
  const end = (): void => {
    over.abort();
    woken();
  };
  response.on("end", end).on("error", end).on("close", end);
  const turn = (): Promise<void> => new Promise((resolve) => (woken = resolve));
  return {
    response,
    async next() {
      while (events.length === 0 && !over.signal.aborted) await turn();
      const event = events.shift();
      if (event === undefined) throw new Error("the stream ended");
      return event;
    },
    get lastId() {
      return lastId;
    },
    get comments() {
      return comments;
    },
    async ended() {
      while (!over.signal.aborted) await turn();
    },
    close: () => void request.destroy(),
  };
}
