import type { HealthSpec } from "./spec.ts";

/** contract.md "Health table". `napping` and `stopped` are never probed and never an alarm. */
export const healthStatuses = ["unknown", "starting", "healthy", "unhealthy", "error", "napping", "stopped"] as const;
export type HealthStatus = (typeof healthStatuses)[number];

/** What one check came to. An aborted one comes to nothing: it is not fed in. */
export type CheckOutcome =
  | { readonly kind: "pass" }
  /**
   * `decisive`: whoever found it has counted failures itself (an engine's HEALTHCHECK with its own retries), so that
   * no row of ours is waited for.
   */
  | { readonly kind: "fail"; readonly decisive?: boolean }
  /** The check could not be made: no valid address, a name that is not known, a defect. Says nothing of the service. */
  | { readonly kind: "error" };

/** Whatever can happen to the health of a route. */
export type HealthInput =
  | { readonly type: "checked"; readonly outcome: CheckOutcome }
  /** Checks begin; nobody woke it (no workload, or found running). */
  | { readonly type: "watch" }
  /** The workload is being woken: no checks yet. */
  | { readonly type: "waking" }
  /** The wake has ended well: checks begin, and the grace with them. */
  | { readonly type: "woken" }
  | { readonly type: "asleep" }
  /** Shut down, removed, or gone from its engine. */
  | { readonly type: "stopped" }
  /** The workload failed. `alarm`: it had been ready, so somebody should hear of it. */
  | { readonly type: "failed"; readonly alarm: boolean };

/** Health of one route as data. Times are the clock's monotonic ms. */
export interface HealthState {
  readonly status: HealthStatus;
  /** Since when it has this status. */
  readonly since: number;
  /** Passes, failures, errors in a row; a result of another kind ends the row. */
  readonly passes: number;
  readonly fails: number;
  readonly errors: number;
  /** Failures and errors in a row, whatever their order. */
  readonly bad: number;
  /** In `starting`, failures before this moment say nothing. */
  readonly graceUntil: number;
  /** A notice "down" is out and no "up" followed it yet. Survives sleep and restart. */
  readonly down: boolean;
}

export type HealthPolicy = Pick<HealthSpec, "fall" | "rise" | "retries" | "startGraceMs">;

export interface HealthStep {
  readonly state: HealthState;
  /** What is to be told now; "up" comes only after a "down". */
  readonly notice: "down" | "up" | null;
}

/** So many check errors in a row slow a monitor down. */
const slowAfterErrors = 5;
const slowestMs = 300_000;

export function initialHealth(now: number, down: boolean): HealthState {
  return { status: "unknown", since: now, passes: 0, fails: 0, errors: 0, bad: 0, graceUntil: now, down };
}

/** One transition of contract.md's health table. Pure. */
export function stepHealth(state: HealthState, input: HealthInput, policy: HealthPolicy, now: number): HealthStep {
  switch (input.type) {
    case "checked":
      return checked(state, input.outcome, policy, now);
    case "watch":
      return quiet(state, "unknown", now);
    case "waking":
      return quiet(state, "starting", now);
    case "woken": {
      const { state: next } = quiet(state, "starting", now);
      return { state: { ...next, graceUntil: now + policy.startGraceMs }, notice: null };
    }
    case "asleep":
      return quiet(state, "napping", now);
    case "stopped":
      return quiet(state, "stopped", now);
    case "failed": {
      const { state: next } = quiet(state, "error", now);
      if (!input.alarm) return { state: next, notice: null };
      return withNotice({ ...next, errors: 1, bad: 1 }, true, policy);
    }
  }
}

/** Enters `status` with every row at its beginning: what was counted before says nothing about what comes. */
function quiet(state: HealthState, status: HealthStatus, now: number): HealthStep {
  const since = state.status === status ? state.since : now;
  return { state: { ...initialHealth(now, state.down), status, since }, notice: null };
}

function checked(state: HealthState, outcome: CheckOutcome, policy: HealthPolicy, now: number): HealthStep {
  // Nobody asks these: a late answer changes nothing.
  if (state.status === "napping" || state.status === "stopped") return { state, notice: null };
  if (state.status === "starting" && outcome.kind === "fail" && now < state.graceUntil) return { state, notice: null };
  const counted = count(state, outcome);
  const decisive = outcome.kind === "fail" && outcome.decisive === true;
  const status = toStatus(counted, outcome, decisive ? { ...policy, fall: 1 } : policy);
  const since = status === state.status ? state.since : now;
  return withNotice({ ...counted, status, since }, decisive, policy);
}

function count(state: HealthState, { kind }: CheckOutcome): HealthState {
  const pass = kind === "pass";
  return {
    ...state,
    passes: pass ? state.passes + 1 : 0,
    fails: kind === "fail" ? state.fails + 1 : 0,
    errors: kind === "error" ? state.errors + 1 : 0,
    bad: pass ? 0 : state.bad + 1,
  };
}

/** `state` has counted the outcome, its status is the one before. */
function toStatus(state: HealthState, { kind }: CheckOutcome, { fall, rise }: HealthPolicy): HealthStatus {
  if (kind === "error") return "error";
  const { status, passes, fails } = state;
  const isFresh = status === "unknown" || status === "starting";
  if (kind === "pass") return isFresh || passes >= rise ? "healthy" : status;
  return isFresh || fails >= fall ? "unhealthy" : status;
}

function withNotice(state: HealthState, decisive: boolean, { retries }: HealthPolicy): HealthStep {
  const isDown = state.bad > 0 && (decisive || state.bad >= Math.max(1, retries));
  if (isDown && !state.down) return { state: { ...state, down: true }, notice: "down" };
  const isUp = state.status === "healthy" && state.bad === 0;
  if (isUp && state.down) return { state: { ...state, down: false }, notice: "up" };
  return { state, notice: null };
}

/** Time to the next check while checks cannot be made: 0 = as usual, doubling from the 5th error in a row on. */
export function slowedMs(errors: number, intervalMs: number): number {
  if (errors < slowAfterErrors) return 0;
  return Math.max(intervalMs, Math.min(slowestMs, intervalMs * 2 ** Math.min(16, errors - slowAfterErrors + 1)));
}

/** How long to wait before try `attempt` (from 1) of the first checks after a wake; null = no more of them. */
export function retryDelayMs({ max, initialMs, capMs }: HealthSpec["retry"], attempt: number): number | null {
  return attempt > max ? null : Math.min(capMs, initialMs * 2 ** Math.min(30, attempt - 1));
}

/** A fixed place within each interval, the same at every start, so that thousands of checks spread by themselves. */
export function phaseMs(alias: string, intervalMs: number): number {
  // FNV-1a.
  let hash = 0x811c9dc5;
  for (let i = 0; i < alias.length; i++) hash = Math.imul(hash ^ alias.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % intervalMs;
}

/** The next place of `phase` that is at least half an interval away. */
export function nextCheckAt(now: number, intervalMs: number, phase: number): number {
  const from = now + intervalMs / 2;
  return from + ((((phase - from) % intervalMs) + intervalMs) % intervalMs);
}

/** Health of a route at one moment, for people. Times are wall clock ms. */
export interface HealthView {
  readonly status: HealthStatus;
  /** How long it has been healthy without a break; null unless it is. */
  readonly uptimeMs: number | null;
  /** Of the latest check that passed or failed. */
  readonly latencyMs: number | null;
  /** When a check last passed. */
  readonly lastSeenAt: number | null;
  readonly consecutiveFailures: number;
  /** Of the latest check: "200 OK", "connection refused"; null = none yet. */
  readonly detail: string | null;
}
