import type { Failure } from "./errors.ts";
import type { StateName } from "./state.ts";

export type EventType = "wake" | "sleep" | "state" | "health" | "provider" | "config" | "audit";

/** A step of a wake, as GoDoxy's wake events name them (contract "Page channel"). */
export type WakeStep =
  | "starting"
  | "waking_dependency"
  | "dependency_ready"
  | "started"
  | "waiting_ready"
  | "ready"
  | "error"
  | "stopped";

export interface NewEvent {
  readonly type: EventType;
  /** Workload, route or provider it is about; null = nodoff itself. */
  readonly alias: string | null;
  /** For people. May name engine details: public answers use `step` and `state` unless `show_details`. */
  readonly message: string;
  readonly failure?: Failure;
  /** On `state` events. */
  readonly state?: StateName;
  /** On `wake` events. */
  readonly step?: WakeStep;
  /** Told to listeners and kept by nobody: what everything goes through when nodoff starts. */
  readonly transient?: true;
  readonly etaMs?: number;
}

export interface JournalEvent extends NewEvent {
  /** Rises by one per event, also over restarts as far as the store remembers. */
  readonly id: number;
  /** Wall clock ms. */
  readonly at: number;
}

/** The one event bus: log, SSE, notices, store and metrics listen here. Bounded memory. */
export interface Journal {
  publish(event: NewEvent): JournalEvent;
  /** Kept events with a greater id, oldest first; `alias` keeps only those of one workload. */
  since(id: number, alias?: string): readonly JournalEvent[];
  /** Id of the latest event; before the first one, the id it counts on from. */
  readonly lastId: number;
  /** Whether `since(id)` is complete: nothing after `id` was dropped, and `id` is none of the future. */
  reaches(id: number): boolean;
  /** Called synchronously for each later event; a listener that throws is reported and kept. Returns the end. */
  subscribe(listener: (event: JournalEvent) => void, alias?: string): () => void;
  /** Drops what is kept for a workload that is no longer there. */
  forget(alias: string): void;
}
