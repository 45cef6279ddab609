import { betweenWindows, scheduleWindow, timezone } from "./schedule-windows.ts";
import { freeKeys, list, map, switchable } from "./shape.ts";
import { duration } from "./times.ts";
import {
  anyText,
  byteRate,
  choice,
  flag,
  integer,
  jsonPath,
  logPattern,
  method,
  pathAndQuery,
  percent,
  scalarText,
  statusRanges,
  text,
} from "./values.ts";

/** `process:` of a workload. */
export const processKeys = {
  command: list(anyText())
    .refine((command) => command.length > 0 && command[0] !== "", "must not be empty")
    .describe("Program and arguments; no shell"),
  cwd: text().describe("Its working directory, absolute (default: nodoff's)").optional(),
  env: freeKeys(scalarText()).describe("Added to nodoff's own environment").optional(),
};

/** One row of `tiers:`. */
export const tier = map({
  after: duration(1000).describe("Unused for so long"),
  do: choice("pause", "stop", "kill", "suspend").describe("How it sleeps then"),
});

/** When it is to be awake or asleep by the clock. */
export const schedule = map({
  timezone: timezone().describe("Name such as Europe/Berlin (default: that of nodoff's host)").optional(),
  awake: list(scheduleWindow(), betweenWindows).describe("Woken and kept awake: 0 8 * * 1-5 for 10h").optional(),
  asleep: list(scheduleWindow(), betweenWindows)
    .describe("Asleep unless somebody uses it: 0 1 * * * for 6h")
    .optional(),
});

const required = flag().describe("Whether it counts as in use while this cannot be read (default false)").optional();

/** What counts as use. */
export const activityKeys = {
  requests: flag().describe("Whether requests at the hook count (default true)").optional(),
  connections: switchable({
    required,
    stale_after: duration(1000)
      .nullable()
      .describe("A silent connection counts no longer than this (default null: always)")
      .optional(),
  })
    .describe("Open connections; false = not looked at")
    .optional(),
  network: switchable({ required, floor: byteRate().describe("Counts from here on (default 256B/s)").optional() })
    .describe("Bytes it sends; false = not looked at")
    .optional(),
  cpu: switchable({ required, floor: percent().describe("Of one core, counts from here on (default 5%)").optional() })
    .describe("CPU time; false = not looked at")
    .optional(),
  exec_sessions: flag().describe("Whether commands run inside it by hand count (default true)").optional(),
  probe: map({
    http: pathAndQuery().describe("Path to ask; busy while it answers 200-299").optional(),
    status: statusRanges().describe("Busy while it answers one of these").optional(),
    json: jsonPath().describe("Busy while the value there is not that of `not`").optional(),
    not: scalarText().describe("What `json` shows while nothing goes on").optional(),
    match: logPattern().describe("Busy while the answer holds this text or /regular expression/").optional(),
    exec: list(anyText()).describe("Command inside it; busy while it exits with 0").optional(),
  })
    .describe("Asks the workload itself whether it is busy")
    .optional(),
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
