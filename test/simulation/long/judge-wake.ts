import { type Box, isHealthy } from "./box.ts";
import { believedMs, isPool, type Model, openSince } from "./model.ts";
import type { Tie } from "./ties.ts";
import type { World } from "./world.ts";

/** What was told a moment too late could not be known. */
const lateMs = 500;

/** A wake begins: somebody must want it. */
export function judgeCause(model: Model, world: World): void {
  const { key, unit, wakeAsked } = model;
  const isAsked = wakeAsked || world.isWaitedFor(unit.spec.alias);
  const { schedule } = unit.spec;
  const isScheduled = schedule !== null && openSince(schedule.awake, world.clock.wall()) !== null;
  model.isOwnWake = isAsked || isScheduled || unit.spec.kind === "group" || unit.spec.kind === "compose";
  const isNeeded = startingDependants(model, world).length > 0 || isTriedAgain(model, world);
  world.ledger.must(isAsked || isScheduled || isNeeded, () => `a wake of ${key} that nobody asked for`);
}

/** A group goes on without a member that failed, and has it tried again. */
function isTriedAgain({ key, failedAt, readyUntil, stoppedAt }: Model, { ties, modelOf }: World): boolean {
  const hasFailed = failedAt >= Math.max(readyUntil, stoppedAt) && failedAt !== Number.NEGATIVE_INFINITY;
  const groups = ties.neededBy(key).flatMap((from) => modelOf(from) ?? []);
  return hasFailed && groups.some((group) => isPool(group) && group.state === "ready");
}

function startingDependants({ key }: Model, { ties, modelOf }: World): readonly Model[] {
  return [...ties.neededBy(key), ...ties.endAwaitedBy(key)]
    .map((from) => modelOf(from))
    .filter((dependant) => dependant?.state === "starting")
    .filter((dependant) => dependant !== null);
}

/** A start is sent to the engine. */
export function judgeStart(what: string, model: Model, world: World): void {
  const { must } = world.ledger;
  must(model.state === "starting", () => `${what} while ${model.state}`);
  must(model.startsInFlight === 0, () => `${what} while another start is in flight`);
  judgeConditions(what, model, world);
  judgeOnce(what, model, world);
}

/** Each condition was met at some moment of this wake. */
export function judgeConditions(what: string, model: Model, world: World): void {
  const { key } = model;
  const ties = world.ties.needs(key).filter(({ to }) => !world.ties.inCycle(key, to));
  const unmet = ties.filter((tie) => !wasMet(tie, model.startingAt, world));
  // One is enough; of those that were to be started as well, each has failed.
  const isExcused = ({ to }: Tie): boolean => {
    const { state, failedAt } = world.modelOf(to) ?? { state: "gone", failedAt: 0 };
    const hasFailed = state === "error" || state === "gone" || failedAt >= model.startingAt;
    return model.unit.spec.wakeMembers === "one" || hasFailed;
  };
  const isServed = unmet.length < ties.length || ties.length === 0;
  const holds = isPool(model) ? isServed && unmet.every(isExcused) : unmet.length === 0;
  world.ledger.must(holds, () => `${what} before ${unmet.map(({ to, condition }) => `${to} ${condition}`).join(", ")}`);
}

function wasMet({ to, condition }: Tie, since: number, world: World): boolean {
  const box = world.boxes.get(to);
  const model = world.modelOf(to);
  // What appeared in the middle of a wake is waited for at the next.
  if (box === undefined || model === null || box.listedAt > since) return true;
  const now = world.clock.now();
  const wasReady = (model.state === "ready" ? now : model.readyUntil) >= since;
  const wasHealthy = (isHealthy(box) ? now : box.healthyUntil) >= since - lateMs || isUnnoticed(model, box, since);
  switch (condition) {
    case "started":
      return wasReady || (box.power === "running" ? now : box.ranUntil) >= since || isUnnoticed(model, box, since);
    case "healthy":
      return wasReady && wasHealthy;
    case "completed":
      // Its end may be believed later than it came.
      return Math.max(box.completedAt, model.doneAt) >= since;
    case "auto":
      return wasReady && (wasHealthy || model.unit.spec.upstream !== null);
  }
}

/** It ended while it was taken for ready, and nodoff is about to find out. */
function isUnnoticed({ state, enteredAt, stoppedAt }: Model, box: Box, since: number): boolean {
  const isLate = box.busy > 0 || since - Math.max(box.ranUntil, box.changedAt) < believedMs;
  const wasReady = state === "ready" ? enteredAt <= since : box.ranUntil > stoppedAt;
  return box.inDoubt || (wasReady && isLate);
}

/** What runs to its end runs once per wake. */
function judgeOnce(what: string, model: Model, world: World): void {
  const { key, box, isOwnWake } = model;
  const waiting = world.ties.endAwaitedBy(key);
  if (waiting.length === 0 || isOwnWake || box === null) return;
  // Who waited may be gone by now.
  const starting = waiting.flatMap((from) => world.modelOf(from) ?? []).filter(({ state }) => state === "starting");
  const lacks = starting.some(({ startingAt }) => model.doneAt < startingAt);
  world.ledger.must(lacks || starting.length === 0, () => `${what}, which has run for everybody who waits`);
}
