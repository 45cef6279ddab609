import type { JournalEvent } from "../../../src/core/journal.ts";
import type { StateName } from "../../../src/core/state.ts";
import type { Box } from "./box.ts";
import { judgeSleep } from "./judge-sleep.ts";
import { judgeCause, judgeConditions, judgeStart } from "./judge-wake.ts";
import type { EngineCall } from "./line.ts";
import { believedMs, isGroup, isPool, type Model, noteUse } from "./model.ts";
import type { World } from "./world.ts";

/** The engine's longest patience with a dependency, and the longest wake_timeout. */
const startingMaxMs = 600_000 + 60_000 + 1_000;

/** Follows the journal and the calls of one nodoff, and says whether each is right. */
export interface Judge {
  told(event: JournalEvent): void;
  /** A call begins; returns what to do when it has ended. */
  called(call: EngineCall, box: Box | undefined): (failed: boolean) => void;
  /** Holds between any two events. */
  check(): void;
}

export function createJudge(world: World): Judge {
  const { clock, ledger, tally } = world;
  const { must, note } = ledger;
  let turn = 0;

  function told({ type, alias, message, step, state, failure }: JournalEvent): void {
    tally.events++;
    note(type, `${alias ?? ""} ${message}`);
    const model = alias === null ? null : world.modelByAlias(alias);
    if (model === null) return;
    if (type === "sleep" && failure !== undefined) tally.refused++;
    if (type === "sleep" && failure === undefined && !message.startsWith("dry run")) tally.sleeps++;
    if (type === "wake" && step === "starting") {
      tally.wakes++;
      judgeCause(model, world);
      model.wakeAsked = false;
    }
    if (type === "state" && state !== undefined) moved(model, state);
  }

  function moved(model: Model, next: StateName): void {
    const now = clock.now();
    const { state: before } = model;
    if (before === "ready") model.readyUntil = now;
    model.state = next;
    model.enteredAt = now;
    if (next === "starting") model.startingAt = now;
    if (next === "starting") queueBehindStops(model);
    // Whoever wakes it, or starts it by hand, wants to use it: it gets a full idle period.
    if (next === "starting" && before !== "unknown") noteUse(model.memory, now);
    if ((next === "ready" || next === "error") && before !== "stopping") model.awakeSince = now;
    if (next === "error" || next === "gone") model.failedAt = now;
    if (next === "ready" && before === "starting" && isGroup(model.unit.spec) && model.isOwnWake)
      judgeConditions(`${model.key} is ready`, model, world);
    if (next === "stopping") {
      model.goesDeeper = before === "napping";
      judgeSleep(model, world);
    }
    const ended = before === "starting" || before === "ready" || before === "error";
    if (ended && next === "napping" && model.box?.exitCode === 0) model.doneAt = now;
    if (before === "stopping") model.stoppedAt = now;
    if (before === "unknown") adopted(model, next);
  }

  /** A wake behind a stop comes, whatever becomes of who asked for it. */
  function queueBehindStops({ key }: Model): void {
    for (const { to } of world.ties.needs(key)) {
      const model = world.modelOf(to);
      if (model?.state === "stopping") model.wakeAsked = true;
    }
  }

  /** What was awake before a restart of nodoff, and still is, is found awake. */
  function adopted({ key, memory, unit }: Model, next: StateName): void {
    const wasReady = memory.wasReady && isGroup(unit.spec);
    memory.wasReady = false;
    if (!wasReady || next !== "napping") return;
    const members = world.ties.needs(key).filter(({ condition }) => condition !== "completed");
    const allRun = members.every(({ to }) => world.boxes.get(to)?.power === "running");
    must(!allRun || members.length === 0, () => `${key} was awake, and so are its members, but it is found asleep`);
  }

  function called(call: EngineCall, box: Box | undefined): (failed: boolean) => void {
    tally.events++;
    if (box === undefined) {
      return (failed) => {
        if (failed && call === "list") world.listFailed();
      };
    }
    const model = world.modelOf(box.plan.name);
    note(call, box.plan.name);
    const ended = judgeCall(call, model, box.plan.name);
    box.busy++;
    return (failed) => {
      box.busy--;
      box.changedAt = clock.now();
      if (failed) {
        box.inDoubt = true;
        note(`${call} failed`, box.plan.name);
      }
      ended();
    };
  }

  function judgeCall(call: EngineCall, model: Model | null, name: string): () => void {
    const what = `${call} ${name}`;
    const none = (): void => undefined;
    if (call === "start" || call === "resume") {
      must(model !== null, () => `${what}, which nodoff has nothing to do with`);
      if (model === null) return none;
      judgeStart(what, model, world);
      model.startsInFlight++;
      return () => void model.startsInFlight--;
    }
    if (call === "stop" || call === "pause" || call === "kill") {
      must(model !== null, () => `${what}, which nodoff has nothing to do with`);
      must(model?.state === "stopping", () => `${what} while ${model?.state ?? ""}`);
      must(model?.startsInFlight === 0, () => `${what} while a start is in flight`);
    }
    return none;
  }

  function checkOne(model: Model, now: number): void {
    const { key, unit, box, state, enteredAt } = model;
    must(unit.state === state, () => `${key} is ${unit.state} but told ${state}`);
    must(!unit.allow || state === "ready", () => `${key} allows while ${state}`);
    must(state !== "starting" || now <= enteredAt + startingMaxMs, () => `${key} is starting for too long`);
    if (unit.allow) checkAllow(model);
    if (box === null || box.inDoubt || box.busy > 0 || now <= box.changedAt + believedMs) return;
    if (now <= enteredAt + believedMs || world.engineOf(box).isLost) return;
    const { power } = box;
    must(box.exists === (state !== "gone"), () => `${key} ${box.exists ? "exists" : "does not exist"} but is ${state}`);
    must(power === "running" || state !== "ready" || !box.exists, () => `${key} is ready but ${power}`);
    must(power !== "running" || state !== "napping", () => `${key} is napping but ${power}`);
  }

  function checkAllow(model: Model): void {
    const { key, unit } = model;
    const ties = world.ties.needs(key);
    if (ties.length === 0 || unit.spec.wakeMembers === "one") return;
    if (isPool(model)) {
      const states = ties.map(({ to }) => world.modelOf(to)?.state ?? "unknown");
      const isServed = states.some((state) => state === "ready" || state === "unknown");
      const isWhole = states.every((state) => state !== "napping" && state !== "stopping");
      return must(isServed && isWhole, () => `${key} allows though its members are ${states.join(", ")}`);
    }
    for (const { to, condition } of ties) {
      if (condition === "completed" || world.ties.inCycle(key, to)) continue;
      const { state } = world.modelOf(to) ?? { state: "unknown" };
      must(state === "ready" || state === "unknown", () => `${key} allows though ${to}, which it needs, is ${state}`);
    }
  }

  return {
    told,
    called,
    check() {
      const now = clock.now();
      const isViewed = turn++ % 100 === 0;
      for (const unit of world.units()) {
        const model = world.modelByAlias(unit.spec.alias);
        if (model !== null) checkOne(model, now);
        // Never throws, whatever the moment.
        if (isViewed) unit.view();
      }
      must(world.rejections.length === 0, () => `unhandled rejection: ${String(world.rejections[0])}`);
    },
  };
}
