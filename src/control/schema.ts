/** The shapes of contract.md "API". Types of answers are inferred from here, tests check answers against it. */
import { z } from "zod";
import { healthStatuses } from "../core/health.ts";
import { healthPeriods } from "../core/health-history.ts";
import { stateNames } from "../core/state.ts";

const Time = z.iso.datetime();
const Milliseconds = z.number().nonnegative();
const Count = z.int().nonnegative();

export const Failure = z.strictObject({ code: z.string(), message: z.string() });

export const Health = z.strictObject({
  status: z.enum(healthStatuses),
  uptime_ms: Milliseconds.nullable(),
  latency_ms: Milliseconds.nullable(),
  last_seen_at: Time.nullable(),
  consecutive_failures: Count,
  detail: z.string().nullable(),
});
export type Health = z.infer<typeof Health>;

export const AllHealth = z.record(z.string(), Health);
export const AllStatuses = z.record(z.string(), z.enum(healthStatuses));

export const History = z.strictObject({
  period: z.enum(healthPeriods),
  samples: z.array(z.strictObject({ at: Time, status: z.enum(healthStatuses), latency_ms: Milliseconds.nullable() })),
  healthy: z.number().min(0).max(1).nullable(),
  napping: z.number().min(0).max(1).nullable(),
});
export type History = z.infer<typeof History>;

export const NotifyTest = z.strictObject({
  results: z.array(z.strictObject({ sender: z.string(), type: z.string(), error: z.string().nullable() })),
});

const Reason = z.strictObject({
  signal: z.string(),
  verdict: z.enum(["in_use", "idle_since", "unreadable", "waits"]),
  text: z.string(),
});

export const Workload = z.strictObject({
  alias: z.string(),
  display_name: z.string(),
  provider: z.string(),
  kind: z.enum(["container", "compose", "service", "lxc", "vm", "process", "group"]),
  ref: z.string(),
  project: z.string().nullable(),
  state: z.enum(stateNames),
  since: Time,
  reasons: z.array(Reason),
  last_used_at: Time.nullable(),
  sleeps_at: Time.nullable(),
  woken_at: Time.nullable(),
  eta_ms: Milliseconds.nullable(),
  next_try_at: Time.nullable(),
  pinned_until: Time.nullable(),
  depends_on: z.array(z.string()),
  dependants: z.array(z.string()),
  error: Failure.nullable(),
  sleeps: z.boolean(),
  idle_timeout_ms: Milliseconds,
  stop_method: z.enum(["stop", "pause", "kill", "suspend"]),
  dry_run: z.boolean(),
  would_sleep_since: Time.nullable(),
  signals: z.array(
    z.strictObject({
      name: z.string(),
      live: z.boolean(),
      last_used_at: Time.nullable(),
      needs: z.string().nullable(),
    }),
  ),
  routes: z.array(z.string()),
});
export type Workload = z.infer<typeof Workload>;

export const Route = z.strictObject({
  alias: z.string(),
  kind: z.enum(["http", "tcp", "udp", "files"]),
  hosts: z.array(z.string()),
  path: z.string(),
  provider: z.string(),
  workload: z.string().nullable(),
  guest: z.strictObject({ provider: z.string(), node: z.string(), id: z.int() }).nullable(),
  upstreams: z.array(z.string()),
  excluded: z.boolean(),
  excluded_reason: z.string().nullable(),
  last_used_at: Time.nullable(),
  requests_total: Count,
  in_flight: Count,
  waiters: Count,
  health: Health,
});
export type Route = z.infer<typeof Route>;

export const Provider = z.strictObject({
  name: z.string(),
  type: z.string(),
  connected: z.boolean(),
  error: Failure.nullable(),
  workloads: Count,
});
export type Provider = z.infer<typeof Provider>;

export const Event = z.strictObject({
  at: Time,
  type: z.enum(["wake", "sleep", "state", "health", "provider", "config", "audit"]),
  alias: z.string().nullable(),
  message: z.string(),
  error: Failure.nullable(),
});
export type Event = z.infer<typeof Event>;

