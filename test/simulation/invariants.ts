import type { StateName } from "../../src/core/state.ts";
import { type EngineCall, type Ref, refs } from "./actions.ts";
import { minAwakeMs, type Model } from "./models.ts";
import type { World } from "./world.ts";

/** Watches every engine call and every change of state, and says at any time whether all is as it must be. */
export interface Watch {
  /** Nothing may happen at the engine any more. */
  closed: boolean;
  /** Something happened that nodoff takes a moment to believe. */
  unsettle(): void;
  /** A call failed, or the link is lost: nodoff may miss something until the next list. */
  doubt(): void;
  /** A list has been told. */
  listed(): void;
  readonly stopFailed: boolean;
  /** Holds at any moment. `waiting`: which workloads have held callers. */
  check(): void;
}

/** An exit nobody asked for is believed after so long. */
const debounceMs = 2_000;

/** `isWaitedFor` says whether somebody is held for it. */
export function createWatch(world: World, isWaitedFor: (ref: Ref) => boolean): Watch {
  const { clock, plan, models, powerOf, workloadOf, supervisor } = world;
  const { must, note } = world.ledger;
  let busy = 0;
  let inDoubt = plan.lost;
  let unsettledAt = Number.NEGATIVE_INFINITY;

  world.watch.called = (call, ref) => {
    const ended = judge(call, ref);
    busy++;
    return (failed) => {
      busy--;
      if (call === "inspect") watch.unsettle();
      if (failed) inDoubt = true;
      ended();
    };
  };

  function judge(call: EngineCall, ref: Ref): () => void {
    if (call === "inspect" || call === "address") return () => undefined;
    note(`engine ${call} ${ref}`);
    must(!watch.closed, `${call} ${ref} after the shutdown`);
    const state = workloadOf(ref)?.state ?? "not configured";
    if (call === "start" || call === "resume") return judgeStart(`${call} ${ref}`, state, models[ref]);
    judgeStop(`${call} ${ref}`, state, models[ref]);
    return () => undefined;
  }

  function judgeStart(what: string, state: string, model: Model): () => void {
    must(state === "starting", `${what} while ${state}`);
    must(model.startsInFlight === 0, `${what} while another start is in flight`);
    model.startsInFlight++;
    return () => void model.startsInFlight--;
  }

  function judgeStop(what: string, state: string, model: Model): void {
    const { config, lastUsedAt, awakeSince, useChangedAt, inUse } = model;
    const { idleTimeoutMs } = config;
    const now = clock.now();
    must(state === "stopping", `${what} while ${state}`);
    must(idleTimeoutMs > 0, `${what}, which never sleeps`);
    must(now >= lastUsedAt + idleTimeoutMs, `${what} ${now - lastUsedAt} ms after its last use`);
    must(now >= awakeSince + minAwakeMs(config), `${what} within min_awake`);
    // What changed while the slow signal was answering could not be known.
    if (now <= useChangedAt + plan.slowSignalMs) return;
    must(!inUse, `${what} while in use`);
    must(now >= useChangedAt + idleTimeoutMs, `${what} ${now - useChangedAt} ms after its use ended`);
  }

  world.journal.subscribe(({ type, alias, message, step, state, failure }) => {
    note(`${type} ${alias} ${message}`);
    if (type === "sleep" && failure !== undefined) stopFailed = true;
    if (alias === null || supervisor.workload(alias) === undefined) return;
    const ref = world.refOf(alias);
    const model = models[ref];
    if (type === "wake" && step === "starting") {
      must(model.asked || isWaitedFor(ref), `a wake of ${ref} that nobody asked for`);
      model.asked = false;
    }
    if (type === "state" && state !== undefined) moved(ref, model, state);
  });
  let stopFailed = false;

  function moved(ref: Ref, model: Model, next: StateName): void {
    checkStarting(ref, model);
    must(next !== "napping" || !model.queued, `a wake of ${ref} behind its stop is lost`);
    model.queued = false;
    const isBeginning = (next === "ready" || next === "error") && model.state !== "stopping";
    if (isBeginning) model.awakeSince = clock.now();
    if (next === "ready") model.asked = false;
    if (next === "starting") model.wakeTimeoutMs = model.config.wakeTimeoutMs;
    model.state = next;
    model.enteredAt = clock.now();
  }

  function checkStarting(ref: Ref, { state, enteredAt, wakeTimeoutMs }: Model): void {
    const ended = watch.closed || state !== "starting" || clock.now() <= enteredAt + wakeTimeoutMs;
    must(ended, `${ref} is starting beyond wake_timeout`);
  }

  function checkOne(ref: Ref): void {
    const workload = workloadOf(ref);
    const model = models[ref];
    if (workload === undefined) return;
    const { state, allow } = workload;
    must(state === model.state, `${ref} is ${state} but told ${model.state}`);
    must(allow === (state === "ready"), `${ref} ${allow ? "allows" : "does not allow"} while ${state}`);
    checkStarting(ref, model);
    // Never throws, whatever the moment.
    workload.view();
    if (!inDoubt && busy === 0 && clock.now() > unsettledAt + debounceMs) follows(ref, state);
  }

  /** What happened at the engine has been told, and nothing is under way. */
  function follows(ref: Ref, state: StateName): void {
    const power = powerOf(ref);
    must((power === null) === (state === "gone"), `${ref} is ${power} at the engine but ${state}`);
    must(power === "running" || state !== "ready", `${ref} is ready but ${power}`);
    must(power !== "running" || state !== "napping", `${ref} is napping but ${power}`);
  }

  const watch: Watch = {
    closed: false,
    unsettle: () => (unsettledAt = clock.now()),
    doubt: () => (inDoubt = true),
    listed() {
      const [provider] = supervisor.providers();
      // What was asked before the list may be answered after it.
      if (provider?.connected === true && busy === 0) inDoubt = false;
    },
    get stopFailed() {
      return stopFailed;
    },
    check: () => refs.forEach(checkOne),
  };
  return watch;
}
