/**
 * What the configuration says, in the units the core uses. The config room produces these; nothing else in nodoff
 * reads YAML or labels. All times are milliseconds.
 */

export type Strategy = "auto" | "page" | "hold" | "redirect";
/** `suspend`: memory goes to disk (VMs). */
export type StopMethod = "stop" | "pause" | "kill" | "suspend";

/** Matches requests. Every field that is given must match; globs use `*` for any run of characters. */
export interface RequestMatch {
  readonly path?: string;
  readonly methods?: readonly string[];
  /** CIDRs or addresses. */
  readonly client?: readonly string[];
  readonly userAgent?: string;
}

export interface AsleepAnswer {
  readonly status: number;
  readonly body: string;
}

/** `count` events per `perMs`, per client address. */
export interface Rate {
  readonly count: number;
  readonly perMs: number;
}

/** Where traffic goes: a given address, or a port of the workload whose address its provider knows. */
export type UpstreamSpec =
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "port"; readonly port: number | null; readonly scheme: "http" | "https" | "h2c" | "tcp" | "udp" };

/** Inclusive HTTP status ranges, as in `200-399`. */
export type StatusRanges = readonly (readonly [number, number])[];

/** When a started workload may get traffic (design §3 "ready: auto"). */
export interface ReadySpec {
  /** Path to GET on the upstream; null = any complete status line but 502, 503, 504 on `/`. */
  readonly http: string | null;
  /** Accepted statuses where `http` is given. */
  readonly status: StatusRanges;
  /** TCP port on the upstream's host that must accept and stay open 50 ms. */
  readonly tcp: number | null;
  /** Wait for the engine's own health check too. */
  readonly engineHealth: boolean;
  /** A source of a regular expression some log line since the start must match. */
  readonly log: string | null;
  /** Waited after everything else passed. */
  readonly delayMs: number;
}

export interface LoadingSpec {
  readonly theme: string;
  readonly title: string | null;
  readonly icon: string | null;
  readonly showLogs: boolean;
  readonly logLines: number;
  /** Where the page leads when ready; null = the address that was asked for. */
  readonly redirectPath: string | null;
}

/** A deeper sleep: from `afterMs` without use on, the workload is put to sleep by `method`. */
export interface Tier {
  readonly afterMs: number;
  readonly method: StopMethod;
}

/** `0 8 * * 1-5 for 10h`: opens at each time of the cron expression (five fields) and lasts. */
export interface ScheduleWindow {
  readonly cron: string;
  readonly durationMs: number;
}

export interface ScheduleSpec {
  /** IANA name; null = that of nodoff's host. */
  readonly timezone: string | null;
  /** Woken when one opens, never put to sleep while one is open. */
  readonly awake: readonly ScheduleWindow[];
  /** Put to sleep when one opens, or as soon as it is not in use. */
  readonly asleep: readonly ScheduleWindow[];
}

/**
 * What must be true of a dependency before the dependant is started. `auto`: ready where it has an upstream, healthy
 * where the engine checks its health, else started.
 */
export type DependencyCondition = "auto" | "started" | "healthy" | "completed";

export interface DependencySpec {
  /** Alias of a workload; else the engine's name of something that did not opt in: a container, a compose service. */
  readonly name: string;
  readonly condition: DependencyCondition;
}

/** The busy probe: asks the workload itself. `json` is a path such as `$.jobs.active`, `pattern` a regular expression. */
export type BusyProbeSpec =
  | {
      readonly kind: "http";
      /** Path and query on the upstream. */
      readonly path: string;
      /** Busy while the answer is one of these; without `json` and `pattern`. */
      readonly status: StatusRanges | null;
      /** Busy while the value there is not `idleValue`. */
      readonly json: string | null;
      /** What `json` shows, as text, while nothing goes on. */
      readonly idleValue: string | null;
      /** Busy while the body matches. */
      readonly pattern: string | null;
    }
  /** Busy while the command inside it exits with 0. */
  | { readonly kind: "exec"; readonly command: readonly string[] };

