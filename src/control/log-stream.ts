import type { RequestHandler } from "express";
import type { z } from "zod";
import type { Clock } from "../core/clock.ts";
import { toFailure } from "../core/errors.ts";
import type { Journal } from "../core/journal.ts";
import type { WorkloadHandle } from "../core/workload-handle.ts";
import { toPlainLine } from "../net/plain-line.ts";
import { sendProblem } from "./answers.ts";
import type { ControlDeps } from "./deps.ts";
import { findWorkload } from "./find-workload.ts";
import { LogsQuery, readQuery } from "./queries.ts";
import type { Failure, LogLine } from "./schema.ts";
import { toFrame } from "./streams.ts";
import type { Stream, Streams } from "./streams.ts";

const defaultLines = 100;
const mostLines = 1_000;
const longestLine = 4_000;
/** An engine that ends at once, again and again, is asked no faster. */
const pauseMs = 1_000;

/**
 * `GET /workloads/{alias}/logs`: the last lines of its output, then each further one, over sleeps and wakes. Lines are
 * JSON strings, so markup in them is text; colours and other control characters are left out. Wakes nothing.
 */
export function logStream(deps: ControlDeps, streams: Streams): RequestHandler {
  return (request, response) => {
    const workload = findWorkload(request, deps);
    if (workload === undefined) return sendProblem(response, { code: "NOT_FOUND" });
    const { lines = defaultLines } = readQuery(LogsQuery, request);
    if (request.method === "HEAD") return void response.type("text/event-stream").end();
    const stream = streams.open(request, response);
    if (stream !== null) void follow(stream, { workload, lines, clock: deps.clock, journal: deps.journal });
  };
}

interface Following extends Pick<ControlDeps, "clock" | "journal"> {
  readonly workload: WorkloadHandle;
  readonly lines: number;
}

/** Where the output ends the workload sleeps: what it writes after that comes once something happens to it. */
async function follow(stream: Stream, { workload, lines, clock, journal }: Following): Promise<void> {
  const news = newsOf(workload.spec.alias, { clock, journal, stream });
  let from: { readonly lines: number; readonly since?: number } = { lines };
  while (!stream.ended.aborted) {
    news.read();
    try {
      for await (const line of workload.follow({ ...from, signal: stream.ended })) {
        const data: z.infer<typeof LogLine> = { line: toPlainLine(line, longestLine) };
        stream.send(toFrame({ data }));
        await stream.drained();
        if (stream.ended.aborted) return;
      }
    } catch (error) {
      const { code, message } = toFailure(error);
      stream.send(toFrame({ event: "problem", data: { code, message } satisfies z.infer<typeof Failure> }));
    }
    from = { lines: mostLines, since: clock.wall() };
    await news.next();
  }
}

interface News {
  /** What happened until now is no news. */
  read(): void;
  /** Resolves when something happened to the workload since, at the earliest after a pause; and when the stream ends. */
  next(): Promise<void>;
}

function newsOf(
  alias: string,
  { clock, journal, stream }: { readonly clock: Clock; readonly journal: Journal; readonly stream: Stream },
): News {
  const now = { isNew: false, isRested: false };
  let wake = (): void => undefined;
  const leave = journal.subscribe(() => {
    now.isNew = true;
    wake();
  }, alias);
  stream.ended.addEventListener(
    "abort",
    () => {
      leave();
      wake();
    },
    { once: true },
  );
  const turn = (): Promise<void> => new Promise((resolve) => (wake = resolve));
  return {
    read: () => void (now.isNew = false),
    async next() {
      const { ended } = stream;
      now.isRested = false;
      const cancel = clock.after(pauseMs, () => {
        now.isRested = true;
        wake();
      });
      while (!ended.aborted && !(now.isNew && now.isRested)) await turn();
      cancel();
    },
  };
}
