import type { WorkloadSpec } from "../../../src/core/spec.ts";
import type { Box, Use } from "./box.ts";
import type { Callers } from "./callers.ts";
import { randomPolicy } from "./fleet.ts";
import { isGroup } from "./model.ts";
import type { People } from "./people.ts";
import { calm, stormy } from "./sim-engine.ts";
import type { World } from "./world.ts";

export interface Stage {
  readonly world: World;
  readonly callers: Callers;
  readonly people: People;
  /** Lets time pass, and checks. */
  readonly pass: (ms: number) => Promise<void>;
}

type Act = (stage: Stage) => void | Promise<void>;

const anyAlias = ({ world }: Stage): string => world.random.pick([...world.original.keys()]);
const anyBox = ({ world }: Stage): Box => world.random.pick([...world.boxes.values()]);

const acts: readonly (readonly [number, Act])[] = [
  [40, (stage) => stage.callers.request(anyAlias(stage))],
  [3, burst],
  [2, (stage) => stage.callers.present(anyAlias(stage))],
  [5, (stage) => stage.callers.leave()],
  [4, (stage) => stage.people.wake(anyAlias(stage))],
  [4, (stage) => stage.people.sleep(anyWorkload(stage), false)],
  [2, (stage) => stage.people.sleep(anyWorkload(stage), true)],
  [2, (stage) => stage.people.restart(anyWorkload(stage))],
  [2, (stage) => stage.people.pin(anyWorkload(stage), stage.world.random.span(5_000, 600_000))],
  [1, (stage) => stage.people.pin(anyWorkload(stage), null)],
  [2, recheck],
  [12, use],
  [4, blind],
  [3, mute],
  [14, outside],
  [1, loseLink],
  [1, changeWeather],
  [1, relist],
  [3, reload],
  [0.4, restartNodoff],
];
const total = acts.reduce((sum, [weight]) => sum + weight, 0);

/** Something happens. */
export function act(stage: Stage): void | Promise<void> {
  let at = stage.world.random.next() * total;
  for (const [weight, run] of acts) {
    at -= weight;
    if (at < 0) return run(stage);
  }
}

/** Also one that nobody configured. */
function anyWorkload(stage: Stage): string {
  const units = [...stage.world.units()];
  return units.length === 0 ? anyAlias(stage) : stage.world.random.pick(units).spec.alias;
}

function burst(stage: Stage): void {
  const alias = anyAlias(stage);
  for (let nth = stage.world.random.between(2, 20); nth > 0; nth--) stage.callers.request(alias);
}

function recheck(stage: Stage): void {
  stage.world.modelByAlias(anyWorkload(stage))?.unit.recheck();
}

function use(stage: Stage): void {
  const { world } = stage;
  const { random, clock } = world;
  const box = anyBox(stage);
  if (box.uses.length === 0 || box.power !== "running") return;
  const each = random.pick(box.uses);
  if (each.inUse) return endUse(each, world);
  world.ledger.note(`use by ${each.signal}`, box.plan.name);
  each.inUse = true;
  each.changedAt = clock.now();
  clock.after(random.span(500, 300_000), () => endUse(each, world));
}

export function endUse(use: Use, { clock }: World): void {
  if (!use.inUse) return;
  use.inUse = false;
  use.changedAt = clock.now();
  use.endedAt = clock.now();
}

/** A signal cannot be read for a while. */
function blind(stage: Stage): void {
  const { random, clock, ledger } = stage.world;
  const box = anyBox(stage);
  if (box.uses.length === 0) return;
  const each = random.pick(box.uses);
  ledger.note(`${each.signal} unreadable`, box.plan.name);
  setReadable(each, false, stage.world);
  clock.after(random.span(1_000, 200_000), () => setReadable(each, true, stage.world));
}

export function setReadable(use: Use, readable: boolean, { clock }: World): void {
  if (use.readable === readable) return;
  use.readable = readable;
  use.changedAt = clock.now();
}

/** It does not answer for a while. */
function mute(stage: Stage): void {
  const { random, clock, ledger } = stage.world;
  const box = anyBox(stage);
  ledger.note("does not answer", box.plan.name);
  box.answers = false;
  clock.after(random.span(1_000, 100_000), () => (box.answers = true));
}

