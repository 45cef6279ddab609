import type { JournalEvent } from "../core/journal.ts";
import type { Route } from "../core/route.ts";
import type { WorkloadHandle } from "../core/workload-handle.ts";
import { createAudience, inSlices } from "./audience.ts";
import { answer } from "./asked.ts";
import type { Asked } from "./asked.ts";
import type { HookDeps } from "./deps.ts";
import { stateOf } from "./status.ts";
import { toMissed, toWakeEvent, wordsByStep } from "./wake-event.ts";
import type { WakeEvent } from "./wake-event.ts";
import { writeJson, writeProblem } from "./write.ts";

/** `/.nodoff/events`: server-sent events when reached directly, else the history so far as one JSON answer. */
export interface EventStreams {
  serve(asked: Asked): void;
  close(): void;
}

const heartbeatMs = 20_000;
const heartbeat = Buffer.from(":\n\n");
const maxStreams = 20_000;
/** A client that lets this many bytes pile up is gone or hostile. */
const maxBacklog = 65_536;

interface Stream {
  readonly asked: Asked;
  readonly showDetails: boolean;
}

/** Both public forms of one event, made once for all who listen. */
interface News {
  readonly plain: Buffer;
  readonly detailed: Buffer;
}

export function createEventStreams(deps: Pick<HookDeps, "clock" | "journal">): EventStreams {
  const { clock, journal } = deps;
  let closed = false;
  let beating = false;
  const audience = createAudience<Stream, News>(journal, {
    prepare: toNews,
    tell: (stream, news) => send(stream, stream.showDetails ? news.detailed : news.plain),
  });
  // One timer for everybody; it ends with the last stream.
  const beat = (): void => {
    beating = audience.size > 0;
    if (!beating) return;
    inSlices([...audience.members()], (stream) => send(stream, heartbeat));
    clock.after(heartbeatMs, beat);
  };
  const open = (asked: Asked, workload: WorkloadHandle): void => {
    const { res } = asked;
    // Without chunks an event is one write of shared bytes; the end of the connection ends the stream.
    res.useChunkedEncodingByDefault = false;
    res.writeHead(200, {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
      "x-nodoff-state": workload.state,
      // HTTP/2 knows no such header, and ends a stream by itself.
      ...(res.req.httpVersionMajor === 1 && { connection: "close" }),
    });
    const { showDetails } = workload.spec;
    res.write(`retry: 2000\n\n${historyOf(asked, workload, journal.since(0, workload.spec.alias))}`);
    const leave = audience.join(workload.spec.alias, { asked, showDetails });
    res.once("close", leave);
    if (beating) return;
    beating = true;
    clock.after(heartbeatMs, beat);
  };

  return {
    serve(asked) {
      const { workload } = asked.route;
      if (!asked.direct) return answer(asked, { events: workload === null ? [] : knownOf(workload, deps) });
      if (asked.method === "HEAD" || workload === null) return writeJson(asked.res, 200, { events: [] });
      if (closed || audience.size >= maxStreams) {
        return writeProblem(asked.res, { code: "TOO_MANY_WAITERS", retryAfterS: 5, state: stateOf(asked.route) });
      }
      open(asked, workload);
    },
    close() {
      closed = true;
      inSlices([...audience.members()], (stream) => stream.asked.res.end());
    },
  };
}

function send({ asked: { res } }: Stream, bytes: Buffer): void {
  if (!res.write(bytes) && res.writableLength > maxBacklog) res.destroy();
}

function knownOf(workload: WorkloadHandle, { journal }: Pick<HookDeps, "journal">): readonly WakeEvent[] {
  const { alias, showDetails } = workload.spec;
  return toMissed(journal.since(0, alias), null).flatMap((event) => toWakeEvent(event, showDetails) ?? []);
}

/** What was missed, and the outcome once more where the history does not end in it: the journal forgets. */
function historyOf(asked: Asked, workload: WorkloadHandle, kept: readonly JournalEvent[]): string {
  const lastId = Number.parseInt(String(asked.headers["last-event-id"] ?? ""), 10);
  const missed = toMissed(kept, Number.isNaN(lastId) ? null : lastId);
  const text = missed.map((event) => toFrame(event.id, toWakeEvent(event, workload.spec.showDetails))).join("");
  const type = endOf(asked.route);
  if (type === null || kept.findLast((event) => event.step !== undefined)?.step === type) return text;
  const timestamp = new Date(workload.view().since).toISOString();
  return text + toFrame(null, { type, message: wordsByStep[type], timestamp });
}

function endOf(route: Route): "ready" | "error" | null {
  const state = stateOf(route);
  if (state === "ready") return "ready";
  return state === "error" || state === "gone" ? "error" : null;
}

function toNews(event: JournalEvent): News | null {
  const plain = toWakeEvent(event, false);
  if (plain === null) return null;
  return {
    plain: Buffer.from(toFrame(event.id, plain)),
    detailed: Buffer.from(toFrame(event.id, toWakeEvent(event, true))),
  };
}

function toFrame(id: number | null, event: WakeEvent | null): string {
  if (event === null) return "";
  return `${id === null ? "" : `id: ${id}\n`}data: ${JSON.stringify(event)}\n\n`;
}
