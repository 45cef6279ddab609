import { setImmediate as nextTurn } from "node:timers/promises";
import type { Request, RequestHandler } from "express";
import type { z } from "zod";
import { sendProblem } from "./answers.ts";
import type { ControlDeps } from "./deps.ts";
import { findWorkload } from "./find-workload.ts";
import { EventsQuery, readQuery, TimelineQuery } from "./queries.ts";
import { savingsOf } from "./savings.ts";
import type { PowerInterval } from "../core/store.ts";
import type { WorkloadHandle } from "../core/workload-handle.ts";
import type { Events, Savings, Timeline } from "./schema.ts";
import { toEventBody, toTime } from "./views.ts";

const defaultEvents = 100;
const dayMs = 24 * 3_600_000;
const savingsPeriodMs = 30 * dayMs;
const timelinePeriods = { "1d": dayMs, "7d": 7 * dayMs, "30d": 30 * dayMs } as const;
/** Reading the stretches of 10,000 workloads takes seconds: others get their turn in between. */
const turnMs = 5;

/** The endpoints that tell of the past, by their path under `/api/v1`. */
export function historyEndpoints(deps: ControlDeps): Readonly<Record<string, RequestHandler>> {
  return {
    "/workloads/:alias/events": (request, response) => {
      const workload = findWorkload(request, deps);
      if (workload === undefined) return sendProblem(response, { code: "NOT_FOUND" });
      response.json(toEvents(workload.spec.alias, request, deps));
    },
    "/history": (request, response) => void response.json(toEvents(null, request, deps)),
    "/timeline": async (request, response) => {
      const { period = "1d" } = readQuery(TimelineQuery, request);
      response.json(await drawTimeline(deps, timelinePeriods[period]));
    },
    "/savings": async (_request, response) => void response.json(await sumUp(deps)),
  };
}

/** One page: of a workload, or of everything (null). */
function toEvents(alias: string | null, request: Request, deps: ControlDeps): z.infer<typeof Events> {
  const { limit = defaultEvents, before } = readQuery(EventsQuery, request);
  // One more than asked for shows whether there are older ones.
  const found = deps.events(alias, limit + 1, before);
  const events = found.slice(-limit);
  const [oldest] = events;
  const next = found.length > limit && oldest !== undefined ? { next: String(oldest.id) } : {};
  return { events: events.map(toEventBody), ...next };
}

async function sumUp(deps: ControlDeps): Promise<z.infer<typeof Savings>> {
  const until = deps.clock.wall();
  const period = { since: until - savingsPeriodMs, until };
  const workloads: z.infer<typeof Savings>["workloads"] = [];
  let since = until;
  for await (const { spec, intervals } of histories(deps, period.since)) {
    const savings = savingsOf({ dryRun: spec.dryRun, intervals }, period);
    since = Math.min(since, savings.knownSince ?? since);
    workloads.push({
      alias: spec.alias,
      asleep_ms: Math.round(savings.asleepMs),
      awake_ms: Math.round(savings.awakeMs),
      saved_byte_hours: Math.round(savings.savedByteHours),
      dry_run: spec.dryRun,
    });
  }
  return { since: toTime(since), workloads };
}

async function drawTimeline(deps: ControlDeps, periodMs: number): Promise<z.infer<typeof Timeline>> {
  const until = deps.clock.wall();
  const since = until - periodMs;
  const workloads: z.infer<typeof Timeline>["workloads"] = {};
  for await (const { spec, intervals } of histories(deps, since)) {
    workloads[spec.alias] = intervals.map(({ kind, from, to, memoryBytes }) => ({
      kind,
      from: toTime(Math.max(from, since)),
      to: to === null ? null : toTime(to),
      memory_bytes: memoryBytes,
    }));
  }
  return { since: toTime(since), until: toTime(until), workloads };
}

interface History {
  readonly spec: WorkloadHandle["spec"];
  readonly intervals: readonly PowerInterval[];
}

/** What each workload did from `since` (wall clock ms) on. */
async function* histories(deps: ControlDeps, since: number): AsyncGenerator<History> {
  let turnBegan = deps.clock.now();
  for (const { spec } of Array.from(deps.workloads())) {
    yield { spec, intervals: deps.intervals(spec.alias, since) };
    if (deps.clock.now() - turnBegan < turnMs) continue;
    await nextTurn();
    turnBegan = deps.clock.now();
  }
}
