import { toFailure } from "../core/errors.ts";
import type { Look, Provider } from "../core/provider.ts";
import type { StopMethod } from "../core/spec.ts";
import { recordSleep } from "../core/tallies.ts";
import { type NamedReading, type Reason, type Verdict, verdict } from "../core/verdict.ts";
import { readAll, readNow } from "./last-look.ts";
import type { Shared } from "./workload-parts.ts";

/** When and how one workload goes to sleep. */
export interface Sleeping {
  /** It became ready, or (in error) was last asked to wake. */
  awake(now: number): void;
  /** Once a second: hands last use to the store, takes the last look when idle time is over. */
  sweep(now: number): void;
  /** Hands last use to the store. */
  save(): void;
  /** Look again at the next sweep: the policy changed. */
  reconsider(): void;
  /** Carries the stop out and says how it ended. */
  fallAsleep(): Promise<void>;
  /** The engine refused: ask again later and later. */
  backOff(): void;
  /** What would be decided now from what answers at once, for people. */
  outlook(): Verdict;
  /** Reasons of the last look. */
  reasons(): readonly Reason[];
}

const retryFirstMs = 5_000;
const retryMaxMs = 300_000;
/** Longest time between two last looks at something that stays in use. */
const pollMaxMs = 10_000;
/** Last use is handed to the store so often at the most; what kill -9 loses of it. */
const saveMaxMs = 10_000;

/** What doors write per request and the sweep reads: plain data. */
export interface Use {
  /** Monotonic ms; -Infinity = never. */
  lastUsedAt: number;
  /** Nothing to do for the sweep before. */
  dueAt: number;
}

export interface SleepingDeps extends Shared {
  readonly lookNow: () => Look | undefined;
  readonly use: Use;
}

