import type { Pool } from "./pool.ts";
import type { DoorSpec, RouteSpec } from "./spec.ts";
import type { WorkloadHandle } from "./workload-handle.ts";

/** What a hook or proxy answer was, for `nodoff_hook_decisions_total`. */
export const decisionNames = [
  "allow",
  "hold_allow",
  "hand_over",
  "page",
  "redirect",
  "waking",
  "asleep",
  "failed",
  "forbidden",
  "quota",
  "reserved",
] as const;
export type DecisionName = (typeof decisionNames)[number];

/** Plain numbers, read at scrape time. */
export type DecisionCounts = Record<DecisionName, number>;

/**
 * A route at run time. The counters are written by doors per request and read by API and metrics. With 10,000 of them
 * each object that a request goes through is a miss of the processor's cache: what it needs stands in this one.
 */
export interface Route {
  readonly spec: RouteSpec;
  /** null: leads to something that never sleeps. */
  readonly workload: WorkloadHandle | null;
  /**
   * Origin such as `http://172.17.0.2:2368`; null while unknown (never started, no address yet). Where there are several,
   * the next that is not among `passed`: those that refused this request already. Where all are, any.
   */
  upstream(passed?: ReadonlySet<string>): string | null;
  /** `spec.door`, or one that says the same: equal doors are one object. */
  readonly door: DoorSpec;
  /** The alias as a header's value: kept here by the hook, which makes it when it is first needed. */
  headerName: string | null;
  readonly decisions: DecisionCounts;
  requestsTotal: number;
  /** Monotonic ms of the last counted request; -Infinity = none yet (a number throughout: stored per request). */
  lastUsedAt: number;
  /** Requests, sockets and streams our own proxy carries now. */
  inFlight: number;
}

/** All routes, found by request or by name. O(1) in the number of hosts. */
export interface RouteRegistry {
  /**
   * Design §8.1: exact host, `*.x`, `**.x`, `*`; then the longest path prefix on segment boundaries. `host` may carry a
   * port, capitals or a trailing dot; `path` starts with `/` and has no query.
   */
  match(host: string, path: string): Route | undefined;
  /** HTTP routes come before streams, should both have the name. */
  get(alias: string): Route | undefined;
  routes(): Iterable<Route>;
  readonly size: number;
}

/** Aliases of routes that came, were replaced by another object, and went. */
export interface RouteChanges {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

/** All routes, for those who watch or show them; doors need only the registry. */
export interface RouteDirectory extends RouteRegistry {
  /** HTTP and files. */
  readonly http: Pool<Route>;
  /** TCP and UDP. */
  readonly streams: Pool<Route>;
  /** Known, never served or slept. */
  readonly excluded: Pool<Route>;
  /** All but the excluded ones. `routes` are all of them. */
  active(): Iterable<Route>;
  readonly activeSize: number;
  /** By alias, else the one that serves the root of exactly this host. */
  find(name: string): Route | undefined;
  /** By the name of the provider that declared it, or `file`. */
  byProvider(): ReadonlyMap<string, readonly Route[]>;
  /** Told after each change that was one. Returns the end. */
  subscribe(listener: (changes: RouteChanges) => void): () => void;
}
