import type { Failure } from "./errors.ts";

/**
 * What an engine says about one workload at one moment. The name `paused` covers every frozen form; `restarting` is a
 * crash loop in the engine's own back-off.
 */
export type Power = "running" | "paused" | "stopped" | "restarting";

/** The engine's own health check: `none` where the workload has no check. */
export type EngineHealth = "none" | "starting" | "healthy" | "unhealthy";

/** One look at one workload. Looks are the truth; changes only make it known earlier. */
export interface Look {
  /** Every name a config may use for it, the most specific first: a container's name, `project/service`. */
  readonly refs: readonly string[];
  /** The engine's identity of this very incarnation; a recreated container has the same refs and another id. */
  readonly id: string;
  readonly power: Power;
  /** Wall clock ms at which this incarnation was made; absent where the engine does not say. */
  readonly createdAt?: number;
  /** Wall clock ms of the last start; null when it never ran. */
  readonly startedAt: number | null;
  /** Exit code of the last run; null while running or unknown. */
  readonly exitCode: number | null;
  /** The engine's words for the last failure; null when there is none. */
  readonly error: string | null;
  readonly health: EngineHealth;
  readonly labels: Readonly<Record<string, string>>;
  /** Why nodoff must never start or stop it (Swarm task, `--rm`, one-off run, nodoff itself); null = may. */
  readonly refusal: string | null;
  /** Advice worth one warning at discovery, such as `restart: always`. */
  readonly warnings: readonly string[];
  /** Its place in a compose project; absent outside of one. */
  readonly compose?: ComposePlace;
  /** Id of the workload whose network it uses instead of one of its own. */
  readonly sharesNetworkWith?: string;
  /** TCP ports its image or definition names. */
  readonly ports?: readonly number[];
}

/** `depends_on` of compose: services of the same project. */
export interface ComposePlace {
  readonly project: string;
  readonly service: string;
  readonly dependsOn: readonly { readonly service: string; readonly condition: "started" | "healthy" | "completed" }[];
}

/** A change the engine told of. `ref` is any of the look's refs, `at` wall clock ms. */
export type Change =
  | { readonly kind: "started" | "resumed" | "paused"; readonly refs: readonly string[]; readonly at: number }
  /** It ended. `asked`: a stop or kill was sent to it before (by anybody), so this is no crash. */
  | {
      readonly kind: "exited";
      readonly refs: readonly string[];
      readonly at: number;
      readonly asked: boolean;
      readonly exitCode: number | null;
      /** The engine will start it again by its restart policy. */
      readonly restarts: boolean;
    }
  | { readonly kind: "health"; readonly refs: readonly string[]; readonly at: number; readonly health: EngineHealth }
  | { readonly kind: "deleted"; readonly refs: readonly string[]; readonly at: number };

/** Receives what `watch` learns. Never throws. */
export interface ProviderObserver {
  /**
   * The whole truth: after (re)connecting, at least every 60 s, and whenever something was created or renamed. What is
   * not in `looks` no longer exists.
   */
  listed(looks: readonly Look[]): void;
  changed(change: Change): void;
  /** The link to the engine went up (null) or down. Told once per change. */
  link(failure: Failure | null): void;
}

/** What an engine can do, as data: callers ask this, never the provider's type. */
export interface Capabilities {
  readonly pause: boolean;
  readonly kill: boolean;
  readonly logs: boolean;
  /** Whether `Look.health` can be anything but `none`. */
  readonly health: boolean;
  /** Whether labels of its workloads may declare workloads. */
  readonly discovers: boolean;
}

export interface IoOptions {
  readonly signal: AbortSignal;
}

/** From where on output is followed. */
export interface FollowOptions extends IoOptions {
  /** As many of the lines there are already. */
  readonly lines: number;
  /** None from before this (wall clock ms). */
  readonly since?: number;
}

export interface StopOptions extends IoOptions {
  /** null = the workload's own, else SIGTERM. */
  readonly stopSignal: string | null;
  /** Milliseconds between the signal and the kill; null = the workload's own, else 10 s. */
  readonly timeoutMs: number | null;
}

/** Where a workload answers: `port` null means "the only one it has". */
export interface AddressQuery {
  readonly port: number | null;
}

