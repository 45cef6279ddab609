import { setImmediate as nextTurn } from "node:timers/promises";
import type { RequestHandler } from "express";
import type { z } from "zod";
import { sendProblem } from "./answers.ts";
import type { ControlDeps } from "./deps.ts";
import { findWorkload } from "./find-workload.ts";
import { savingsOf } from "./savings.ts";
import type { PowerInterval } from "../core/store.ts";
import type { WorkloadHandle } from "../core/workload-handle.ts";
import type { Events, Savings, Timeline } from "./schema.ts";
import { toEventBody, toTime } from "./views.ts";

const defaultEvents = 100;
const mostEvents = 500;
const dayMs = 24 * 3_600_000;
const savingsPeriodMs = 30 * dayMs;
const timelinePeriods: ReadonlyMap<unknown, number> = new Map([
  ["1d", dayMs],
  ["7d", 7 * dayMs],
  ["30d", 30 * dayMs],
]);
/** Reading the stretches of 10,000 workloads takes seconds: others get their turn in between. */
const turnMs = 5;

/** The endpoints that tell of the past, by their path under `/api/v1`. */
export function historyEndpoints(deps: ControlDeps): Readonly<Record<string, RequestHandler>> {
  return {
    "/workloads/:alias/events": (request, response) => {
      const workload = findWorkload(request, deps);
      if (workload === undefined) return sendProblem(response, { code: "NOT_FOUND" });
      const limit = toLimit(request.query["limit"]);
      if (limit === null) {
        const detail = `limit must be a whole number from 1 to ${mostEvents}`;
        return sendProblem(response, { code: "BAD_REQUEST", detail });
      }
      const events = deps.events(workload.spec.alias, limit).map(toEventBody);
      response.json({ events } satisfies z.infer<typeof Events>);
    },
    "/timeline": async (request, response) => {
      const periodMs = timelinePeriods.get(request.query["period"] ?? "1d");
      if (periodMs !== undefined) return void response.json(await drawTimeline(deps, periodMs));
      const detail = `period must be one of ${[...timelinePeriods.keys()].join(", ")}`;
      sendProblem(response, { code: "BAD_REQUEST", detail });
    },
    "/savings": async (_request, response) => void response.json(await sumUp(deps)),
  };
}

function toLimit(param: unknown): number | null {
  if (param === undefined) return defaultEvents;
  if (typeof param !== "string" || !/^\d{1,3}$/.test(param)) return null;
  const limit = Number(param);
  return limit >= 1 && limit <= mostEvents ? limit : null;
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