const hands = [
  "start",
  "start",
  "stop",
  "stop",
  "pause",
  "crash",
  "crash",
  "loop",
  "restart",
  "delete",
  "recreate",
  "unhealthy",
] as const;

function outside(stage: Stage): void {
  const { world } = stage;
  const { random, ledger, clock } = world;
  const box = anyBox(stage);
  const engine = world.engineOf(box);
  const hand = random.pick(hands);
  ledger.note(`outside ${hand}`, box.plan.name);
  if (!box.exists) return engine.create(box);
  const { power } = box;
  const runs = power === "running";
  switch (hand) {
    case "start":
      return runs ? undefined : byHand(box, world);
    case "stop":
      return power === "stopped" ? undefined : engine.end(box, { asked: true, exitCode: random.pick([0, 137]) });
    case "pause":
      return runs ? engine.pause(box) : undefined;
    case "crash":
      return runs ? engine.end(box, { asked: false, exitCode: random.pick([0, 1]) }) : undefined;
    case "loop":
      for (let nth = 0; nth < 3 && box.power === "running"; nth++) {
        engine.end(box, { asked: false, exitCode: 1, restarts: true });
        if (nth < 2) engine.start(box);
      }
      return;
    case "restart":
      if (!runs) return;
      engine.end(box, { asked: false, exitCode: 1, restarts: true });
      return engine.start(box);
    case "delete":
      engine.delete(box);
      clock.after(random.span(100, 120_000), () => void (box.exists || engine.create(box)));
      return;
    case "recreate":
      engine.delete(box);
      engine.create(box);
      return random.chance(0.6) ? engine.start(box) : undefined;
    case "unhealthy":
      if (!runs || !box.plan.hasHealth) return;
      engine.setHealth(box, "unhealthy");
      clock.after(random.span(1_000, 60_000), () => {
        if (box.health === "unhealthy") engine.setHealth(box, box.power === "running" ? "healthy" : "starting");
      });
  }
}

function byHand(box: Box, world: World): void {
  const engine = world.engineOf(box);
  if (box.power === "paused") engine.resume(box);
  else engine.start(box);
}

function loseLink(stage: Stage): void {
  const { random, clock, engines, ledger } = stage.world;
  const engine = random.pick(engines);
  ledger.note("link lost", engine.name);
  engine.lose();
  clock.after(random.span(500, 180_000), () => engine.back(random.chance(0.5)));
}

function changeWeather({ world: { random, engines } }: Stage): void {
  const engine = random.pick(engines);
  engine.weather = engine.weather === calm ? stormy : calm;
}

function relist({ world: { random, engines } }: Stage): void {
  random.pick(engines).relist();
}

/** One workload changes, goes or comes back. */
function reload(stage: Stage): void {
  const { world } = stage;
  const { random, specs, original } = world;
  const alias = anyAlias(stage);
  const before = specs.get(alias);
  const first = original.get(alias) as WorkloadSpec;
  world.ledger.note("reload", alias);
  if (before === undefined) specs.set(alias, first);
  else if (random.chance(0.1) && !isMember(alias, specs)) leaveOut(alias, world);
  else if (random.chance(0.2)) specs.set(alias, { ...before, dependsOn: random.chance(0.5) ? first.dependsOn : [] });
  else if (!isGroup(before)) specs.set(alias, { ...before, ...randomPolicy(random, before.stopMethod === "pause") });
  world.configure();
}

function leaveOut(alias: string, { specs, memoryOf }: World): void {
  specs.delete(alias);
  memoryOf(alias).wasReady = false;
}

function isMember(alias: string, specs: ReadonlyMap<string, WorkloadSpec>): boolean {
  return [...specs.values()].some(({ members }) => members.includes(alias));
}

async function restartNodoff({ world, callers, people, pass }: Stage): Promise<void> {
  const { random } = world;
  if (random.chance(0.5)) {
    world.kill();
    callers.breakOff();
    people.breakOff();
  } else {
    await world.close();
  }
  await pass(random.pick([0, 1_000, 60_000]));
  world.begin();
}
