import type { Clock } from "../core/clock.ts";
import type { Failure } from "../core/errors.ts";
import type { Journal, WakeStep } from "../core/journal.ts";
import type { Logger } from "../core/logger.ts";
import type { Prober } from "../core/prober.ts";
import type { Change, EngineHealth, Look, Provider } from "../core/provider.ts";
import type { Signal } from "../core/signal.ts";
import type { UpstreamSpec, WorkloadSpec } from "../core/spec.ts";
import type { Input, State } from "../core/state.ts";
import type { Store } from "../core/store.ts";
import type { Tallies } from "../core/tallies.ts";
import type { WorkloadHandle } from "../core/workload-handle.ts";
import type { CommandQueue } from "./command-queue.ts";
import type { Scope } from "./scope.ts";

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
}

/** What the parts of one workload (waking, sleeping, observing) share. */
export interface Shared extends Omit<WorkloadDeps, "shutdown"> {
  readonly queue: CommandQueue;
  /** Aborts when engine calls under way are given up: shut down, or no longer configured. */
  calls(): AbortSignal;
  readonly tallies: Tallies;
  spec(): WorkloadSpec;
  /** Where it answers: its own upstream, then those of its routes. */
  upstreams(): readonly UpstreamSpec[];
  state(): State;
  /** Lives as long as the present state. */
  scope(): Scope;
  /** The only way to change the state. */
  dispatch(input: Input): void;
  /** Publishes a step of a wake. */
  tell(step: WakeStep, message: string, more?: { readonly failure?: Failure; readonly etaMs?: number | null }): void;
}

/** A workload as the supervisor drives it. Doors see only the handle. */
export interface Workload extends WorkloadHandle {
  readonly tallies: Tallies;
  /** Monotonic ms of the last use; -Infinity = never, as far as remembered. */
  readonly lastUsedAt: number;
  /** Monotonic ms before which `sweep` has nothing to do. */
  readonly dueAt: number;
  /** What an event told. Believed only after a look of our own. */
  observe(change: Change): void;
  /** What a list showed; undefined = the engine does not have it. */
  listed(look: Look | undefined): void;
  /** Looks whether it may sleep, hands last use to the store. Called once a second from `dueAt` on. */
  sweep(now: number): void;
  /** New policy for the same engine object; `upstreams` are those of its routes beyond its own. */
  update(spec: WorkloadSpec, upstreams: readonly UpstreamSpec[]): void;
  /** Origin of one of its upstreams (null: its own); null while unknown. */
  origin(upstream: UpstreamSpec | null): string | null;
  /** What the engine's own check says of it; null = it was not looked at. */
  engineHealth(): EngineHealth | null;
  /** Answers whoever waits, with `why`, and stops watching. Nothing is stopped at the engine. */
  close(why: Failure): void;
}
