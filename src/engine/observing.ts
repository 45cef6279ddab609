import { type Failure, toFailure } from "../core/errors.ts";
import type { Change, Look } from "../core/provider.ts";
import type { Unit } from "./workload-parts.ts";

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

/** Keeps a look somebody took. */
export function remember(unit: Unit, found: Look): void {
  unit.look = found;
  unit.announce();
}

/** What an event told: believed only after a look of our own. */
export function observe(unit: Unit, change: Change): void {
  switch (change.kind) {
    case "health":
      if (unit.look !== undefined) remember(unit, { ...unit.look, health: change.health });
      if (change.health === "unhealthy") unit.unhealthy();
      return;
    case "exited":
      if (!change.asked) unit.exits = [...(unit.exits ?? []), unit.deps.clock.now()];
      unit.lastExit = change;
      return reconcile(unit);
    case "started": {
      const restarted = unit.lastExit !== null;
      unit.lastExit = null;
      return reconcile(unit, { restarted });
    }
    case "deleted":
    case "resumed":
    case "paused":
      return reconcile(unit);
  }
}

/** What a list showed; undefined = the engine does not have it. */
export function listed(unit: Unit, found: Look | undefined): void {
  const { look, state } = unit;
  if (state === "unknown" || state === "gone") return apply(unit, found, {});
  // A list is a snapshot that may be older than our last command: on disagreement, look again in turn.
  if (found?.id !== look?.id || found?.power !== look?.power || disagrees(unit, found)) reconcile(unit);
  else if (found !== undefined) remember(unit, found);
}

function disagrees({ phase }: Unit, found: Look | undefined): boolean {
  const runs = found?.power === "running";
  if (phase.name === "napping") return runs;
  if (phase.name === "ready") return !runs;
  if (phase.name === "error") return runs !== phase.running;
  return found === undefined;
}

/** Looks at the engine after every command before it, then acts on the difference. */
export function reconcile(unit: Unit, hint: Hint = {}): void {
  void unit
    .queue()
    .run(() => unit.deps.provider.inspect(unit.spec.ref, { signal: unit.calls() }))
    .then(
      (found) => apply(unit, found, hint),
      // The link is lost: the last known state stands, the next list tells.
      (error: unknown) => unit.logger().debug("look failed", { error: toFailure(error).message }),
    );
}

function apply(unit: Unit, found: Look | undefined, hint: Hint): void {
  if (found === undefined) return unit.dispatch({ type: "deleted" });
  const before = unit.look;
  remember(unit, found);
  if (unit.state === "gone") unit.dispatch({ type: "found" });
  if (unit.state === "unknown") return firstLook(unit, found);
  if (unit.state === "stopping" || (unit.state === "starting" && unit.attempt?.pending === true)) return;
  if (found.power === "running") return seenRunning(unit, found, { ...hint, before });
  if (found.power === "paused") return unit.dispatch({ type: "stopped_outside" });
  seenEnded(unit, found, hint);
}

function firstLook(unit: Unit, found: Look): void {
  const running = found.power === "running";
  const upMs = running && found.startedAt !== null ? unit.deps.clock.wall() - found.startedAt : 0;
  unit.dispatch({ type: "looked", power: running ? "running" : "stopped", upMs });
}

function seenRunning(unit: Unit, found: Look, { before, ...hint }: Hint & { readonly before: Look | undefined }): void {
  const { phase } = unit;
  if (phase.name === "napping" || (phase.name === "error" && !phase.running)) {
    return unit.dispatch({ type: "started_outside" });
  }
  if (phase.name === "ready" && hint.confirmed === true && isCrashLoop(unit)) {
    return unit.dispatch({ type: "exited", failure: exitFailure(unit, found) });
  }
  // In `starting` another time of start is our own doing.
  const isAnother = found.id !== before?.id || (phase.name !== "starting" && found.startedAt !== before.startedAt);
  if (hint.restarted === true || isAnother) unit.restarted();
}

function seenEnded(unit: Unit, found: Look, hint: Hint): void {
  const { state } = unit;
  const ended = (): void => unit.dispatch({ type: "exited", failure: exitFailure(unit, found) });
  if (unit.links.completes && found.power === "stopped" && exitCodeOf(unit, found) === 0)
    return unit.dispatch({ type: "completed" });
  if (found.power === "restarting" && !isCrashLoop(unit) && state !== "error") {
    return hint.confirmed === true ? ended() : confirmLater(unit, hint);
  }
  // Nobody told how it ended: a wake that ends is a failure, anything else was put to sleep by somebody.
  const asked = unit.lastExit === null ? state !== "starting" : unit.lastExit.asked;
  if (asked) return unit.dispatch({ type: "stopped_outside" });
  if (state === "ready" && hint.confirmed !== true) return confirmLater(unit, hint);
  ended();
}

function confirmLater(unit: Unit, hint: Hint): void {
  unit.scope().after(exitDebounceMs, () => reconcile(unit, { ...hint, confirmed: true }));
}

function isCrashLoop(unit: Unit): boolean {
  const from = unit.deps.clock.now() - crashLoopWindowMs;
  unit.exits = unit.exits?.filter((at) => at >= from) ?? null;
  return (unit.exits?.length ?? 0) >= crashLoopExits;
}

function exitCodeOf(unit: Unit, found: Look): number | null {
  // An event may be of an earlier run, where those after it were lost.
  return found.exitCode ?? unit.lastExit?.exitCode ?? null;
}

function exitFailure(unit: Unit, found: Look): Failure {
  const code = exitCodeOf(unit, found);
  const how = isCrashLoop(unit) ? "it ends again and again" : "it ended by itself";
  const words = found.error === null || found.error === "" ? "" : `: ${found.error}`;
  return { code: "EXITED", message: `${how}${code === null ? "" : ` with exit code ${code}`}${words}` };
}
