import { getEventListeners } from "node:events";
import { type Stage, endUse, setReadable } from "./acts.ts";
import type { Box } from "./box.ts";
import { type Model, openSince } from "./model.ts";
import type { Weather } from "./sim-engine.ts";

const still: Weather = { fails: 0, delays: 0, hangs: 0, loses: 0, crashes: 0 };
/**
 * The longest patience with a dependency, and that of a wake with itself; a stop that was refused is tried again sooner.
 * The longest idle time comes on top.
 */
const endedMs = 660_000;
const idleMs = 150_000;
/** The longest way from a wake to ready: four in a row. */
const wokenMs = 40_000;
/** The sweep, what saves uses, and for each that is awake its checks. */
const timersMax = (awake: number): number => 2 + awake * 2;
const listenersMax = 4;

/** Everything works again and nobody wants anything: all that is idle goes to sleep, and all can be woken again. */
export async function quieten(stage: Stage): Promise<void> {
  const { world, callers, people, pass } = stage;
  const { must, note } = world.ledger;
  note("quiet", "");
  if (world.nodoff === null) world.begin();
  heal(stage);
  await pass(endedMs + idleMs);
  must(callers.held === 0, () => "somebody waits though nothing happens");
  must(people.asking === 0, () => "somebody who asked for sleep is not answered");
  checkAsleep(stage);
  note("all are woken", "");
  const begun = world.clock.now();
  for (const alias of world.specs.keys()) people.wake(alias);
  await pass(wokenMs);
  checkServed(stage, begun);
  await pass(idleMs);
  checkAsleep(stage);
  checkLeftovers(stage);
  world.ledger.settleUp();
}

function heal({ world, people }: Stage): void {
  for (const [alias, spec] of world.original) world.specs.set(alias, spec);
  for (const engine of world.engines) {
    engine.weather = still;
    engine.back(false);
  }
  for (const go of world.nodoff?.slow ?? []) go();
  for (const box of world.boxes.values()) {
    const engine = world.engineOf(box);
    box.answers = true;
    for (const use of box.uses) {
      setReadable(use, true, world);
      endUse(use, world);
    }
    if (!box.exists) engine.create(box);
    if (box.power === "restarting") engine.end(box, { asked: true, exitCode: 0 });
    if (box.health === "unhealthy") engine.setHealth(box, "healthy");
  }
  for (const engine of world.engines) engine.relist();
  world.configure();
  for (const { spec } of world.units()) people.pin(spec.alias, null);
}

function checkAsleep(stage: Stage): void {
  const { world } = stage;
  const { must } = world.ledger;
  for (const unit of world.units()) {
    const model = world.modelByAlias(unit.spec.alias);
    if (model === null || !isUp(model) || mayBeUp(model, stage)) continue;
    must(false, () => {
      const { reasons, sleepsAt } = unit.view();
      const why = reasons.map(({ signal, text }) => `${signal}: ${text}`).join("; ");
      return `${model.key} is ${model.state} though idle (${why}; sleeps at ${String(sleepsAt)})`;
    });
  }
}

function isUp({ box, state }: Model): boolean {
  return box === null ? state === "ready" || state === "starting" : box.power === "running";
}

function mayBeUp({ key, box, unit }: Model, { world }: Stage): boolean {
  const { spec } = unit;
  const { ties, clock } = world;
  if (ties.mayStop(key) !== "yes" || spec.dryRun) return true;
  if (spec.idleTimeoutMs === 0) return true;
  const { schedule } = spec;
  const lately = (schedule?.awake ?? []).map(({ cron, durationMs }) => ({ cron, durationMs: durationMs + idleMs }));
  if (openSince(lately, clock.wall()) !== null) return true;
  const needing = [...ties.neededBy(key)].map((from) => world.modelOf(from));
  if (needing.some((model) => model !== null && isUp(model))) return true;
  return box !== null && hasNeighbour(box, world.engineOf(box).boxes.values());
}

function hasNeighbour({ id, plan }: Box, others: Iterable<Box>): boolean {
  for (const other of others) {
    if (other.power !== "running") continue;
    if (other.networkOf === id) return true;
    const { compose } = other.plan;
    const isNamed = compose?.dependsOn.some(({ service }) => service === plan.compose?.service) === true;
    if (isNamed && compose?.project === plan.compose?.project) return true;
  }
  return false;
}

function checkServed({ world }: Stage, since: number): void {
  for (const alias of world.specs.keys()) {
    const model = world.modelByAlias(alias);
    if (model === null) continue;
    const { state, readyUntil, box } = model;
    const isServed = state === "ready" || readyUntil >= since || (box !== null && box.completedAt >= since);
    world.ledger.must(isServed, () => `${alias} cannot be woken: ${state}, ${box?.power ?? ""}`);
  }
}

function checkLeftovers({ world }: Stage): void {
  const { nodoff } = world;
  if (nodoff === null) return;
  const { must } = world.ledger;
  let awake = 0;
  for (const { state } of world.units()) if (state !== "napping" && state !== "gone") awake++;
  const { pending } = nodoff.life;
  must(pending <= timersMax(awake), () => `${pending} timers are armed while ${awake} are awake`);
  must(nodoff.budget.total === 0, () => `${nodoff.budget.total} places are taken by nobody`);
  const listeners = getEventListeners(nodoff.shutdown, "abort").length;
  must(listeners <= listenersMax, () => `${listeners} listeners stay on the shutdown signal`);
}

/** After a shutdown nothing is left. */
export async function leave({ world, callers, pass }: Stage): Promise<void> {
  const life = world.nodoff?.life;
  await world.close();
  await pass(1_001);
  world.ledger.must(callers.held === 0, () => `${callers.held} waiters are not answered at shutdown`);
  world.ledger.must((life?.pending ?? 0) === 0, () => `${life?.pending ?? 0} timers outlive the shutdown`);
  world.ledger.settleUp();
}
