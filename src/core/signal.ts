/** What one activity signal says about one workload. Times are the clock's monotonic ms. */
export type Reading =
  | {
      readonly kind: "read";
      /** Last time it saw use; null = never since it looks. */
      readonly lastUsedAt: number | null;
      readonly inUse: boolean;
      /** For people: "1 open connection through Caddy". */
      readonly text: string;
    }
  | { readonly kind: "unreadable"; readonly why: string };

/** A source of "last used at" or "in use now" (design §9). One file each in src/signals. */
export interface Signal {
  /** The key under `activity:`. */
  readonly name: string;
  /** The engine right it needs, for people; null = none. */
  readonly needs: string | null;
  /** Whether it has anything to say about this workload. */
  covers(alias: string): boolean;
  /** Never rejects; answers at once where it can. */
  read(alias: string, options: { readonly signal: AbortSignal }): Reading | Promise<Reading>;
}