/** Where a proxy reaches a port of a workload. `byName`: the proxy runs in a container, as far as its address tells. */
export interface LastingQuery {
  readonly port: number;
  readonly byName: boolean;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Traffic and CPU totals since start, and memory now; absent where the engine does not count. */
export interface Counters {
  readonly rxBytes?: number;
  readonly txBytes?: number;
  readonly cpuMs?: number;
  /** Used now, page cache left out. */
  readonly memoryBytes?: number;
}

/** An established TCP connection from outside to a port the workload listens on. */
export interface OpenConnection {
  /** The workload's own port. */
  readonly port: number;
  /** `address:port` of the other end. */
  readonly peer: string;
}

/** How a command ended; `output` is what it wrote, cut at 64 KiB. */
export interface ExecResult {
  readonly exitCode: number;
  readonly output: string;
}

/**
 * What activity signals ask about the inside of a workload. An engine that can never tell leaves the function out; a
 * right that is missing rejects with PROVIDER_FORBIDDEN, whose message names it. `ref` as in `Provider`.
 */
export interface Insight {
  /** Connections the workload itself opened are left out. */
  connections?(ref: string, options: IoOptions): Promise<readonly OpenConnection[]>;
  /** Commands that somebody runs inside it now, as text; those of its health check and nodoff's own left out. */
  sessions?(ref: string, options: IoOptions): Promise<readonly string[]>;
  /** Runs a command inside it and waits for its end. */
  exec?(ref: string, command: readonly string[], options: IoOptions): Promise<ExecResult>;
}

/** What a route leads to, as far as it says so. */
export interface LocateQuery {
  /** A workload's ref: nothing else counts then. */
  readonly ref: string | null;
  readonly hostname: string | null;
  readonly ip: string | null;
  readonly alias: string | null;
}

/** A machine of the engine. `id` 0 and `ref` null: a node itself, which nobody starts or stops. */
export interface Placement {
  readonly node: string;
  readonly id: number;
  readonly ref: string | null;
}

/** What a workload will ask of its engine. */
export interface Need {
  readonly ref: string;
  readonly stopMethod: string;
  /** Its address is asked for: no `upstream` is given. */
  readonly needsAddress: boolean;
  readonly wakeTimeoutMs: number;
}

/** Something that keeps a workload from sleeping or waking, with the mend. */
export interface Obstacle {
  readonly ref: string;
  readonly level: "error" | "warning";
  readonly message: string;
}

/**
 * Adapter to one engine. Every method is idempotent, takes a signal, and rejects only with `NodoffError`. `ref` is a
 * name from config, resolved anew at each call; one the engine does not know rejects with GONE (except `inspect`).
 */
export interface Provider {
  /** The name under `providers:`. */
  readonly name: string;
  readonly type: "docker" | "swarm" | "proxmox" | "process" | "agent";
  readonly capabilities: Capabilities;
  /** Absent: nothing of the inside can be seen. */
  readonly insight?: Insight;
  list(options: IoOptions): Promise<readonly Look[]>;
  /** undefined: the engine does not have it. */
  inspect(ref: string, options: IoOptions): Promise<Look | undefined>;
  /** Resolves once the engine accepted the start; already running is success. A paused one must be resumed instead. */
  start(ref: string, options: IoOptions): Promise<void>;
  /** Resolves once it no longer runs; already stopped is success, a paused one is stopped too. */
  stop(ref: string, options: StopOptions): Promise<void>;
  /** Freezes a running one; already paused is success. */
  pause(ref: string, options: IoOptions): Promise<void>;
  /** Unfreezes a paused one; already running is success. */
  resume(ref: string, options: IoOptions): Promise<void>;
  /**
   * Ends it at once (SIGKILL, or `stopSignal`), resolves once it no longer runs. Where there are no signals (guests of
   * Proxmox VE) a `timeoutMs` asks for a shutdown first and gives it so long; other engines ignore it.
   */
  kill(
    ref: string,
    options: IoOptions & { readonly stopSignal: string | null; readonly timeoutMs?: number | null },
  ): Promise<void>;
  /**
   * Saves its memory to disk and ends it: the next `start` goes on where it was. Resolves once it no longer runs; already
   * stopped is success. Absent where the engine cannot.
   */
  suspend?(ref: string, options: IoOptions): Promise<void>;
  /** Follows the engine until closed: reconnects by itself, replays what was missed, lists again. */
  watch(observer: ProviderObserver): { close(): Promise<void> };
  /**
   * The last `lines` lines of its output, oldest first, none from before `since` (wall clock ms); empty where
   * `capabilities.logs` is false.
   */
  logs(
    ref: string,
    options: IoOptions & { readonly lines: number; readonly since?: number },
  ): Promise<readonly string[]>;
  /**
   * The last lines of its output, then each further one as it is written. Ends when the workload does (an engine whose
   * output outlives that may go on) or `signal` aborts; fails with a NodoffError. Absent where the engine cannot: then
   * `logs` is asked again and again.
   */
  follow?(ref: string, options: FollowOptions): AsyncIterable<string>;
  counters(ref: string, options: IoOptions): Promise<Counters>;
  /** The address a client on nodoff's own network reaches. Read anew after each start: it changes. */
  address(ref: string, query: AddressQuery, options: IoOptions): Promise<Address>;
  /**
   * Where a proxy reaches it that has to know before it is awake: the same while it sleeps and after the next start; null
   * = no such address. Absent where proxies read no labels.
   */
  lastingAddress?(ref: string, query: LastingQuery, options: IoOptions): Promise<Address | null>;
  /**
   * The node or guest a route leads to; null = none of this engine. Rejects with REFUSED, naming the candidates, where
   * several fit. Absent where there is nothing to find.
   */
  locate?(query: LocateQuery, options: IoOptions): Promise<Placement | null>;
  /** Looks for missing rights and the like, for `nodoff check`. Changes nothing. Absent where nothing can be told. */
  examine?(needs: readonly Need[], options: IoOptions): Promise<readonly Obstacle[]>;
  /** Ends connections and whatever the provider itself started to run (never a workload that is somebody else's). */
  close(): Promise<void>;
}
