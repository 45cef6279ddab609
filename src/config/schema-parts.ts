import { freeKeys, list, map } from "./shape.ts";
import { duration } from "./times.ts";
import {
  anyText,
  byteRate,
  choice,
  flag,
  integer,
  method,
  pathAndQuery,
  percent,
  scalar,
  scalarText,
  statusRanges,
  text,
} from "./values.ts";

/** `blog-db`, `cache:started`. */
export const dependency = text();

/** `process:` of a workload. */
export const processKeys = {
  command: list(anyText()).refine((command) => command.length > 0 && command[0] !== "", "must not be empty"),
  cwd: text().optional(),
  env: freeKeys(scalarText()).optional(),
};

/** One row of `tiers:`. */
export const tier = map({ after: duration(1000), do: choice("pause", "stop", "kill", "suspend") });

export const schedule = map({
  timezone: text().optional(),
  awake: list(text()).optional(),
  asleep: list(text()).optional(),
});

/** What counts as use. */
export const activityKeys = {
  requests: flag().describe("Whether requests at the hook count (default true)").optional(),
  connections: map({ required: flag().optional(), stale_after: duration(1000).nullable().optional() }).optional(),
  network: map({ floor: byteRate().optional() }).optional(),
  cpu: map({ floor: percent().optional() }).optional(),
  exec_sessions: flag().optional(),
  probe: map({
    http: pathAndQuery().optional(),
    json: text().optional(),
    not: scalar().optional(),
    exec: list(anyText()).optional(),
  }).optional(),
};

/** The health monitor of one route. */
export const health = map({
  interval: duration(1000).describe("Time between checks (default 30s)").optional(),
  timeout: duration(1).describe("Longest time one check may take (default 10s, at most interval)").optional(),
  method: method().describe("Default GET").optional(),
  path: pathAndQuery().describe("Path to ask (default /)").optional(),
  status: statusRanges().describe("Healthy statuses (default 200-399 with a path, else 200-499)").optional(),
  body: text().describe("Text the answer's body must hold").optional(),
  retries: integer(-1, 1000).describe("Failures in a row until the notice; -1 = at once (default 3)").optional(),
  fall: integer(1, 1000).describe("Failures in a row until unhealthy (default: retries)").optional(),
  rise: integer(1, 1000).describe("Passes in a row until healthy (default 1)").optional(),
  start_grace: duration().describe("After a wake, failures say nothing for so long (default 10s)").optional(),
  retry: map({
    max: integer(0, 1000).describe("Default 5").optional(),
    initial: duration(1).describe("Default 500ms").optional(),
    cap: duration(1).describe("Default 8s").optional(),
  })
    .describe("More tries of the first check after a wake, further and further apart")
    .optional(),
  disabled: flag().describe("true = never checked").optional(),
  tls_verify: flag().describe("false accepts any certificate (default: the route's tls_verify)").optional(),
  headers: freeKeys(scalarText()).describe("Sent with each check").optional(),
});
