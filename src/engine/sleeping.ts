import type { Tier } from "../core/spec.ts";
import type { Reason, Verdict } from "../core/verdict.ts";
import type { SleepAnswer } from "../core/workload-handle.ts";
import { retryMembers } from "./dependencies.ts";
import { markDryRun } from "./dry-run.ts";
import { memoryOf, methodOf, stopInTurn } from "./falling-asleep.ts";
import { askNeighbours, askSignals, comparedAfterMs, hasCompared, holdsOf, isPolled, judge } from "./looking.ts";
import { pause } from "./until-ready.ts";
import type { Unit, Watch } from "./workload-parts.ts";

const retryFirstMs = 5_000;
const retryMaxMs = 300_000;
/** A failed member of a group is looked after so often; when it may be tried again is its own back-off. */
const memberRetryMs = 5_000;
/** Turns that come before the next sweep are taken by this one. */
const turnSlackMs = 1_000;
/** Signals are asked from this part of the idle time on: before, nothing could follow from what they say. */
const lookFromPart = 1 / 4;

/** It became ready, or (in error) was last asked to wake: a new stretch of being awake begins. */
export function beginWatch(unit: Unit): void {
  const now = unit.deps.clock.now();
  unit.awakeSince = now;
  unit.watch = {
    nextLookAt: 0,
    turnAt: null,
    looking: false,
    refusals: 0,
    refusedFor: null,
    readings: [],
    needs: [],
    askedFirstAt: null,
    seenUseAt: Number.NEGATIVE_INFINITY,
    isNeeded: false,
    releasedAt: null,
    wouldSleepSince: null,
  };
  if (unit.lastUsedAt === Number.NEGATIVE_INFINITY) unit.lastUsedAt = now;
  noteDependants(unit);
}

/** Asleep, or gone: what was seen while it was awake counts as its last use. */
export function endWatch(unit: Unit): void {
  const { watch } = unit;
  if (watch === null) return;
  unit.lastUsedAt = Math.max(unit.lastUsedAt, watch.seenUseAt);
  markDryRun(unit, watch, false);
  unit.watch = null;
}

/** The policy changed, or a neighbour did: look again at the next sweep. */
export function reconsider(unit: Unit): void {
  if (unit.watch !== null && unit.watch.refusals === 0) unit.watch.nextLookAt = 0;
  unit.dueAt = 0;
}

/** What only follows its dependants may sleep from the moment on at which the last of them does. */
export function noteDependants({ watch, links, deps }: Unit): void {
  if (watch === null) return;
  const isNeeded = links.dependants.some(({ isAwake }) => isAwake);
  if (watch.isNeeded && !isNeeded) watch.releasedAt = deps.clock.now();
  if (isNeeded) watch.releasedAt = null;
  watch.isNeeded = isNeeded;
}

/** Hands the last use to the store. */
export function saveUse(unit: Unit): void {
  // Used since: in a dry run it would have been woken.
  if (unit.watch !== null && unit.lastUsedAt !== unit.savedUse) markDryRun(unit, unit.watch, false);
  unit.savedUse = unit.lastUsedAt;
  const usedAt = Math.max(unit.lastUsedAt, unit.watch?.seenUseAt ?? Number.NEGATIVE_INFINITY);
  if (usedAt !== Number.NEGATIVE_INFINITY)
    unit.deps.store.saveLastUsed(unit.spec.alias, Math.round(unit.wallOf(usedAt)));
}

/** Once a second from `dueAt` on. */
export function sweep(unit: Unit, now: number): void {
  unit.dueAt = nextOpeningAt(unit);
  if (unit.phase.name === "napping") {
    wakeOnSchedule(unit);
    return deepen(unit, now);
  }
  if (retryMembers(unit)) unit.dueAt = Math.min(unit.dueAt, now + memberRetryMs);
  const { watch } = unit;
  if (watch === null || watch.looking || !runs(unit)) return;
  const lookAt = Math.max(watch.nextLookAt, firstLookAt(unit, watch));
  // Whatever the signals say, it stays awake: they need not be asked.
  const isHeld = now >= lookAt && holdsOf(unit).length > 0;
  if (now < lookAt || isHeld) {
    watch.turnAt = null;
    unit.dueAt = Math.min(unit.dueAt, isHeld ? now + pollMs(unit) : lookAt);
    return;
  }
  watch.turnAt ??= unit.deps.looks.reserve(now);
  if (watch.turnAt - now >= turnSlackMs) {
    unit.dueAt = Math.min(unit.dueAt, watch.turnAt);
    return;
  }
  watch.turnAt = null;
  void look(unit, watch);
}

