import type { Failure } from "./errors.ts";
import type { WakeStep } from "./journal.ts";
import type { FollowOptions } from "./provider.ts";
import type { Reason } from "./verdict.ts";
import type { StateName } from "./state.ts";
import type { WorkloadSpec } from "./spec.ts";

/** Who asks for a wake: it lands in the journal. */
export type WakeCause = "request" | "person" | "retry" | "dependency" | "schedule";

/** What became of asking for sleep: refused with what forbids it, or under way (or asleep already). */
export type SleepAnswer =
  | { readonly kind: "accepted" }
  | { readonly kind: "in_use"; readonly reasons: readonly Reason[] };

/** How waiting ended. `changed` is any end that is neither ready nor a failure: stopped outside, put to sleep. */
export type Outcome =
  | { readonly kind: "ready" }
  | { readonly kind: "failed"; readonly failure: Failure }
  | { readonly kind: "changed" }
  | { readonly kind: "aborted" };

/** Something a workload needs, as it is now. */
export interface Need {
  readonly alias: string;
  readonly displayName: string;
  readonly state: StateName;
  /** Whether it is there, by the condition that was asked for. */
  readonly done: boolean;
}

/** A workload at one moment, for pages, API and metrics. Times are wall clock ms. */
export interface WorkloadView {
  readonly state: StateName;
  /** Since when it is in this state. */
  readonly since: number;
  readonly reasons: readonly Reason[];
  readonly lastUsedAt: number | null;
  /** When it will sleep if nothing happens; null = not planned. */
  readonly sleepsAt: number | null;
  readonly wokenAt: number | null;
  /** Remaining (starting) or expected (asleep) wake time from past wakes; null = no wake seen yet. */
  readonly etaMs: number | null;
  readonly failure: Failure | null;
  /** In `error`: when a request may try again. */
  readonly nextTryAt: number | null;
  /** A person wants it kept awake until then. */
  readonly pinnedUntil: number | null;
  /** Aliases of what it needs, and of what needs it. */
  readonly dependsOn: readonly string[];
  readonly dependants: readonly string[];
  /** The latest step of the wake under way, or of the one that failed; null = neither. */
  readonly step: WakeStep | null;
  /** What has to be there before it is started; empty for a group of which one member is enough. */
  readonly needs: readonly Need[];
  /** In a dry run: since when it would have been asleep; null = it would be awake. */
  readonly wouldSleepSince: number | null;
  /** The compose project it belongs to, as its engine says; null = none, or not known. */
  readonly project: string | null;
}

/** What doors need of a workload. One object for its whole life: routes keep it. */
export interface WorkloadHandle {
  readonly spec: WorkloadSpec;
  /** True exactly while requests go through without a question: ready, dependencies included. Read per request. */
  readonly allow: boolean;
  readonly state: StateName;
  /**
   * While the engine is asked where it answers, since it was found running or runs anew: when that has an answer, after
   * 2 s at most; null otherwise. Never rejects. Until then its origin is not known, or may be the one it had before.
   */
  readonly locating: Promise<void> | null;
  /** Marks use at the clock's `now`. Called per request: one store, nothing else. */
  touch(now: number): void;
  /** Marks a request that goes through and is no use: signals that see bytes leave it out. As cheap as `touch`. */
  pass(now: number): void;
  /**
   * Asks for a wake. Idempotent: however many ask, one start. In `error` a `request` is heard only after the retry
   * back-off, `person` and `retry` at once. Changes the state before it returns; never throws. True when this very call
   * caused a start, now or behind a stop under way.
   */
  wake(cause: WakeCause): boolean;
  /**
   * Resolves when waiting is over: at once when ready or in error, else at the next change to ready, error, asleep or
   * gone, at shutdown (failed, SHUTTING_DOWN), or when `signal` aborts (which cancels nothing else).
   */
  settled(signal: AbortSignal): Promise<Outcome>;
  /** Callers waiting in `settled`. */
  readonly waiting: number;
  /** A person asks for sleep. Takes a last look first; with `force` nothing but a running stop or start is asked. */
  sleep(options: { readonly force: boolean; readonly reason: string | null }): Promise<SleepAnswer>;
  /** A person asks for a stop and a start, in use or not. */
  restart(reason: string | null): void;
  /** Keeps it awake until a wall clock time, waking it if it sleeps; null ends that. */
  pin(until: number | null, reason: string | null): void;
  /** Looks at the engine and the upstream again without starting anything (nginx saw a 502 of a ready route). */
  recheck(): void;
  /**
   * From now on ready also means "Traefik's Docker provider has seen the start" (hand-over `docker`); with `auto` only
   * while `/traefik/config` does not lead to it.
   */
  requireDockerHandOver(by: "docker" | "auto"): void;
  /** The last `lines` lines of its output; empty when the engine cannot say. Never rejects. */
  logs(lines: number, signal: AbortSignal): Promise<readonly string[]>;
  /** As `Provider.follow`, of every engine. */
  follow(options: FollowOptions): AsyncIterable<string>;
  view(): WorkloadView;
}