/** What counts as use besides requests through nodoff's doors; null = not looked at. */
export interface ActivitySpec {
  /** `required`: unreadable counts as in use. `staleAfterMs`: a silent socket stops counting then; null = never. */
  readonly connections: { readonly required: boolean; readonly staleAfterMs: number | null } | null;
  /** Bytes sent per second from which on it counts. */
  readonly network: { readonly required: boolean; readonly floorBytesPerS: number } | null;
  /** Percent of one core. */
  readonly cpu: { readonly required: boolean; readonly floorPercent: number } | null;
  readonly execSessions: boolean;
  readonly probe: BusyProbeSpec | null;
}

/** How one workload sleeps and wakes. */
export interface WorkloadSpec {
  readonly alias: string;
  readonly displayName: string;
  /** Name under `providers:`. */
  readonly provider: string;
  readonly kind: "container" | "service" | "process" | "lxc" | "vm" | "compose" | "group";
  /**
   * The provider's name for it: container name, `project/service`, process alias, `lxc/100`, `vm/web@pve1`; of a group
   * its own alias.
   */
  readonly ref: string;
  /** `file`, or the name of the provider whose labels declared it. */
  readonly source: string;
  /** Where it answers; null: nobody talks to it over HTTP, running is ready. */
  readonly upstream: UpstreamSpec | null;
  readonly ready: ReadySpec;
  /** 0 = never sleeps by itself. */
  readonly idleTimeoutMs: number;
  readonly wakeTimeoutMs: number;
  readonly minAwakeMs: number;
  readonly stopMethod: StopMethod;
  /** null = the workload's own. */
  readonly stopSignal: string | null;
  /** null = the workload's own. */
  readonly stopTimeoutMs: number | null;
  readonly loading: LoadingSpec;
  readonly showDetails: boolean;
  /** Deeper sleeps after the first, which `idleTimeoutMs` and `stopMethod` say; later and deeper each. */
  readonly deeper: readonly Tier[];
  /** False: it did not opt in. Started where something depends on it, never stopped. */
  readonly sleeps: boolean;
  /** Nobody talks to it but dependants: it sleeps as soon as the last of them does, whatever `idleTimeoutMs`. */
  readonly followsDependants: boolean;
  readonly dependsOn: readonly DependencySpec[];
  /** What it depends on and did not opt in may be stopped, too. */
  readonly dependsOnSleep: boolean;
  /** Of a `group`: aliases. Of a `compose`: empty, its containers are found. Else empty. */
  readonly members: readonly string[];
  /** Of a group: how often each member has its turn, by alias; absent = all the same. 0 = only where no other is left. */
  readonly memberWeights?: Readonly<Record<string, number>>;
  /** Of a group: which members a wake needs. */
  readonly wakeMembers: "all" | "one";
  readonly activity: ActivitySpec;
  readonly schedule: ScheduleSpec | null;
  /** Says when it would sleep, and never does. */
  readonly dryRun: boolean;
}

/** How "ready" reaches the proxy (design §8.2). */
export type HandOver = "url" | "docker" | "auto";

/** Who may wake and what counts at one door (design §8.2, §8.3). */
export interface DoorSpec {
  readonly strategy: Strategy;
  readonly holdMs: number;
  readonly graceMs: number;
  /** `auto`: `docker`, unless its proxy takes the route from `/traefik/config`; left over only where labels say so. */
  readonly handOver: HandOver;
  readonly startEndpoint: string | null;
  /** Empty = anybody may wake. */
  readonly wakeOn: readonly RequestMatch[];
  /** Complete list: defaults included unless `no_wake_defaults: false`. */
  readonly noWake: readonly RequestMatch[];
  readonly noCount: readonly RequestMatch[];
  /** Whether the built-in rules (HEAD without Sec-Fetch, prefetch, favicon, monitors …) apply. */
  readonly noWakeDefaults: boolean;
  readonly asleepAnswer: AsleepAnswer | null;
  readonly wakeQuota: Rate | null;
}

