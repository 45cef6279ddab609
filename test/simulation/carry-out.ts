import type { Action, OutsideAct, Ref } from "./actions.ts";
import type { Callers } from "./callers.ts";
import type { Watch } from "./invariants.ts";
import { reconfigure } from "./models.ts";
import type { World } from "./world.ts";

interface Stage {
  readonly world: World;
  readonly callers: Callers;
  readonly watch: Watch;
}

/** Lets one action happen; what makes no sense at the moment does not. */
export async function carryOut(action: Action, stage: Stage): Promise<void> {
  const { world, callers, watch } = stage;
  const { clock, engine, line, models } = world;
  world.ledger.note(JSON.stringify(action));
  switch (action.do) {
    case "pass":
      return clock.advanceAsync(action.ms);
    case "request":
      return callers.request(action.at, action.kind, action.maxHoldMs);
    case "present":
      return callers.present(action.at);
    case "leave":
      return callers.leave(action.nth);
    case "person":
      return callers.person(action.at, action.cause);
    case "answers":
      models[action.at].answers = action.value;
      return;
    case "use":
      return use(action.at, action.inUse, world);
    case "outside":
      watch.unsettle();
      return outside(action.at, action.act, world);
    case "fault":
      return line.add(action);
    case "release":
      return line.release();
    case "lose":
      watch.doubt();
      return engine.lose();
    case "back":
      watch.unsettle();
      engine.back({ replay: action.replay });
      return watch.listed();
    case "relist":
      engine.relist();
      return watch.listed();
    case "recheck":
      return world.workloadOf(action.at)?.recheck();
    case "reload":
      if (!reconfigure(action.at, models[action.at], action.change, clock.now())) return;
      watch.unsettle();
      return world.configure();
  }
}

export function use(ref: Ref, inUse: boolean, { models, clock }: World): void {
  const model = models[ref];
  if (model.inUse === inUse) return;
  model.inUse = inUse;
  model.useChangedAt = clock.now();
}

function outside(ref: Ref, act: OutsideAct, world: World): void {
  const power = world.powerOf(ref);
  const { outside: hand } = world.engine;
  switch (act) {
    case "add":
      return power === null ? world.add(ref, "stopped") : undefined;
    case "recreate":
      return world.add(ref, "running");
    case "delete":
      return power === null ? undefined : hand.delete(ref);
    case "start":
      return power === "stopped" || power === "restarting" ? byHand(ref, hand.start, world) : undefined;
    case "resume":
      return power === "paused" ? byHand(ref, hand.resume, world) : undefined;
    case "stop":
      return power === null || power === "stopped" ? undefined : hand.stop(ref);
    case "pause":
    case "crash":
    case "restart":
    case "crash_loop":
    case "unhealthy":
      return power === "running" ? whileRunning(ref, act, hand) : undefined;
  }
}

/** Whoever starts it by hand gets a full idle period, where nodoff can see it. */
function byHand(ref: Ref, start: (ref: string) => void, { models, clock, supervisor }: World): void {
  const { state } = models[ref];
  const isSeen = [...supervisor.providers()].every(({ connected }) => connected);
  if (isSeen && (state === "napping" || state === "error")) models[ref].lastUsedAt = clock.now();
  start(ref);
}

function whileRunning(
  ref: Ref,
  act: "pause" | "crash" | "restart" | "crash_loop" | "unhealthy",
  hand: World["engine"]["outside"],
): void {
  switch (act) {
    case "pause":
      return hand.pause(ref);
    case "crash":
      return hand.crash(ref, 1);
    case "unhealthy":
      return hand.health(ref, "unhealthy");
    case "restart":
      hand.crash(ref, 1, true);
      return hand.start(ref);
    case "crash_loop":
      for (const again of [true, true, false]) {
        hand.crash(ref, 1, true);
        if (again) hand.start(ref);
      }
  }
}
