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
  interval: duration(1000).optional(),
  timeout: duration(1).optional(),
  method: method().optional(),
  path: pathAndQuery().optional(),
  status: statusRanges().optional(),
  retries: integer(-1, 1000).optional(),
  fall: integer(1, 1000).optional(),
  rise: integer(1, 1000).optional(),
  start_grace: duration().optional(),
  retry: map({
    max: integer(0, 1000).optional(),
    initial: duration(1).optional(),
    cap: duration(1).optional(),
  }).optional(),
  disabled: flag().optional(),
  tls_verify: flag().optional(),
  headers: freeKeys(scalarText()).optional(),
});
