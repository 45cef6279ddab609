import { z } from "zod";
import { host, hostShorthand, listenAddress, network, origin } from "./addresses.ts";
import { dependency } from "./dependency.ts";
import { activityKeys, health, processKeys, schedule, tier } from "./schema-parts.ts";
import { isLoose } from "./loose.ts";
import { list, map, named } from "./shape.ts";
import { duration, idleTimeout } from "./times.ts";
import {
  anyText,
  choice,
  composeService,
  flag,
  integer,
  logPattern,
  method,
  name,
  nameOrNumber,
  path,
  pathAndQuery,
  pathGlob,
  pathPrefix,
  port,
  rate,
  signal,
  size,
  statusRanges,
  text,
} from "./values.ts";

const requestMatch = map({
  path: pathGlob().describe("Path, * for any run of characters").optional(),
  methods: list(method()).describe("Any of these methods").optional(),
  client: list(network()).describe("Client in any of these networks").optional(),
  user_agent: text().describe("User agent, * for any run of characters").optional(),
});

/** Who may wake and what counts at a door: keys of workloads and of routes. */
export const doorKeys = {
  strategy: choice("auto", "page", "hold", "redirect")
    .describe("What a caller gets while it wakes (default auto)")
    .optional(),
  hold: duration().describe("How long a caller is held (default 25s)").optional(),
  grace: duration().describe("How long a page view is held before the page (default 400ms)").optional(),
  hand_over: choice("auto", "url", "docker")
    .describe("How the proxy learns that it is ready (default auto)")
    .optional(),
  start_endpoint: path().describe("Only this path wakes").optional(),
  wake_on: list(requestMatch).describe("Only these requests wake").optional(),
  no_wake: list(requestMatch).describe("Requests that never wake, added to the built-in ones").optional(),
  no_wake_defaults: flag().describe("false drops the built-in no_wake rules (default true)").optional(),
  no_count: list(requestMatch).describe("Requests that wake but are no use").optional(),
  asleep_answer: map({
    status: integer(200, 599).describe("Default 200").optional(),
    body: anyText().describe("Its text").optional(),
  })
    .describe("Answer to no_wake requests while it sleeps")
    .optional(),
  wake_quota: rate().describe("Wakes one client may cause, such as 10/1m").optional(),
};

/** Keys of a route; on a workload they go to its own route. */
const routeKeys = {
  host: hostShorthand().describe("Public host; *.x, **.x and * are patterns").optional(),
  hosts: list(host()).describe("Public hosts").optional(),
  path: pathPrefix().describe("Path prefix (default /)").optional(),
  strip_path: flag().describe("Take the prefix off before the upstream (default false)").optional(),
  port: port().describe("Port of the workload").optional(),
  tls_verify: flag().describe("false accepts any certificate of the upstream (default true)").optional(),
  host_header: text().describe("Host sent to the upstream (default: the client's)").optional(),
  exclude: flag().describe("Known, never served or slept (default false)").optional(),
  proxy: flag().describe("Whether nodoff's own proxy serves it").optional(),
  listen: listenAddress().describe("A port of its own").optional(),
  via: flag().describe("true adds Via to requests and answers").optional(),
  security_headers: flag().describe("true adds the usual ones where the app has none").optional(),
  limits: map({
    body: size().describe("Longest body of a request, such as 10MB; beyond it 413").optional(),
    rate: rate().describe("Requests of one client, such as 20/1s; beyond it 429").optional(),
  })
    .describe("What one client may send through nodoff's own proxy")
    .optional(),
  fallback: choice("page", "proxy").describe("What the fallback port does (default page)").optional(),
  health: health.describe("How its health is checked").optional(),
  ...doorKeys,
};

/** Every way to name what sleeps; exactly one is given. */
export const targetKeys = {
  container: text().describe("Container by name").optional(),
  compose: text().describe("A whole Compose project").optional(),
  service: composeService().describe("Compose service as project/service").optional(),
  lxc: nameOrNumber().describe("Proxmox container by id or name").optional(),
  vm: nameOrNumber().describe("Proxmox VM by id or name").optional(),
  process: map(processKeys).describe("A command nodoff runs itself").optional(),
  group: list(member()).describe("Several workloads behind one name, in turn by weight").optional(),
};

