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
  | { readonly kind: "port"; readonly port: number | null; readonly scheme: "http" | "https" | "h2c" };

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

/** How one workload sleeps and wakes. */
export interface WorkloadSpec {
  readonly alias: string;
  readonly displayName: string;
  /** Name under `providers:`. */
  readonly provider: string;
  readonly kind: "container" | "service" | "process" | "lxc" | "vm";
  /** The provider's name for it: container name, `project/service`, process alias, `lxc/100`, `vm/web@pve1`. */
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
}

/** Who may wake and what counts at one door (design §8.2, §8.3). */
export interface DoorSpec {
  readonly strategy: Strategy;
  readonly holdMs: number;
  readonly graceMs: number;
  /** Resolved by the config room: never `auto`. */
  readonly handOver: "url" | "docker";
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

/** A public name that leads to an upstream and may need a workload. */
export interface RouteSpec {
  readonly alias: string;
  readonly kind: "http";
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
  /** A node of a Proxmox VE cluster it leads to: nothing starts or stops that. Absent for all other routes. */
  readonly node?: string;
}
