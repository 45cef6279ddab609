import { z } from "zod";
import { formatDuration } from "../core/duration.ts";
import type { Paint } from "./paint.ts";

/** What commands read of the API's answers. Whatever else is in there is passed on to `--json` as it came. */
const Failure = z.looseObject({ code: z.string(), message: z.string() }).nullable();
const Time = z.iso.datetime().nullable();

export const Workload = z.looseObject({
  alias: z.string(),
  display_name: z.string(),
  provider: z.string(),
  kind: z.string(),
  ref: z.string(),
  state: z.string(),
  reasons: z.array(z.looseObject({ text: z.string() })),
  last_used_at: Time,
  sleeps_at: Time,
  next_try_at: Time,
  pinned_until: Time,
  depends_on: z.array(z.string()),
  dependants: z.array(z.string()),
  error: Failure,
  dry_run: z.boolean(),
  signals: z.array(z.looseObject({ name: z.string(), live: z.boolean(), needs: z.string().nullable() })),
  routes: z.array(z.string()),
});
export type Workload = z.infer<typeof Workload>;
export const Workloads = z.object({ workloads: z.array(Workload) });

export const Event = z.looseObject({
  at: z.iso.datetime(),
  type: z.string(),
  message: z.string(),
  error: Failure,
});
export type Event = z.infer<typeof Event>;
export const Events = z.object({ events: z.array(Event) });

export const Providers = z.object({
  providers: z.array(z.looseObject({ name: z.string(), connected: z.boolean(), error: Failure })),
});
export const ConfigErrors = z.object({
  errors: z.array(z.looseObject({ source: z.string(), key: z.string(), message: z.string() })),
});

export const Health = z.looseObject({
  status: z.string(),
  uptime_ms: z.number().nullable(),
  latency_ms: z.number().nullable(),
  last_seen_at: Time,
  consecutive_failures: z.number(),
  detail: z.string().nullable(),
});
export type Health = z.infer<typeof Health>;
export const AllHealth = z.record(z.string(), Health);

export const History = z.looseObject({
  period: z.string(),
  samples: z.array(z.looseObject({ at: z.iso.datetime(), status: z.string(), latency_ms: z.number().nullable() })),
  healthy: z.number().nullable(),
  napping: z.number().nullable(),
});
export type History = z.infer<typeof History>;

const styles = {
  ready: "green",
  healthy: "green",
  starting: "yellow",
  stopping: "yellow",
  unhealthy: "red",
  error: "red",
  gone: "red",
  napping: "blue",
} as const;

/** A state or status in its colour. */
export function paintState(paint: Paint, state: string): string {
  return Object.hasOwn(styles, state) ? paint(styles[state as keyof typeof styles], state) : state;
}

/** "5 s ago", "in 4 m 10 s". */
export function toRelative(time: string, now: number): string {
  const ms = Date.parse(time) - now;
  return ms > 0 ? `in ${formatDuration(ms)}` : `${formatDuration(-ms)} ago`;
}
