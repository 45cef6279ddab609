import { type Failure, toFailure } from "../core/errors.ts";
import type { Change, Look } from "../core/provider.ts";
import type { Shared } from "./workload-parts.ts";

/** What is known of the workload at its engine, and what follows from changes there. */
export interface Observing {
  look(): Look | undefined;
  /** Resolves when the look may have changed, or `signal` aborts. */
  looked(signal: AbortSignal): Promise<void>;
  /** Keeps a look somebody else took. */
  remember(look: Look): void;
  /** What an event told: believed only after a look of our own. */
  observe(change: Change): void;
  /** What a list showed; undefined = the engine does not have it. */
  listed(look: Look | undefined): void;
  /** Looks at the engine after every command before it, then acts on the difference. */
  reconcile(): void;
  /** A wake of ours begins: how the last run ended no longer matters. */
  wakeBegins(): void;
}

export interface ObservingDeps extends Shared {
  /** Our start has been sent and not been answered yet: what shows now is what it is about to change. */
  readonly startPending: () => boolean;
  /** The engine's own health check found it unhealthy. */
  readonly unhealthy: () => void;
  /** It runs anew and the state stays: its address may be another one. */
  readonly restarted: () => void;
}

/** An exit nobody asked for counts only if it still does not run after this long: restart policies are quick. */
const exitDebounceMs = 2_000;
/** So many exits within a minute are a crash loop, even if it runs at the moment we look. */
const crashLoopExits = 3;
const crashLoopWindowMs = 60_000;

interface Hint {
  /** Come back after the debounce. */
  readonly confirmed?: boolean;
  /** The engine told of an end and of a start after it. */
  readonly restarted?: boolean;
}

export function createObserving(deps: ObservingDeps): Observing {
  const { clock, provider, queue, dispatch } = deps;
  const listeners = new Set<() => void>();
  let look: Look | undefined;
  /** How the present run ended, as far as the engine told; null while it runs, or the telling was missed. */
  let lastExit: { readonly asked: boolean; readonly exitCode: number | null } | null = null;
  let exits: number[] = [];

  function remember(found: Look): void {
    look = found;
    for (const listener of listeners) listener();
  }

  function observe(change: Change): void {
    switch (change.kind) {
      case "health":
        if (look !== undefined) remember({ ...look, health: change.health });
        if (change.health === "unhealthy") deps.unhealthy();
        return;
      case "exited":
        if (!change.asked) exits.push(clock.now());
        lastExit = change;
        return reconcile();
      case "started": {
        const restarted = lastExit !== null;
        lastExit = null;
        return reconcile({ restarted });
      }
      case "deleted":
      case "resumed":
      case "paused":
        return reconcile();
    }
  }

  function listed(found: Look | undefined): void {
    const { name } = deps.state();
    if (name === "unknown" || name === "gone") return apply(found, {});
    // A list is a snapshot that may be older than our last command: on disagreement, look again in turn.
    if (found?.id !== look?.id || found?.power !== look?.power || disagrees(found)) reconcile();
    else if (found !== undefined) remember(found);
  }

  function disagrees(found: Look | undefined): boolean {
    const state = deps.state();
    const runs = found?.power === "running";
    if (state.name === "napping") return runs;
    if (state.name === "ready") return !runs;
    if (state.name === "error") return runs !== state.running;
    return found === undefined;
  }

  function reconcile(hint: Hint = {}): void {
    void queue
      .run(() => provider.inspect(deps.spec().ref, { signal: deps.calls() }))
      .then(
        (found) => apply(found, hint),
        // The link is lost: the last known state stands, the next list tells.
        (error: unknown) => deps.logger.debug("look failed", { error: toFailure(error).message }),
      );
  }

  function apply(found: Look | undefined, hint: Hint): void {
    if (found === undefined) return dispatch({ type: "deleted" });
    const before = look;
    remember(found);
    if (deps.state().name === "gone") dispatch({ type: "found" });
    const state = deps.state();
    if (state.name === "unknown") return firstLook(found);
    if (state.name === "stopping" || (state.name === "starting" && deps.startPending())) return;
    if (found.power === "running") return seenRunning(found, hint, before);
    if (found.power === "paused") return dispatch({ type: "stopped_outside" });
    seenEnded(found, hint);
  }

  function firstLook(found: Look): void {
    const running = found.power === "running";
    const upMs = running && found.startedAt !== null ? clock.wall() - found.startedAt : 0;
    dispatch({ type: "looked", power: running ? "running" : "stopped", upMs });
  }

  function seenRunning(found: Look, hint: Hint, before: Look | undefined): void {
    const state = deps.state();
    if (state.name === "napping" || (state.name === "error" && !state.running)) {
      return dispatch({ type: "started_outside" });
    }
    if (state.name === "ready" && hint.confirmed === true && isCrashLoop()) {
      return dispatch({ type: "exited", failure: exitFailure(found) });
    }
    // In `starting` another time of start is our own doing.
    const isAnother = found.id !== before?.id || (state.name !== "starting" && found.startedAt !== before.startedAt);
    if (hint.restarted === true || isAnother) deps.restarted();
  }

  function seenEnded(found: Look, hint: Hint): void {
    const { name } = deps.state();
    const ended = (): void => dispatch({ type: "exited", failure: exitFailure(found) });
    if (found.power === "restarting" && !isCrashLoop() && name !== "error") {
      return hint.confirmed === true ? ended() : confirmLater(hint);
    }
    // Nobody told how it ended: a wake that ends is a failure, anything else was put to sleep by somebody.
    const asked = lastExit === null ? name !== "starting" : lastExit.asked;
    if (asked) return dispatch({ type: "stopped_outside" });
    if (name === "ready" && hint.confirmed !== true) return confirmLater(hint);
    ended();
  }

  function confirmLater(hint: Hint): void {
    deps.scope().after(exitDebounceMs, () => reconcile({ ...hint, confirmed: true }));
  }

  function isCrashLoop(): boolean {
    const from = clock.now() - crashLoopWindowMs;
    exits = exits.filter((at) => at >= from);
    return exits.length >= crashLoopExits;
  }

  function exitFailure(found: Look): Failure {
    const code = lastExit?.exitCode ?? found.exitCode;
    const how = isCrashLoop() ? "it ends again and again" : "it ended by itself";
    const words = found.error === null || found.error === "" ? "" : `: ${found.error}`;
    return { code: "EXITED", message: `${how}${code === null ? "" : ` with exit code ${code}`}${words}` };
  }

  function looked(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        listeners.delete(end);
        signal.removeEventListener("abort", end);
        resolve();
      };
      listeners.add(end);
      signal.addEventListener("abort", end, { once: true });
    });
  }

  return {
    look: () => look,
    looked,
    remember,
    observe,
    listed,
    reconcile: () => reconcile(),
    wakeBegins() {
      lastExit = null;
      exits = [];
    },
  };
}
