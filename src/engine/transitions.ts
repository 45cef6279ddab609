import type { Failure } from "../core/errors.ts";
import type { Input, State } from "../core/state.ts";
import { beginWatch, endWatch } from "./sleeping.ts";
import { endWake, readAddresses } from "./waking.ts";
import type { Unit } from "./workload-parts.ts";

/** What follows from having entered another state: accounts, addresses, what people are told. */
export function entered(unit: Unit, before: State, input: Input): void {
  const { phase } = unit;
  book(unit, before);
  // What the first look finds asleep ended some time ago.
  if (before.name === "stopping" || (before.name !== "unknown" && !unit.isAwake)) unit.endedAt = unit.deps.clock.now();
  if (phase.name === "ready") entersReady(unit, before, input);
  if (phase.name === "error") entersError(unit, before, phase.failure);
  if (phase.name === "napping" || phase.name === "gone") entersRest(unit, input);
}

function entersReady(unit: Unit, before: State, input: Input): void {
  // A refused stop is no new beginning.
  if (before.name !== "stopping") beginWatch(unit);
  // Adopted as it stood, or not stopped after all: nobody has asked where it answers.
  if (input.type !== "readiness_passed") return readAddresses(unit);
  wakeEnded(unit, "ready");
}

function wakeEnded(unit: Unit, message: string): void {
  const { clock } = unit.deps;
  unit.wokenAt = clock.wall();
  unit.logger().info(message, { took_ms: Math.round(clock.now() - (unit.attempt?.begunAt ?? clock.now())) });
  endWake(unit, null);
  unit.attempt = null;
  unit.tell("ready", message);
}

function entersError(unit: Unit, before: State, failure: Failure): void {
  const message = before.name === "starting" ? "wake failed" : "ended by itself";
  // A stop that was refused has been told of already.
  if (before.name !== "stopping") {
    unit.logger().error(message, { code: failure.code, error: failure.message });
    beginWatch(unit);
  }
  if (before.name === "starting") endWake(unit, failure);
  unit.tell("error", failure.message, { failure });
}

function entersRest(unit: Unit, input: Input): void {
  if (input.type === "completed") unit.completedAt = unit.deps.clock.now();
  if (input.type === "completed" && unit.attempt !== null) wakeEnded(unit, "completed");
  endWatch(unit);
  unit.attempt = null;
  unit.addresses = null;
  unit.exits = null;
}

/** Keeps the account of what sleeping saves. */
function book(unit: Unit, before: State): void {
  const { store, clock } = unit.deps;
  const { alias } = unit.spec;
  const kind = toKind(unit);
  const open = store.openInterval(alias);
  const isDeeper = before.name === "stopping" && before.from === "asleep" && kind === "asleep";
  if ((open?.kind ?? null) === kind && !isDeeper) return;
  const wall = clock.wall();
  // Started while nodoff was away: its sleep ended then.
  const turnedAt = kind === "awake" ? Math.max(unit.look?.startedAt ?? wall, open?.from ?? 0) : wall;
  const memoryBytes = kind === "asleep" ? savedBytes(unit) : null;
  store.turnInterval(alias, kind === null ? null : { kind, memoryBytes }, Math.min(turnedAt, wall));
  // In a dry run the stretch may turn as it is about to be stopped by hand.
  if (kind === "awake" && unit.phase.name !== "stopping") unit.stop = null;
}

function toKind({ phase, isAwake }: Unit): "asleep" | "awake" | null {
  if (phase.name === "napping" || (phase.name === "stopping" && !isAwake)) return "asleep";
  return isAwake && phase.name !== "unknown" ? "awake" : null;
}

/** What is paused keeps its memory. */
export function savedBytes({ stop }: Unit): number | null {
  return stop === null || stop.method === "pause" ? null : stop.memoryBytes;
}
