/** What survives a restart. Times are wall clock ms. Reads are synchronous; what is saved is on disk within 1 s. */
export interface Store {
  /** When the workload was last used, as far as remembered. */
  lastUsed(alias: string): number | null;
  saveLastUsed(alias: string, at: number): void;
  /** Durations in ms of its latest wakes (at most 10), oldest first. */
  wakeDurations(alias: string): readonly number[];
  addWakeDuration(alias: string, durationMs: number): void;
  /** Writes what is pending and closes. */
  close(): Promise<void>;
}