function runs({ phase }: Unit): boolean {
  return phase.name === "ready" || (phase.name === "error" && phase.running);
}

/** Nothing can follow from a look before. */
function firstLookAt(unit: Unit, watch: Watch): number {
  const { spec, schedule, awakeSince, lastUsedAt, deps } = unit;
  const earliest = awakeSince + spec.minAwakeMs;
  if (spec.followsDependants && watch.releasedAt !== null) return earliest;
  const asleep = schedule?.asleep(deps.clock.wall()) ?? null;
  if (asleep !== null) return earliest;
  if (spec.idleTimeoutMs === 0) return Number.POSITIVE_INFINITY;
  const idleSince = Math.max(lastUsedAt, watch.seenUseAt);
  const mayAt = Math.max(idleSince + spec.idleTimeoutMs, earliest);
  return isPolled(unit) ? Math.min(mayAt, idleSince + spec.idleTimeoutMs * lookFromPart) : mayAt;
}

function pollMs({ spec, deps }: Unit): number {
  return spec.idleTimeoutMs === 0 ? deps.pollMs() : Math.min(deps.pollMs(), spec.idleTimeoutMs / 4);
}

function nextOpeningAt({ schedule, deps: { clock } }: Unit): number {
  const wall = clock.wall();
  const opening = schedule?.nextOpening(wall) ?? null;
  return opening === null ? Number.POSITIVE_INFINITY : clock.now() + Math.max(0, opening - wall);
}

/** Once per opening: what somebody stops by hand afterwards stays stopped. */
function wakeOnSchedule(unit: Unit): void {
  const window = unit.schedule?.awake(unit.deps.clock.wall()) ?? null;
  if (window === null || window.from === unit.wokenFor) return;
  unit.wokenFor = window.from;
  unit.wake("schedule");
}

/**
 * Asks the signals; puts it to sleep when they agree that it may. Takes its turn at the engine first: a look that is old
 * by the time of the stop is none. Use while the slow ones answer shows in `lastUsedAt`: then the next sweep looks again.
 */
async function look(unit: Unit, watch: Watch): Promise<void> {
  watch.looking = true;
  const { signal: left } = unit.scope();
  const usedThen = unit.lastUsedAt;
  const isAsThen = (): boolean => !left.aborted && unit.lastUsedAt === usedThen;
  await unit.queue().run(async () => {
    if (!isAsThen()) return;
    const found = await lastLook(unit, watch, left);
    if (isAsThen()) await conclude(unit, watch, found);
  });
  watch.looking = false;
  unit.dueAt = Math.min(unit.dueAt, watch.nextLookAt);
}

interface Found extends Verdict {
  /** What it uses now, which is what sleeping saves; null = not asked, or not known. */
  readonly memoryBytes: number | null;
}

async function lastLook(unit: Unit, watch: Watch, left: AbortSignal): Promise<Found> {
  const { clock } = unit.deps;
  const readings = await askSignals(unit, left);
  saveUse(unit);
  const found = judge(unit, readings);
  if (found.sleepAt === null || found.sleepAt > clock.now()) {
    watch.needs = [];
    return { ...found, memoryBytes: null };
  }
  // Only what is about to be stopped is worth asking the engine about everything beside it.
  const [needs, memoryBytes] = await Promise.all([askNeighbours(unit), memoryOf(unit)]);
  watch.needs = needs;
  return { ...judge(unit, readings, needs), memoryBytes };
}

async function conclude(unit: Unit, watch: Watch, found: Found): Promise<void> {
  const now = unit.deps.clock.now();
  const { sleepAt, reasons, memoryBytes } = found;
  unit.reasons = reasons;
  const isDue = sleepAt !== null && sleepAt <= now;
  if (isDue && !hasCompared(unit)) {
    watch.nextLookAt = now + comparedAfterMs;
    return;
  }
  if (isDue && !unit.spec.dryRun)
    return stopInTurn(unit, { method: methodOf(unit, unit.spec.stopMethod), reasons, memoryBytes });
  markDryRun(unit, watch, isDue, memoryBytes);
  const next = now + pollMs(unit);
  watch.nextLookAt = sleepAt !== null && sleepAt > now ? Math.min(sleepAt, next) : next;
}

