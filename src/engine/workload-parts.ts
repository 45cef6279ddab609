import type { Clock } from "../core/clock.ts";
import type { Failure } from "../core/errors.ts";
import type { Journal, WakeStep } from "../core/journal.ts";
import type { Logger } from "../core/logger.ts";
import type { Prober } from "../core/prober.ts";
import type { Change, Look, Provider } from "../core/provider.ts";
import type { Signal, Subject } from "../core/signal.ts";
import type { DependencyCondition, StopMethod, UpstreamSpec, WorkloadSpec } from "../core/spec.ts";
import type { Input, State } from "../core/state.ts";
import type { Store } from "../core/store.ts";
import type { Tallies } from "../core/tallies.ts";
import type { NamedReading, Reason } from "../core/verdict.ts";
import type { WorkloadHandle } from "../core/workload-handle.ts";
import type { CommandQueue } from "./command-queue.ts";
import type { LookBudget } from "./look-budget.ts";
import type { SignalView } from "./looking.ts";
import type { Schedule } from "./schedule.ts";
import type { Scope } from "./scope.ts";

/** What all workloads of one provider share. */
export interface WorkloadDeps {
  readonly clock: Clock;
  readonly journal: Journal;
  readonly logger: Logger;
  readonly prober: Prober;
  readonly provider: Provider;
  readonly store: Store;
  readonly signals: readonly Signal[];
  /** Runs in a later turn of the event loop. */
  readonly defer: (run: () => void) => void;
  /** Aborts when nodoff shuts down: engine calls under way are given up. */
  readonly shutdown: AbortSignal;
  /** Longest time between two looks at the signals of a workload that may sleep soon. */
  readonly pollMs: () => number;
  /** Looks at signals of all workloads together. */
  readonly looks: LookBudget;
  /** Why something that runs beside it needs it, asked at the engine now. Rejects when the engine cannot say. */
  readonly neededBy: (workload: Workload) => Promise<readonly string[]>;
  /** Whether a member of a group, by its address, is healthy enough for traffic. Default: all are. */
  readonly takesTraffic?: (group: string, origin: string) => boolean;
  readonly handOver?: HandOverDeps;
}

/** What is known of Traefik; left out, it is given its time (hand-over `docker`). */
export interface HandOverDeps {
  /** Whether `/traefik/config` leads it to this workload: it need not learn of a start then. */
  isLed(alias: string): boolean;
  /**
   * Resolves with `seen` once Traefik shows the server of what just started, with `unknown` as soon as it is clear that
   * nobody can tell; never while Traefik says that it does not have it, until `signal` aborts. Never rejects.
   */
  untilSeen(look: Look, origin: string | null, signal: AbortSignal): Promise<"seen" | "unknown">;
}

export interface Link {
  readonly workload: Workload;
  readonly condition: DependencyCondition;
}

/** A workload's place among the others. */
export interface Links {
  readonly dependencies: readonly Link[];
  readonly dependants: readonly Workload[];
  /** A dependant waits for its end: it runs once per wake, and an exit with 0 is success. */
  readonly completes: boolean;
}

/** A workload as the supervisor drives it. Doors see only the handle, signals only the subject. */
export interface Workload extends WorkloadHandle, Subject {
  readonly spec: WorkloadSpec;
  readonly tallies: Tallies;
  /** Its place among the others. */
  readonly links: Links;
  /** Why it is driven no longer; null while it is. */
  readonly closed: Failure | null;
  readonly lastUsedAt: number;
  /** Monotonic ms before which `sweep` has nothing to do. */
  readonly dueAt: number;
  /** `lastUsedAt` as the store knows it. */
  readonly savedUse: number;
  /** The latest look; undefined before the first, or when it is gone. */
  readonly look: Look | undefined;
  /** Monotonic ms of the last time it ran to its end and that was well; -Infinity = never. */
  readonly completedAt: number;
  /** Resolves when the look or the state may have changed, or `signal` aborts. */
  changed(signal: AbortSignal): Promise<void>;
  /** What an event told. Believed only after a look of our own. */
  observe(change: Change): void;
  /** What a list showed; undefined = the engine does not have it. */
  listed(look: Look | undefined): void;
  /** Hands the last use to the store. */
  saveUse(): void;
  /** Looks whether it may sleep. Called once a second from `dueAt` on. */
  sweep(now: number): void;
  /** New policy for the same engine object; `upstreams` are those of its routes beyond its own. */
  update(spec: WorkloadSpec, upstreams: readonly UpstreamSpec[]): void;
  /** Its dependencies and dependants from now on. */
  link(links: Links): void;
  /** A dependency went ready or away, or a dependant fell asleep. */
  neighbourChanged(): void;
  /** Its engine runs it, or is about to, as far as nodoff knows: what it depends on is needed. */
  readonly isAwake: boolean;
  /** Since when it is in this state: wall clock ms. */
  readonly since: number;
  signals(): readonly SignalView[];
  /** Origin of one of its upstreams (null: its own); null while unknown. */
  origin(upstream: UpstreamSpec | null, passed?: ReadonlySet<string>): string | null;
  /** Where its members that are ready answer; empty unless it is a group. */
  memberOrigins(): readonly string[];
  /** Answers whoever waits, with `why`, and stops watching. Nothing is stopped at the engine. */
  close(why: Failure): void;
}

