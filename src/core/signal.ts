import type { Provider } from "./provider.ts";
import type { WorkloadSpec } from "./spec.ts";

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

/** A workload as signals see it. One object for its whole life: signals keep their samples by it. */
export interface Subject {
  readonly spec: WorkloadSpec;
  readonly provider: Provider;
  /** Monotonic ms of the last counted request, wake or start by hand; -Infinity = never, as far as remembered. */
  readonly lastUsedAt: number;
  /** Monotonic ms since when its engine runs it without a break, as far as known. Older samples say nothing. */
  readonly awakeSince: number;
  /** Requests that passed without being use (monitors, previews), and probes of nodoff itself: only ever rises. */
  readonly uncounted: number;
  /** Monotonic ms of the last of them; -Infinity = none. */
  readonly uncountedAt: number;
  /** Origins where it answers now: its own upstream and those of its routes; without those still unknown. */
  origins(): readonly string[];
  /** Ports of its own it serves by; null = not known, so any. */
  ports(): readonly number[] | null;
}

/** A source of "last used at" or "in use now" (design §9). One file each in src/signals. */
export interface Signal {
  /** As reasons name it: the key under `activity:` where there is one. */
  readonly name: string;
  /** The engine right it needs, for people; null = none. */
  readonly needs: string | null;
  /** False for those that answer at once from what nodoff knows. */
  readonly asks: boolean;
  /** Whether it has anything to say about this workload. */
  covers(subject: Subject): boolean;
  /** Whether unreadable counts as in use. */
  required(subject: Subject): boolean;
  /** Never rejects. Samples between two calls are compared: the engine calls it now and then while it may sleep soon. */
  read(subject: Subject, options: { readonly signal: AbortSignal }): Reading | Promise<Reading>;
}