export function createSleeping(deps: SleepingDeps): Sleeping {
  const { clock, provider, store, logger, signals, use } = deps;
  const { alias } = deps.spec();
  let savedAt = use.lastUsedAt;
  let awakeSince = clock.now();
  let looking = false;
  let nextLookAt = 0;
  let refusals = 0;
  let reasons: readonly Reason[] = [];
  /** The last look has the queue's turn: a stop that follows from it belongs to the same turn. */
  let inTurn = false;
  let underWay: Promise<void> = Promise.resolve();

  function save(): void {
    const { lastUsedAt } = use;
    if (lastUsedAt === savedAt) return;
    savedAt = lastUsedAt;
    store.saveLastUsed(alias, Math.round(clock.wall() - (clock.now() - lastUsedAt)));
  }

  function sweep(now: number): void {
    save();
    const { idleTimeoutMs, minAwakeMs } = deps.spec();
    const state = deps.state();
    const isAwake = state.name === "ready" || (state.name === "error" && state.running);
    // Requests move the last use without telling: what is awake is looked at again, what is not says when it changes.
    const saveEveryMs = idleTimeoutMs === 0 ? saveMaxMs : Math.min(saveMaxMs, idleTimeoutMs / 10);
    use.dueAt = isAwake || state.name === "stopping" ? now + saveEveryMs : Number.POSITIVE_INFINITY;
    if (idleTimeoutMs === 0 || looking || !isAwake) return;
    const mayAt = Math.max(lastUse() + idleTimeoutMs, awakeSince + minAwakeMs, nextLookAt);
    use.dueAt = Math.min(use.dueAt, mayAt);
    if (now >= mayAt) void lastLook();
  }

  function lastUse(): number {
    return use.lastUsedAt === Number.NEGATIVE_INFINITY ? awakeSince : use.lastUsedAt;
  }

  /** Takes its turn at the engine first: a look that is old by the time of the stop is none. */
  async function lastLook(): Promise<void> {
    looking = true;
    const { signal: left } = deps.scope();
    const usedThen = use.lastUsedAt;
    const isAsThen = (): boolean => !left.aborted && use.lastUsedAt === usedThen;
    await deps.queue.run(async () => {
      if (!isAsThen()) return;
      const readings = await readAll(signals, alias, left);
      // Used, or changed, while the signals answered: the next sweep looks again.
      if (isAsThen()) await conclude(readings);
    });
    looking = false;
  }

  async function conclude(readings: readonly NamedReading[]): Promise<void> {
    const now = clock.now();
    const spec = deps.spec();
    const found = verdict({ readings, awakeSince }, spec, now);
    reasons = found.reasons;
    if (found.sleepAt === null || found.sleepAt > now) {
      nextLookAt = found.sleepAt ?? now + Math.min(pollMaxMs, spec.idleTimeoutMs / 4);
      return;
    }
    inTurn = true;
    deps.dispatch({ type: "sleep" });
    inTurn = false;
    await underWay;
  }

  async function fallAsleep(): Promise<void> {
    const wanted = deps.spec().stopMethod;
    const method = isPossible(wanted, provider) ? wanted : "stop";
    const begun = clock.now();
    deps.tell("stopped", `going to sleep (${method})`);
    const scope = deps.scope();
    const send = async (): Promise<void> => {
      // Deleted, or left out of the configuration, before its turn came.
      if (!scope.signal.aborted) await sleepAtEngine(method);
    };
    try {
      const sent = inTurn ? send() : deps.queue.run(send);
      underWay = sent.catch(() => undefined);
      await sent;
    } catch (error) {
      // Deleted or closed meanwhile: nothing failed.
      if (scope.signal.aborted) return;
      const failure = toFailure(error, "ENGINE_ERROR");
      recordSleep(deps.tallies, method, "failed");
      logger.error("stop failed", { method, code: failure.code, error: failure.message });
      deps.journal.publish({ type: "sleep", alias, message: `stop failed: ${failure.message}`, failure });
      return deps.dispatch({ type: "sleep_refused", failure });
    }
    refusals = 0;
    recordSleep(deps.tallies, method, "ok");
    const why = reasons.map(({ signal, text }) => `${signal}: ${text}`);
    logger.info("asleep", { method, reasons: why, took_ms: Math.round(clock.now() - begun) });
    deps.journal.publish({ type: "sleep", alias, message: `asleep (${method}): ${why.join("; ")}` });
    deps.dispatch({ type: "sleep_done" });
  }

  async function sleepAtEngine(method: StopMethod): Promise<void> {
    const { ref, stopSignal, stopTimeoutMs: timeoutMs } = deps.spec();
    const io = { signal: deps.calls() };
    try {
      if (method === "pause") await provider.pause(ref, io);
      else if (method === "kill") await provider.kill(ref, { ...io, stopSignal, timeoutMs });
      else if (method === "suspend") await provider.suspend?.(ref, io);
      else await provider.stop(ref, { ...io, stopSignal, timeoutMs });
    } catch (error) {
      // What counts is what the engine has now, not what it answered.
      const found = await provider.inspect(ref, io).catch(() => deps.lookNow());
      const asleep =
        found === undefined || found.power === "stopped" || (method === "pause" && found.power === "paused");
      if (!asleep) throw error;
    }
  }

  return {
    awake(now) {
      awakeSince = now;
      nextLookAt = 0;
      if (use.lastUsedAt === Number.NEGATIVE_INFINITY) use.lastUsedAt = now;
      use.dueAt = 0;
    },
    sweep,
    save,
    reconsider() {
      nextLookAt = 0;
      use.dueAt = 0;
    },
    fallAsleep,
    backOff() {
      const inMs = Math.min(retryMaxMs, retryFirstMs * 2 ** Math.min(refusals++, 16));
      nextLookAt = clock.now() + inMs;
      use.dueAt = 0;
      logger.warn("stop will be tried again", { in_ms: inMs });
    },
    outlook: () => verdict({ readings: readNow(signals, alias), awakeSince }, deps.spec(), clock.now()),
    reasons: () => reasons,
  };
}

/** An engine without the method puts to sleep in the way all know. */
function isPossible(method: StopMethod, { capabilities, suspend }: Provider): boolean {
  if (method === "suspend") return suspend !== undefined;
  return method !== "pause" || capabilities.pause;
}
