import type { JournalEvent } from "./journal.ts";

/** What a workload did for a while; `would_sleep`: in a dry run, when it would have been asleep. */
export type PowerKind = "awake" | "asleep" | "would_sleep";

/** A stretch of time in one of them. Times are wall clock ms. */
export interface PowerInterval {
  readonly kind: PowerKind;
  readonly from: number;
  /** null: still going on. */
  readonly to: number | null;
  /** What it used when it went to sleep, so what sleeping saves; null = not known. */
  readonly memoryBytes: number | null;
}

/** What survives a restart. Times are wall clock ms. Reads are synchronous; what is saved is on disk within 1 s. */
export interface Store {
  /** When the workload was last used, as far as remembered. */
  lastUsed(alias: string): number | null;
  saveLastUsed(alias: string, at: number): void;
  /** Until when somebody wants it kept awake; null = nobody, or that time is past. */
  pinnedUntil(alias: string): number | null;
  savePin(alias: string, until: number | null): void;
  /** Durations in ms of its latest wakes (at most 10), oldest first. */
  wakeDurations(alias: string): readonly number[];
  addWakeDuration(alias: string, durationMs: number): void;
  /** The stretch that goes on; null = none is known. */
  openInterval(alias: string): PowerInterval | null;
  /** Ends the stretch that goes on, if there is one, and begins another (null: none). */
  turnInterval(
    alias: string,
    next: { readonly kind: PowerKind; readonly memoryBytes: number | null } | null,
    at: number,
  ): void;
  /** Stretches that reach into the time from `since` on, oldest first. */
  intervals(alias: string, since: number): readonly PowerInterval[];
  addEvent(event: JournalEvent): void;
  /** The latest `limit` events, oldest first: of one workload, or of all (null). `before`: of those with a lesser id. */
  events(alias: string | null, limit: number, before?: number): readonly JournalEvent[];
  /** The highest id of an event that was ever saved; 0 = none. */
  readonly lastEventId: number;
  /** Writes what is pending and closes. */
  close(): Promise<void>;
}