/** One attempt to get it ready, from its wake or the moment it was found running. */
export interface Attempt {
  readonly scope: Scope;
  /** Monotonic ms. */
  readonly begunAt: number;
  /** We start it, and its end is not booked yet; else somebody else did and it is only probed. */
  ours: boolean;
  /** Monotonic ms of its own start, after its dependencies; wake_timeout counts from here. */
  startedAt: number;
  /** Our start has not been answered yet. */
  pending: boolean;
  resumed: boolean;
  /** What the last probe saw, for the message of a timeout. */
  lastMiss: string;
  search: Search | null;
}

/** A search for readiness. One per attempt, however often it is asked for. */
export interface Search {
  readonly pace: "eager" | "slow";
  readonly startedAt: number;
  readonly scope: Scope;
}

/** What is known while it is awake (or in a shallow sleep), for the decision when to sleep. */
export interface Watch {
  /** Not looked at before, whatever the idle time says: monotonic ms. */
  nextLookAt: number;
  /** Its turn among all that want to look; null = it does not want to. */
  turnAt: number | null;
  looking: boolean;
  /** Stops refused in a row, and why the last one was. */
  refusals: number;
  refusedFor: string | null;
  /** The latest readings of signals that have to ask; those that answer at once are read when they are needed. */
  readings: readonly NamedReading[];
  /** What the last look found beside it that needs it; empty where nothing was about to be stopped. */
  needs: readonly Reason[];
  /** First of the looks since it was last used; null = none yet. */
  askedFirstAt: number | null;
  /** Latest use those readings saw. */
  seenUseAt: number;
  /** A dependant is awake. */
  isNeeded: boolean;
  /** Since when no dependant is awake; null = one is, or none was since it is awake. */
  releasedAt: number | null;
  /** In a dry run: since when it would be asleep. */
  wouldSleepSince: number | null;
}

/** The stop under way, or the last one. */
export interface Stop {
  readonly method: StopMethod;
  readonly reasons: readonly Reason[];
  /** What it used before, which is what sleeping saves; null = not known. */
  readonly memoryBytes: number | null;
  /** Its last look has the queue's turn, and so has the stop that follows from it. */
  readonly inTurn?: boolean;
  /** Resolves when the engine is done, well or not. */
  readonly underWay?: Promise<void>;
}

/**
 * One workload: plain data and what is under way, shared by the functions of waking.ts, sleeping.ts, observing.ts and
 * looking.ts. What a sleeper does not need is null: there may be 10,000 of them.
 */
export interface Unit extends Workload {
  spec: WorkloadSpec;
  allow: boolean;
  state: State["name"];
  /** The state with its details; only `dispatch` changes it. */
  readonly phase: State;
  lastUsedAt: number;
  dueAt: number;
  savedUse: number;
  awakeSince: number;
  look: Look | undefined;
  completedAt: number;
  /** Monotonic ms of the end of its last run, as far as nodoff saw it; -Infinity = it did not. */
  endedAt: number;
  readonly deps: WorkloadDeps;
  /** When it last got ready: wall clock ms. */
  wokenAt: number | null;
  /** Origins by upstream, as read since its last start. */
  addresses: Map<string, string> | null;
  readonly dockerHandOver: boolean;
  /** A person asked for the last wake: what it depends on is tried again at once, too. */
  readonly insists: boolean;
  attempt: Attempt | null;
  /** Addresses are being read. */
  reading: Reading | null;
  /** The latest step that was told, errors aside. */
  step: WakeStep | null;
  /** How the present run ended, as far as the engine told; null while it runs, or the telling was missed. */
  lastExit: { readonly asked: boolean; readonly exitCode: number | null } | null;
  /** Monotonic ms of exits nobody asked for. */
  exits: number[] | null;
  watch: Watch | null;
  stop: Stop | null;
  /** Reasons of the last decision about sleeping. */
  reasons: readonly Reason[];
  readonly schedule: Schedule | null;
  /** The opening of a schedule window it was woken for, wall clock ms. */
  wokenFor: number | null;
  /** The only way to change the state. */
  dispatch(input: Input): void;
  /** Lives as long as the present state. */
  scope(): Scope;
  queue(): CommandQueue;
  /** Aborts when engine calls under way are given up: shut down, or no longer configured. */
  calls(): AbortSignal;
  logger(): Logger;
  /** Publishes a step of a wake. */
  tell(step: WakeStep, message: string, more?: { readonly failure?: Failure; readonly etaMs?: number | null }): void;
  /** It runs anew and the state stays: where it answers may be another place. */
  restarted(): void;
  /** The engine's own health check found it unhealthy. */
  unhealthy(): void;
  /** Those who wait in `changed` look again. */
  announce(): void;
  /** Where it answers: its own upstream, then those of its routes. */
  upstreams(): readonly UpstreamSpec[];
  wallOf(monotonic: number): number;
}

/** Addresses being read from the engine, until they are known. */
export interface Reading {
  readonly scope: Scope;
  /** When the first try has ended, either way; null afterwards. */
  firstTry: Promise<void> | null;
}

/** It is no object of an engine: it stands for its members, which are its dependencies. */
export function isGroup({ kind }: WorkloadSpec): boolean {
  return kind === "group" || kind === "compose";
}

export const noLinks: Links = { dependencies: [], dependants: [], completes: false };