/** The keys that make up how a workload sleeps and wakes; labels have these too. */
const policyKeys = {
  upstream: origin(["http", "https", "h2c", "tcp"]).describe("Where it answers").optional(),
  display_name: text().describe("Name for people").optional(),
  idle_timeout: idleTimeout().describe("Unused for so long, it sleeps (default 15m, 0 = never)").optional(),
  wake_timeout: duration(1000).describe("Longest time a wake may take (default 2m)").optional(),
  min_awake: duration().describe("Least time awake (default 30s, at most idle_timeout)").optional(),
  stop_method: choice("stop", "pause", "kill", "suspend").describe("How it sleeps (default stop)").optional(),
  stop_signal: signal().describe("Default: the container's own").optional(),
  stop_timeout: duration().describe("Default: the container's own").optional(),
  depends_on: list(dependency())
    .describe("What must run before it: db, db:started, db:healthy, db:completed")
    .optional(),
  depends_on_sleep: flag()
    .describe("true = what it depends on may be stopped, too, without having opted in")
    .optional(),
  ready: readyMap().describe("When a started one may get traffic").optional(),
  activity: map(activityKeys).describe("What counts as use").optional(),
  schedule: schedule.describe("When it is awake or asleep by the clock").optional(),
  loading: map({
    theme: text().describe("default, terminal, minimal, or the folder of your own: ./theme").optional(),
    title: text().describe("Name on the loading page").optional(),
    icon: text().describe("Name of an icon, a character or two, a data: URL, or an image: ./icon.svg").optional(),
    show_logs: flag().describe("Show the end of the log to everybody who waits (default false)").optional(),
    log_lines: integer(1, 1000).describe("Lines of log (default 30)").optional(),
    redirect_path: pathAndQuery().nullable().describe("Where the page leads when ready").optional(),
  })
    .describe("The loading page")
    .optional(),
  show_details: flag().describe("Engine text on public answers (default false)").optional(),
  dry_run: flag().describe("Says when it would sleep, and never does (default false)").optional(),
  tiers: list(tier).describe("Ever deeper sleep, instead of idle_timeout and stop_method").optional(),
  ...routeKeys,
};

function readyMap() {
  const keys = map({
    http: pathAndQuery().describe("Path to ask").optional(),
    status: statusRanges().describe("Accepted statuses where http is given (default 200-399)").optional(),
    tcp: port().describe("Port that must accept").optional(),
    engine_health: flag().describe("Wait for the engine's own health check (default false)").optional(),
    log: logPattern().describe("Text, or /regular expression/, some log line must hold").optional(),
    delay: duration().describe("Waited after everything else").optional(),
  });
  return z
    .preprocess((value) => (value === "auto" || (isLoose(value) && value.text === "auto") ? {} : value), keys)
    .meta({ type: ["object", "string"], pattern: "^auto$" });
}

/** A workload as it is written under `workloads:`. */
export const Workload = map({
  provider: text().describe("Name under providers; may be left out when only one can have it").optional(),
  node: text().describe("Proxmox node, where two guests have one name").optional(),
  ...targetKeys,
  wake: choice("all", "one").describe("Members of a group that a wake needs (default all)").optional(),
  ...policyKeys,
});

/** What a workload may say, parsed; nothing is filled in yet. */
export type WorkloadKeys = z.infer<typeof Workload>;

const streamKeys = { allow: list(network()).describe("Who may connect (default: anybody)").optional() };

/** A route as it is written under `routes:`. */
export const Route = map({
  workload: text().describe("Alias of what must be awake").optional(),
  upstream: origin(["http", "https", "h2c", "tcp", "udp"]).describe("Default: the workload's").optional(),
  upstreams: list(weightedUpstream()).describe("Several addresses, in turn by weight").optional(),
  node: text().describe("Proxmox node it leads to: no power control").optional(),
  files: map({
    root: text().describe("Folder, from that of nodoff.yaml"),
    index: list(text()).describe("Page of a directory (default index.html)").optional(),
    spa: flag().describe("Unknown pages get the root's index (default false)").optional(),
    dotfiles: flag().describe("Serve names that start with a dot (default false)").optional(),
  })
    .describe("Static files")
    .optional(),
  tcp: map({
    listen: listenAddress().describe("Where it listens"),
    min_bytes: integer(0, 65_536).describe("Bytes a client must send before it wakes anything (default 0)").optional(),
    accept_proxy_protocol: flag().describe("Trusted peers begin with a PROXY header, v1 or v2").optional(),
    send_proxy_protocol: flag().describe("Begin with a PROXY header (v2) to the upstream").optional(),
    ...streamKeys,
  })
    .describe("A TCP port of its own")
    .optional(),
  udp: map({
    listen: listenAddress().describe("Where it listens"),
    session_timeout: duration(1000).describe("A silent client is forgotten after this (default 60s)").optional(),
    ...streamKeys,
  })
    .describe("A UDP port of its own")
    .optional(),
  ...routeKeys,
});

/** What a route may say, parsed; nothing is filled in yet. */
export type RouteKeys = z.infer<typeof Route>;

/** The keys of a door, parsed. */
export type DoorKeys = Pick<RouteKeys, keyof typeof doorKeys>;

function member() {
  const keys = map({
    workload: text().describe("Its alias"),
    weight: integer(0, 1000).describe("Default 1").optional(),
  });
  const isName = (value: unknown): boolean => typeof value !== "object" || value === null || isLoose(value);
  return z
    .preprocess((value) => (isName(value) ? { workload: value } : value), keys)
    .meta({ type: ["object", "string"] });
}

function weightedUpstream() {
  const keys = map({
    url: origin(["http", "https", "h2c"]).describe("Where it answers"),
    weight: integer(0, 1000).describe("Share of requests; 0 = none (default 1)").optional(),
  });
  return z
    .preprocess((value) => (typeof value === "string" ? { url: value } : value), keys)
    .meta({ type: ["object", "string"] });
}

/** The labels of one container, without their `nodoff.`. */
export const Labels = map({
  enable: flag().optional(),
  name: name().optional(),
  routes: named(map({ upstream: origin(["http", "https", "h2c"]).optional(), ...routeKeys })).optional(),
  ...policyKeys,
});

/** What labels may say, parsed. */
export type LabelKeys = z.infer<typeof Labels>;
