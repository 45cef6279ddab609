import type { Request, RequestHandler } from "express";
import type { z } from "zod";
import type { JournalEvent } from "../core/journal.ts";
import type { ControlDeps } from "./deps.ts";
import type { Event, Reset } from "./schema.ts";
import { toFrame } from "./streams.ts";
import type { Streams } from "./streams.ts";
import { toEventBody } from "./views.ts";

/**
 * `GET /events`: everything that happens, as it happens. With `Last-Event-ID` what was missed comes first; where that is
 * no longer known, an event `reset` says that everything is to be read anew.
 */
export function eventStream({ journal, streams }: Pick<ControlDeps, "journal"> & { streams: Streams }): RequestHandler {
  return (request, response) => {
    if (request.method === "HEAD") return void response.type("text/event-stream").end();
    const stream = streams.open(request, response);
    if (stream === null) return;
    const last = lastEventId(request);
    if (last === null) {
      // An id without data is no event, but a client that is cut off now resumes from here.
      stream.send(`id: ${journal.lastId}\n\n`);
    } else if (journal.reaches(last)) {
      for (const event of journal.since(last)) stream.send(toEventFrame(event));
    } else {
      const data: z.infer<typeof Reset> = { message: "events were missed: read everything anew" };
      stream.send(toFrame({ id: journal.lastId, event: "reset", data }));
    }
    const leave = journal.subscribe((event) => stream.send(toEventFrame(event)));
    stream.ended.addEventListener("abort", leave, { once: true });
  };
}

function toEventFrame(event: JournalEvent): string {
  const data: Event = toEventBody(event);
  return toFrame({ id: event.id, event: event.type, data });
}

/** -1 = one that nodoff never gave out, so nothing is known to have been seen. */
function lastEventId({ headers }: Request): number | null {
  const text = headers["last-event-id"];
  if (text === undefined || text === "") return null;
  return typeof text === "string" && /^\d{1,15}$/.test(text) ? Number(text) : -1;
}
