import type { Failure } from "./errors.ts";

/** contract.md "State table". `unknown` only before the first look, `gone` while the engine does not have it. */
export type State =
  | { readonly name: "unknown" }
  | { readonly name: "napping" }
  /** `failedWakes` = failed wakes in a row before this one. `startedAt` = when it was entered. */
  | { readonly name: "starting"; readonly startedAt: number; readonly failedWakes: number }
  | { readonly name: "ready" }
  /** `from` = where a refused stop leads back to; asleep = it was put to sleep before and now goes deeper (`tiers`). */
  | { readonly name: "stopping"; readonly wakeQueued: boolean; readonly from: "ready" | "asleep" | "failed" }
  | {
      readonly name: "error";
      readonly failure: Failure;
      readonly failedWakes: number;
      /** A request may try again from here on. */
      readonly nextTryAt: number;
      /** The engine still runs it: late readiness is looked for, and it sleeps after idle_timeout. */
      readonly running: boolean;
    }
  | { readonly name: "gone" };

export type StateName = State["name"];

export const stateNames = [
  "unknown",
  "napping",
  "starting",
  "ready",
  "stopping",
  "error",
  "gone",
] as const satisfies readonly StateName[];

/** Whatever can happen to a workload. Each says a fact; `step` alone decides what follows. */
export type Input =
  /** The first look, or the one after it came back. `upMs` only counts while running. */
  | { readonly type: "looked"; readonly power: "running" | "stopped"; readonly upMs: number }
  /** Somebody wants it. `insist`: a person, so the retry back-off does not apply. */
  | { readonly type: "wake"; readonly insist: boolean; readonly dependenciesReady: boolean }
  | { readonly type: "readiness_passed" }
  /** What runs to its end, once per wake of a dependant (`completed`), ended well. */
  | { readonly type: "completed" }
  /** Engine error, wake_timeout or a failed dependency. `running`: the engine runs it all the same. */
  | { readonly type: "wake_failed"; readonly failure: Failure; readonly running: boolean }
  /** The verdict after the last look, or somebody asked. */
  | { readonly type: "sleep" }
  | { readonly type: "sleep_done" }
  | { readonly type: "sleep_refused"; readonly failure: Failure }
  /** It ended and nobody had asked it to, or crash-loops. */
  | { readonly type: "exited"; readonly failure: Failure }
  /** Stopped or paused by somebody else. */
  | { readonly type: "stopped_outside" }
  /** Started or resumed by somebody else. */
  | { readonly type: "started_outside" }
  | { readonly type: "deleted" }
  | { readonly type: "found" };

export type InputType = Input["type"];

/** What must be done now. Entering a state ends whatever the former state had under way (probes, timers). */
export type Command =
  /** Wake what it depends on, then start it, or resume it when paused; then probe. */
  | { readonly type: "start" }
  /** It runs already: probe until ready or wake_timeout. */
  | { readonly type: "probe" }
  /** In error but running: probe every 5 s for late readiness. */
  | { readonly type: "probe_slowly" }
  /** Stop, pause or kill, by its policy. */
  | { readonly type: "sleep" }
  /** Ask again later, backing off. */
  | { readonly type: "retry_sleep" }
  /** Ask the engine what is there, then `looked`. */
  | { readonly type: "look" }
  /** Somebody started it: it gets a full idle period. */
  | { readonly type: "count_as_used" }
  /** Answer everybody who waits. */
  | { readonly type: "release"; readonly with: "ready" | "failure" | "change"; readonly failure?: Failure };

export interface StatePolicy {
  readonly wakeTimeoutMs: number;
}

export interface Step {
  readonly state: State;
  readonly commands: readonly Command[];
}

const retryFirstMs = 5_000;
const retryMaxMs = 300_000;

/** How long a request may not retry after `failedWakes` failed wakes in a row (>= 1). */
export function retryBackOffMs(failedWakes: number): number {
  return Math.min(retryMaxMs, retryFirstMs * 2 ** Math.min(failedWakes - 1, 16));
}

/**
 * One transition of contract.md's state table. Pure: `now` is the clock's monotonic ms. What the table does not list
 * returns the same state object and no commands.
 */
export function step(state: State, input: Input, policy: StatePolicy, now: number): Step {
  if (input.type === "deleted") return state.name === "gone" ? stay(state) : toGone();
  switch (state.name) {
    case "unknown":
      return fromUnknown(state, input, policy, now);
    case "napping":
      return fromNapping(state, input, now);
    case "starting":
      return fromStarting(state, input, now);
    case "ready":
      return fromReady(state, input, now);
    case "stopping":
      return fromStopping(state, input, now);
    case "error":
      return fromError(state, input, now);
    case "gone":
      return input.type === "found" ? { state: { name: "unknown" }, commands: [{ type: "look" }] } : stay(state);
  }
}

function stay(state: State): Step {
  return { state, commands: [] };
}

function toStarting(now: number, failedWakes: number, ...commands: Command[]): Step {
  return { state: { name: "starting", startedAt: now, failedWakes }, commands };
}