/** How the health of one route is watched (design §10). */
export interface HealthSpec {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly method: string;
  readonly path: string;
  readonly status: StatusRanges;
  /** Text the body must hold; null = the body is not read. */
  readonly body: string | null;
  /** Lower case names; `host` replaces the Host that is sent. */
  readonly headers: Readonly<Record<string, string>>;
  readonly tlsVerify: boolean;
  /** Failures in a row until the notice "down"; -1 = at the first. */
  readonly retries: number;
  /** Failures in a row until unhealthy, passes in a row until healthy. */
  readonly fall: number;
  readonly rise: number;
  /** After a wake, failures say nothing for so long. */
  readonly startGraceMs: number;
  /** The first checks after a wake: at most `max` more tries, `initialMs` apart, doubling up to `capMs`. */
  readonly retry: { readonly max: number; readonly initialMs: number; readonly capMs: number };
  readonly disabled: boolean;
}

/** An address to listen on; `host` null = every interface, `port` 0 = any free one. */
export interface ListenSpec {
  readonly host: string | null;
  readonly port: number;
}

/** The door of a TCP or UDP route. */
export interface StreamSpec {
  readonly listen: ListenSpec;
  /** TCP: a client wakes nothing before it has sent so many bytes. */
  readonly minBytes: number;
  /** UDP: a client's session ends so long after its last datagram, or the last one to it. */
  readonly sessionTimeoutMs: number;
  /** CIDRs and addresses of who may connect; empty = anybody. */
  readonly allow: readonly string[];
  /** TCP: trusted peers begin with a PROXY protocol header (v1 or v2) that names the client. */
  readonly acceptProxy: boolean;
  /** TCP: the upstream is told the client by a PROXY protocol header (v2). */
  readonly sendProxy: boolean;
}

/** What one client may send through our own proxy; null = no limit. */
export interface RouteLimits {
  /** Longest body of a request. */
  readonly bodyBytes: number | null;
  /** Requests per client address. */
  readonly rate: Rate | null;
}

/** Static files as an upstream. */
export interface FilesSpec {
  /** Absolute. */
  readonly root: string;
  /** Names of the page a directory shows, the first that is there. */
  readonly index: readonly string[];
  /** Unknown pages get the root's index: the app in the browser knows its own paths. */
  readonly spa: boolean;
  /** Whether names that start with a dot are served. */
  readonly dotfiles: boolean;
}

/** One of several upstreams of a route; `weight` 0 = never while another is there. */
export interface WeightedUpstream {
  readonly url: string;
  readonly weight: number;
}

/** A public name or port that leads to an upstream and may need a workload. */
export interface RouteSpec {
  readonly alias: string;
  readonly kind: "http" | "tcp" | "udp" | "files";
  /** `file`, or a provider's name. */
  readonly source: string;
  /** Lower case, without port or trailing dot; `*.x`, `**.x` and `*` are patterns. Empty: reached only by `?route=`. */
  readonly hosts: readonly string[];
  /** Prefix on segment boundaries; `/` = all. */
  readonly path: string;
  readonly stripPath: boolean;
  /** Alias of the workload; null = never sleeps. */
  readonly workload: string | null;
  /** null = the workload's. */
  readonly upstream: UpstreamSpec | null;
  readonly door: DoorSpec;
  /** Whether our own proxy serves it (false for routes read from a foreign proxy's labels without `proxy: true`). */
  readonly served: boolean;
  readonly tlsVerify: boolean;
  /** Sent as Host to the upstream; null = the client's. */
  readonly hostHeader: string | null;
  readonly excluded: boolean;
  readonly health: HealthSpec;
  /** A node of a Proxmox VE cluster it leads to: nothing starts or stops that. Absent for all other routes. */
  readonly node?: string;
  /** Of a `tcp` or `udp` route. */
  readonly stream?: StreamSpec;
  /** A port of its own for an HTTP route, where it answers whatever the host. */
  readonly listen?: ListenSpec;
  /** Of a `files` route. */
  readonly files?: FilesSpec;
  /** Our own proxy adds Via (RFC 9110 section 7.6.3) to requests and answers. */
  readonly via?: boolean;
  /** Our own proxy adds the usual security headers where the app's answer has none. */
  readonly securityHeaders?: boolean;
  readonly limits?: RouteLimits;
  /** The fallback port passes requests on, once it is awake; absent: it only wakes. */
  readonly fallback?: "proxy";
  /** Several addresses instead of `upstream`, in turn by weight. */
  readonly upstreams?: readonly WeightedUpstream[];
}
