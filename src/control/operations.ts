import type { z } from "zod";
import type { ErrorCode } from "../core/errors.ts";
import { bodies } from "./bodies.ts";
import {
  EventsQuery,
  HealthQuery,
  HistoryQuery,
  LogsQuery,
  RoutesQuery,
  TimelineQuery,
  WorkloadsQuery,
} from "./queries.ts";
import * as shapes from "./schema.ts";

/** One thing the API can be asked. The OpenAPI document is made of these, and so are the routes: there are no others. */
export interface Operation {
  readonly summary: string;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodObject;
  /** Of a success; `stream`: server-sent events, `shape` is the `data` of each. */
  readonly answer: { readonly status: 200 | 202; readonly shape: z.ZodType; readonly stream?: true };
  /** What can go wrong besides `commonProblems` and, where it can be asked wrongly, BAD_REQUEST. */
  readonly problems?: readonly ErrorCode[];
}

/** Of every operation: nobody is known, or must wait; another site asks, or a viewer; the address cannot be decoded. */
export const commonProblems: readonly ErrorCode[] = [
  "UNAUTHORIZED",
  "FOREIGN_ORIGIN",
  "RATE_LIMITED",
  "BAD_REQUEST",
  "SHUTTING_DOWN",
];

/** Of every POST. */
export const askingProblems: readonly ErrorCode[] = ["FORBIDDEN", "BODY_TOO_BIG"];

const of = (shape: z.ZodType): Operation["answer"] => ({ status: 200, shape });
const accepted: Operation["answer"] = { status: 202, shape: shapes.Workload };
const unknownAlias: readonly ErrorCode[] = ["NOT_FOUND"];

/** By method and path below `/api/v1`, as Express writes paths. */
export const operations: Readonly<Record<string, Operation>> = {
  "GET /workloads": { summary: "All workloads", query: WorkloadsQuery, answer: of(shapes.Workloads) },
  "GET /workloads/:alias": { summary: "One workload", answer: of(shapes.Workload), problems: unknownAlias },
  "GET /workloads/:alias/events": {
    summary: "What happened to a workload, oldest first",
    query: EventsQuery,
    answer: of(shapes.Events),
    problems: unknownAlias,
  },
  "GET /workloads/:alias/logs": {
    summary: "Its output, live",
    query: LogsQuery,
    answer: { status: 200, shape: shapes.LogFrame, stream: true },
    problems: ["NOT_FOUND", "TOO_MANY_STREAMS"],
  },
  "POST /workloads/:alias/wake": {
    summary: "Wake it",
    body: bodies.wake,
    answer: accepted,
    problems: unknownAlias,
  },
  "POST /workloads/:alias/sleep": {
    summary: "Put it to sleep",
    body: bodies.sleep,
    answer: accepted,
    problems: ["NOT_FOUND", "IN_USE", "REFUSED"],
  },
  "POST /workloads/:alias/pin": {
    summary: "Keep it awake for a while",
    body: bodies.pin,
    answer: accepted,
    problems: unknownAlias,
  },
  "POST /workloads/:alias/unpin": {
    summary: "End its pin",
    body: bodies.unpin,
    answer: accepted,
    problems: unknownAlias,
  },
  "POST /workloads/:alias/restart": {
    summary: "Stop and start it, in use or not",
    body: bodies.restart,
    answer: accepted,
    problems: ["NOT_FOUND", "REFUSED"],
  },
  "GET /routes": { summary: "All routes", query: RoutesQuery, answer: of(shapes.RoutesAnswer) },
  "GET /routes/:alias": { summary: "One route", answer: of(shapes.Route), problems: unknownAlias },
  "GET /health": { summary: "Health of all routes by alias", query: HealthQuery, answer: of(shapes.HealthAnswer) },
  "GET /health/:alias/history": {
    summary: "Health of a route over time",
    query: HistoryQuery,
    answer: of(shapes.History),
    problems: unknownAlias,
  },
  "POST /health/:alias/check": { summary: "Check a route now", answer: of(shapes.Health), problems: unknownAlias },
  "POST /health/check": { summary: "Check all routes now", answer: of(shapes.AllHealth) },
  "GET /events": {
    summary: "Everything that happens, live; resumes after Last-Event-ID",
    answer: { status: 200, shape: shapes.EventFrame, stream: true },
    problems: ["TOO_MANY_STREAMS"],
  },
  "GET /history": { summary: "What happened to all of them", query: EventsQuery, answer: of(shapes.Events) },
  "GET /timeline": {
    summary: "When each workload slept and was awake",
    query: TimelineQuery,
    answer: of(shapes.Timeline),
  },
  "GET /savings": { summary: "What sleeping saved in the last 30 days", answer: of(shapes.Savings) },
  "GET /providers": { summary: "The engines", answer: of(shapes.Providers) },
  "POST /notify/test": { summary: "Send a test notice to each receiver", answer: of(shapes.NotifyTest) },
  "GET /config/errors": { summary: "What of the configuration is left out, and why", answer: of(shapes.ConfigErrors) },
  "GET /config/schema": { summary: "The JSON Schema of nodoff.yaml", answer: of(shapes.JsonSchema) },
  "POST /doctor": { summary: "Begin an examination of the proxies in front", answer: of(shapes.Exam) },
  "GET /doctor/:nonce": {
    summary: "What an examination saw so far",
    answer: of(shapes.Sightings),
    problems: unknownAlias,
  },
  "GET /openapi.json": { summary: "This document", answer: of(shapes.OpenApi) },
  "GET /session": { summary: "Who is asking", answer: of(shapes.Session) },
  "GET /version": { summary: "The version of nodoff", answer: of(shapes.Version) },
};