function toError(failure: Failure, running: boolean, failedWakes: number, now: number): Step {
  const nextTryAt = now + retryBackOffMs(failedWakes);
  return {
    state: { name: "error", failure, failedWakes, nextTryAt, running },
    commands: [{ type: "release", with: "failure", failure }, ...(running ? [{ type: "probe_slowly" } as const] : [])],
  };
}

function toGone(): Step {
  const failure: Failure = { code: "GONE", message: "the engine no longer has it" };
  return { state: { name: "gone" }, commands: [{ type: "release", with: "failure", failure }] };
}

function fromUnknown(state: State, input: Input, policy: StatePolicy, now: number): Step {
  if (input.type !== "looked") return stay(state);
  if (input.power === "stopped") return { state: { name: "napping" }, commands: [{ type: "release", with: "change" }] };
  // In doubt, allow: what has been up for longer than a wake may take was in use before we came.
  if (input.upMs > policy.wakeTimeoutMs) return toReady();
  return toStarting(now, 0, { type: "probe" });
}

function toReady(): Step {
  return { state: { name: "ready" }, commands: [{ type: "release", with: "ready" }] };
}

function fromNapping(state: State, input: Input, now: number): Step {
  if (input.type === "wake") return toStarting(now, 0, { type: "start" });
  if (input.type === "started_outside") return toStarting(now, 0, { type: "count_as_used" }, { type: "probe" });
  if (input.type === "sleep") return toStopping("asleep");
  return stay(state);
}

function toStopping(from: "ready" | "asleep" | "failed"): Step {
  return { state: { name: "stopping", wakeQueued: false, from }, commands: [{ type: "sleep" }] };
}

function fromStarting(state: State & { name: "starting" }, input: Input, now: number): Step {
  switch (input.type) {
    case "readiness_passed":
      return toReady();
    case "completed":
      return { state: { name: "napping" }, commands: [{ type: "release", with: "ready" }] };
    case "wake_failed":
      return toError(input.failure, input.running, state.failedWakes + 1, now);
    case "exited":
      return toError(input.failure, false, state.failedWakes + 1, now);
    case "sleep":
      return toStopping("failed");
    case "stopped_outside":
      return { state: { name: "napping" }, commands: [{ type: "release", with: "failure", failure: stoppedOutside }] };
    default:
      return stay(state);
  }
}

/** Whoever stopped it meant it: those who waited are told, only a new request wakes it again. */
const stoppedOutside: Failure = {
  code: "STOPPED_OUTSIDE",
  message: "it was stopped or paused while it was being woken",
};

function fromReady(state: State, input: Input, now: number): Step {
  switch (input.type) {
    case "sleep":
      return toStopping("ready");
    case "wake":
      // `start` on what runs is a success at the engine: it wakes the dependencies, then probes.
      return input.dependenciesReady ? stay(state) : toStarting(now, 0, { type: "start" });
    case "exited":
      return toError(input.failure, false, 1, now);
    case "completed":
    case "stopped_outside":
      return { state: { name: "napping" }, commands: [] };
    default:
      return stay(state);
  }
}

function fromStopping(state: State & { name: "stopping" }, input: Input, now: number): Step {
  switch (input.type) {
    case "wake":
      return state.wakeQueued ? stay(state) : { state: { ...state, wakeQueued: true }, commands: [] };
    case "sleep_done":
      if (state.wakeQueued) return toStarting(now, 0, { type: "start" });
      return { state: { name: "napping" }, commands: [{ type: "release", with: "change" }] };
    case "sleep_refused":
      return fromRefused(state, input.failure, now);
    default:
      return stay(state);
  }
}

/** Whatever it was before, it still is: ready, asleep less deeply, or running without ever having answered. */
function fromRefused({ from, wakeQueued }: State & { name: "stopping" }, failure: Failure, now: number): Step {
  switch (from) {
    case "ready":
      return { state: { name: "ready" }, commands: [{ type: "release", with: "ready" }, { type: "retry_sleep" }] };
    case "asleep":
      if (wakeQueued) return toStarting(now, 0, { type: "start" });
      return { state: { name: "napping" }, commands: [{ type: "release", with: "change" }, { type: "retry_sleep" }] };
    case "failed": {
      if (wakeQueued) return toStarting(now, 0, { type: "start" });
      const { state, commands } = toError(failure, true, 1, now);
      return { state, commands: [...commands, { type: "retry_sleep" }] };
    }
  }
}

function fromError(state: State & { name: "error" }, input: Input, now: number): Step {
  switch (input.type) {
    case "wake":
      if (!input.insist && now < state.nextTryAt) return stay(state);
      return toStarting(now, state.failedWakes, { type: "start" });
    case "readiness_passed":
      return state.running ? toReady() : stay(state);
    case "sleep":
      return state.running ? toStopping("failed") : stay(state);
    case "exited":
      return state.running ? { state: { ...state, running: false }, commands: [] } : stay(state);
    case "completed":
    case "stopped_outside":
      return { state: { name: "napping" }, commands: [] };
    case "started_outside":
      return toStarting(now, state.failedWakes, { type: "count_as_used" }, { type: "probe" });
    default:
      return stay(state);
  }
}