/** On a stream of logs: one line, as text. */
export const LogLine = z.strictObject({ line: z.string() });
/** On the stream of events: some were missed. */
export const Reset = z.strictObject({ message: z.string() });
/** How to ask for the next page; absent = this was the last. */
const Next = z.string().optional();
/** `next`: of older ones. */
export const Events = z.strictObject({ events: z.array(Event), next: Next });
/** Who is asking, and how they showed it. */
export const Session = z.strictObject({
  name: z.string(),
  role: z.enum(["viewer", "operator"]),
  via: z.enum(["token", "session", "basic", "header", "none"]),
});
export const Savings = z.strictObject({
  since: Time,
  workloads: z.array(
    z.strictObject({
      alias: z.string(),
      asleep_ms: Milliseconds,
      awake_ms: Milliseconds,
      saved_byte_hours: z.number().nonnegative(),
      dry_run: z.boolean(),
    }),
  ),
});
export const Timeline = z.strictObject({
  since: Time,
  until: Time,
  workloads: z.record(
    z.string(),
    z.array(
      z.strictObject({
        kind: z.enum(["awake", "asleep", "would_sleep"]),
        from: Time,
        to: Time.nullable(),
        memory_bytes: z.number().nonnegative().nullable(),
      }),
    ),
  ),
});
export const Workloads = z.strictObject({ workloads: z.array(Workload), next: Next });
export const Routes = z.strictObject({ routes: z.array(Route), next: Next });
export const RoutesByProvider = z.strictObject({ providers: z.record(z.string(), z.array(Route)), next: Next });
export const Providers = z.strictObject({ providers: z.array(Provider) });
export const ConfigErrors = z.strictObject({
  errors: z.array(z.strictObject({ source: z.string(), key: z.string(), message: z.string() })),
});
/** An examination by `nodoff doctor`. */
export const Exam = z.strictObject({
  nonce: z.string(),
  /** Who asked for it, and whether a hook would listen to that address. */
  peer: z.string(),
  trusted: z.boolean(),
  /** Whether a proxy stood between. */
  proxied: z.boolean(),
  proxy_hops: Count,
});
export const Sighting = z.strictObject({
  tag: z.string(),
  door: z.enum(["auth", "wake", "channel", "proxy"]),
  dialect: z.enum(["traefik", "caddy", "nginx"]).nullable(),
  outcome: z.enum(["read", "untrusted_peer", "unreadable"]),
  header: z.string().nullable(),
  peer: z.string(),
  asked: z
    .strictObject({
      method: z.string(),
      host: z.string(),
      path: z.string(),
      proto: z.enum(["http", "https"]),
      client: z.string().nullable(),
    })
    .nullable(),
  forwarded_for: z.string().nullable(),
  families: z.array(z.enum(["forwarded", "original"])),
  named: z.string().nullable(),
  route: z.string().nullable(),
});
export const Sightings = z.strictObject({ sightings: z.array(Sighting) });

export const Version = z.strictObject({ version: z.string() });

/** RFC 9457. */
export const Problem = z.strictObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.string(),
  detail: z.string().optional(),
  /** Of IN_USE. */
  reasons: z.array(Reason).optional(),
});

/** What `GET /routes` answers, grouped or not. */
export const RoutesAnswer = z.union([Routes, RoutesByProvider]);
/** What `GET /health` answers: by `detail`. */
export const HealthAnswer = z.union([AllHealth, AllStatuses]);
/** The `data` of a frame of `GET /events`. */
export const EventFrame = z.union([Event, Reset]);
/** The `data` of a frame of `GET /workloads/{alias}/logs`. */
export const LogFrame = z.union([LogLine, Failure]);
/** A JSON Schema (2020-12). */
export const JsonSchema = z.looseObject({ $schema: z.string() });
export const OpenApi = z.looseObject({ openapi: z.string() });