/** From a shallow sleep into the next deeper one, when its time has come. */
function deepen(unit: Unit, now: number): void {
  const { spec, watch } = unit;
  const tier = spec.deeper.find(({ method }) => method !== "pause");
  if (tier === undefined || spec.dryRun) return;
  const at = Math.max(unit.lastUsedAt + tier.afterMs, watch?.nextLookAt ?? 0);
  if (now < at) unit.dueAt = Math.min(unit.dueAt, at);
  // Somebody paused by hand what is wanted awake.
  else if (holdsOf(unit).length > 0) unit.dueAt = Math.min(unit.dueAt, now + pollMs(unit));
  else void unit.queue().run(() => deepenInTurn(unit, tier));
}

async function deepenInTurn(unit: Unit, tier: Tier): Promise<void> {
  const { method, afterMs } = tier;
  const { provider, clock } = unit.deps;
  const found = await provider.inspect(unit.spec.ref, { signal: unit.calls() }).catch(() => null);
  // The engine cannot be asked now: its time has come all the same.
  if (found === null) unit.dueAt = Math.min(unit.dueAt, clock.now() + pollMs(unit));
  if (found?.power !== "paused") return;
  const memoryBytes = await memoryOf(unit);
  // Stopped altogether by somebody, or wanted again: nothing is left to do.
  if (unit.phase.name !== "napping" || unit.look?.power === "stopped" || holdsOf(unit).length > 0) return;
  // Another policy since then: the next sweep goes by that.
  if (unit.spec.dryRun || !unit.spec.deeper.includes(tier)) return;
  const reasons: Reason[] = [{ signal: "tiers", verdict: "idle_since", text: `not used for ${afterMs / 1000} s` }];
  await stopInTurn(unit, { method, reasons, memoryBytes });
}

/** The engine refused: ask again later and later. */
export function backOff(unit: Unit): void {
  if (unit.watch === null) beginWatch(unit);
  const { watch } = unit;
  if (watch === null) return;
  const inMs = Math.min(retryMaxMs, retryFirstMs * 2 ** Math.min(watch.refusals++, 16));
  watch.nextLookAt = unit.deps.clock.now() + inMs;
  unit.dueAt = 0;
  unit.logger().warn("stop will be tried again", { in_ms: inMs });
}

/** A person asks. In use, or not ours to stop: refused with the reasons; `force` only asks whether it opted in. */
export function askedToSleep(
  unit: Unit,
  { force, reason }: { readonly force: boolean; readonly reason: string | null },
): Promise<SleepAnswer> {
  const { promise, resolve } = Promise.withResolvers<SleepAnswer>();
  const reasons: Reason[] = [{ signal: "asked", verdict: "waits", text: reason ?? "asked by a person" }];
  const turn = unit.queue().run(async () => {
    const memoryBytes = mayStop(unit) ? await memoryOf(unit) : null;
    // Last: nothing may come between this question and the stop.
    const against = await whatForbids(unit, force);
    if (against.length > 0) return resolve({ kind: "in_use", reasons: against });
    resolve({ kind: "accepted" });
    if (mayStop(unit)) await stopInTurn(unit, { method: methodOf(unit, unit.spec.stopMethod), reasons, memoryBytes });
  });
  void turn.catch((error: unknown) => unit.logger().error("asking for sleep failed", { error }));
  return promise;
}

function mayStop(unit: Unit): boolean {
  return runs(unit) || unit.state === "starting";
}

async function whatForbids(unit: Unit, force: boolean): Promise<readonly Reason[]> {
  if (!unit.spec.sleeps) return holdsOf(unit);
  if (force || !mayStop(unit)) return [];
  const scope = unit.scope();
  if (!hasCompared(unit)) {
    await askSignals(unit, scope.signal);
    await pause(comparedAfterMs, scope);
  }
  const readings = await askSignals(unit, scope.signal);
  const { reasons } = judge(unit, readings, await askNeighbours(unit));
  return reasons.filter(
    ({ signal, verdict }) => signal !== "never" && (verdict === "in_use" || isRequired(signal, verdict, readings)),
  );
}

function isRequired(
  name: string,
  verdict: Reason["verdict"],
  readings: readonly { readonly signal: string; readonly required: boolean }[],
): boolean {
  return verdict === "unreadable" && readings.some(({ signal, required }) => signal === name && required);
}
