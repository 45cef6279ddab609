import type { Box, Use } from "./box.ts";
import { isAwake, type Model, openSince } from "./model.ts";
import type { World } from "./world.ts";

/** Whoever is stopped on the stroke of an asleep window was not used for so long, or for min_awake. */
const settledMs = 30_000;
/** A last look may last so long: slow signals, then what the engine knows of its neighbours. */
const lookMs = 8_000;

/** Says whether a workload may be put to sleep at this very moment, from what the simulation knows. */
export function judgeSleep(model: Model, world: World): void {
  const { must } = world.ledger;
  const { key } = model;
  const isForced = model.restarting || model.forces > 0;
  const isAsked = isForced || model.asks > 0;
  model.stopAsked = isAsked;
  must(world.ties.mayStop(key) !== "no", () => `${key} did not opt in and is stopped`);
  if (isForced) return;
  judgeHolds(model, world);
  if (model.goesDeeper) return judgeDeeper(model, world);
  for (const box of boxesOf(model, world)) for (const use of box.uses) judgeUse(key, use, world);
  if (!isAsked) judgeTime(model, world);
}

/** Its own box, or those of the members of a group. */
function boxesOf({ key, box }: Model, world: World): readonly Box[] {
  if (box !== null) return [box];
  return world.ties.needs(key).flatMap(({ to }) => world.boxes.get(to) ?? []);
}

function judgeHolds({ key, box, memory, unit, goesDeeper }: Model, world: World): void {
  const { must } = world.ledger;
  const now = world.clock.now();
  must(memory.pinnedUntil === null || memory.pinnedUntil <= now, () => `${key} is stopped though pinned`);
  const { schedule } = unit.spec;
  const open = schedule === null ? null : openSince(schedule.awake, world.clock.wall());
  must(open === null, () => `${key} is stopped in an awake window`);
  for (const from of world.ties.neededBy(key)) {
    if (world.ties.inCycle(from, key)) continue;
    const dependant = world.modelOf(from);
    const needs = dependant !== null && isAwake(dependant);
    must(!needs, () => `${key} is stopped though ${from}, which needs it, is ${dependant?.state ?? ""}`);
  }
  if (box !== null && !goesDeeper) judgeNeighbours(box, world);
}

/** What nodoff has nothing to do with, but the engine knows of. */
function judgeNeighbours(box: Box, world: World): void {
  const { must } = world.ledger;
  const engine = world.engineOf(box);
  const now = world.clock.now();
  if (engine.isLost || world.listFailedAt > now - lookMs) return;
  for (const other of engine.boxes.values()) {
    if (other === box || other.power !== "running" || !other.exists || other.changedAt > now - lookMs) continue;
    const uses = other.networkOf === box.id;
    must(!uses, () => `${box.plan.name} is stopped though ${other.plan.name} uses its network`);
    if (world.ties.isManaged(other.plan.name)) continue;
    const names = other.plan.compose?.dependsOn ?? [];
    const isNamed =
      other.plan.compose?.project === box.plan.compose?.project &&
      names.some(({ service, condition }) => service === box.plan.compose?.service && condition !== "completed");
    must(!isNamed, () => `${box.plan.name} is stopped though ${other.plan.name}, which runs, depends on it`);
  }
}

/** What a signal told in the last look, and that it was asked at all. */
function judgeUse(key: string, use: Use, world: World): void {
  const { must } = world.ledger;
  const now = world.clock.now();
  const { signal, required, toldAt } = use;
  must(toldAt >= now - lookMs, () => `${key} is stopped ${now - toldAt} ms after ${signal} was read`);
  must(!use.toldInUse || !use.toldReadable, () => `${key} is stopped though ${signal} says that it is in use`);
  must(use.toldReadable || !required, () => `${key} is stopped though ${signal}, which is required, cannot be read`);
  // What changed while others were being read could not be known.
  if (use.changedAt > now - lookMs) return;
  must(!use.inUse || !use.readable, () => `${key} is stopped though ${signal} could see that it is in use`);
}

function judgeTime(model: Model, world: World): void {
  const { key, memory, unit, awakeSince } = model;
  const { must } = world.ledger;
  const { spec } = unit;
  const now = world.clock.now();
  must(!spec.dryRun, () => `${key} is stopped in a dry run`);
  must(now >= awakeSince + spec.minAwakeMs, () => `${key} is stopped within min_awake`);
  // None of them is awake, as the holds say: it need not wait any longer.
  if (spec.followsDependants) return;
  const told = boxesOf(model, world).flatMap(({ uses }) => uses.map(({ toldUseAt }) => toldUseAt));
  const usedAt = Math.max(memory.lastUsedAt, ...told);
  const idleMs = now - usedAt;
  const opened = spec.schedule === null ? null : openSince(spec.schedule.asleep, world.clock.wall());
  const openedAt = opened === null ? null : now - (world.clock.wall() - opened);
  if (openedAt !== null && usedAt <= openedAt) {
    must(idleMs >= Math.min(settledMs, spec.minAwakeMs), () => `${key} is stopped ${idleMs} ms after its last use`);
    return;
  }
  must(spec.idleTimeoutMs > 0, () => `${key} is stopped, which never sleeps`);
  must(idleMs >= spec.idleTimeoutMs, () => `${key} is stopped ${idleMs} ms after its last use`);
}

function judgeDeeper({ key, unit, memory, box, stoppedAt }: Model, world: World): void {
  const { must } = world.ledger;
  const [tier] = unit.spec.deeper;
  const now = world.clock.now();
  must(tier !== undefined, () => `${key} is put to a deeper sleep, which it does not have`);
  must(!unit.spec.dryRun, () => `${key} is put to a deeper sleep in a dry run`);
  if (tier === undefined) return;
  // What a group was told of it while it slept is no use of its own.
  const told = (box?.uses ?? []).map(({ toldUseAt }) => toldUseAt).filter((at) => at <= stoppedAt);
  const usedAt = Math.max(memory.lastUsedAt, ...told);
  must(now >= usedAt + tier.afterMs, () => `${key} is put to a deeper sleep ${now - usedAt} ms after its last use`);
}
