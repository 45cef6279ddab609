import { toFailure } from "../core/errors.ts";
import type { Reading, Signal, Subject } from "../core/signal.ts";
import { type NamedReading, type Reason, type Verdict, verdict } from "../core/verdict.ts";
import type { Unit, Workload } from "./workload-parts.ts";

/** Rates over less than this say nothing. */
export const comparedAfterMs = 1_000;

/** Whose signals tell whether it is in use: its own, and those of the members of a group. */
function subjectsOf(unit: Unit): readonly Workload[] {
  const { kind } = unit.spec;
  if (kind !== "group" && kind !== "compose") return [unit];
  return [unit, ...unit.links.dependencies.map(({ workload }) => workload)];
}

/** Signals that have to ask somebody, and those that know at once. */
function coveringOf(unit: Unit, asks: boolean): readonly (readonly [Signal, Workload])[] {
  return subjectsOf(unit).flatMap((subject) =>
    unit.deps.signals
      .filter((signal) => signal.asks === asks && signal.covers(subject))
      .map((signal) => [signal, subject] as const),
  );
}

/** Whether looking at it costs more than reading what nodoff knows. */
export function isPolled(unit: Unit): boolean {
  return unit.deps.signals.some((signal) => signal.asks && subjectsOf(unit).some((subject) => signal.covers(subject)));
}

/** Asks every signal that has to ask, at the same time, and keeps what they say. Never rejects. */
export async function askSignals(unit: Unit, abort: AbortSignal): Promise<readonly NamedReading[]> {
  const readings = await readAsked(unit, abort);
  const { watch, deps } = unit;
  if (watch === null) return readings;
  const now = deps.clock.now();
  if (!abort.aborted) tellLiveness(unit, watch.readings, readings);
  watch.readings = readings;
  watch.seenUseAt = Math.max(watch.seenUseAt, latestUse(readings, now));
  // Rates are taken between two looks: this one is the first since it was last used, or one more.
  if (watch.askedFirstAt === null || watch.askedFirstAt < quietSince(unit)) watch.askedFirstAt = now;
  return readings;
}

/** A signal that went or came back; one that never was there only where it is required: its reason is in the view. */
function tellLiveness(unit: Unit, before: readonly NamedReading[], after: readonly NamedReading[]): void {
  for (const { signal, required, reading } of after) {
    const former = before.find((each) => each.signal === signal)?.reading.kind;
    if (reading.kind === "unreadable" && (former === "read" || (former === undefined && required)))
      unit.logger().warn("signal cannot be read", { signal, required, error: reading.why });
    if (reading.kind === "read" && former === "unreadable") unit.logger().info("signal can be read again", { signal });
  }
}

/** Since when nothing is known to have gone on that explains traffic or load. */
function quietSince({ awakeSince, lastUsedAt, watch }: Unit): number {
  return Math.max(awakeSince, lastUsedAt, watch?.releasedAt ?? Number.NEGATIVE_INFINITY);
}

/** Signals that compare have had something to compare with. */
export function hasCompared(unit: Unit): boolean {
  const firstAt = unit.watch?.askedFirstAt ?? null;
  if (!isPolled(unit)) return true;
  return firstAt !== null && firstAt >= quietSince(unit) && unit.deps.clock.now() - firstAt >= comparedAfterMs;
}

function readAsked(unit: Unit, abort: AbortSignal): Promise<readonly NamedReading[]> {
  return Promise.all(
    coveringOf(unit, true).map(async ([signal, subject]) =>
      toNamed(signal, subject, unit, await signal.read(subject, { signal: abort })),
    ),
  );
}

function readKnown(unit: Unit): readonly NamedReading[] {
  const none = AbortSignal.abort();
  return coveringOf(unit, false).flatMap(([signal, subject]) => {
    const reading = signal.read(subject, { signal: none });
    return reading instanceof Promise ? [] : [toNamed(signal, subject, unit, reading)];
  });
}

function toNamed(signal: Signal, subject: Subject, unit: Unit, reading: Reading): NamedReading {
  const named = { signal: signal.name, required: signal.required(subject) };
  if (subject === unit || reading.kind === "unreadable") return { ...named, reading };
  return { ...named, reading: { ...reading, text: `${subject.spec.displayName}: ${reading.text}` } };
}

/** Latest use that these readings are sure of; -Infinity = none. In use now may be a mere perhaps. */
function latestUse(readings: readonly NamedReading[], now: number): number {
  return readings.reduce((latest, { reading }) => {
    if (reading.kind === "unreadable") return latest;
    return Math.max(latest, Math.min(reading.lastUsedAt ?? Number.NEGATIVE_INFINITY, now));
  }, Number.NEGATIVE_INFINITY);
}

/** One signal of one workload, for people. */
export interface SignalView {
  readonly name: string;
  /** Whether it can be read, as far as it was; what sleeps is not asked, and counts as readable. */
  readonly live: boolean;
  /** Wall clock ms of the last use it saw; null = none. */
  readonly lastUsedAt: number | null;
  readonly needs: string | null;
}

/** Every signal that has something to say about this workload. */
export function signalsOf(unit: Unit): readonly SignalView[] {
  const readings = new Map([...(unit.watch?.readings ?? []), ...readKnown(unit)].map((each) => [each.signal, each]));
  const covering = unit.deps.signals.filter((signal) => signal.covers(unit));
  return covering.map((signal): SignalView => {
    const reading = readings.get(signal.name)?.reading;
    const usedAt = reading?.kind === "read" ? reading.lastUsedAt : null;
    return {
      name: signal.name,
      live: reading === undefined || reading.kind === "read",
      lastUsedAt: usedAt === null || usedAt === Number.NEGATIVE_INFINITY ? null : unit.wallOf(usedAt),
      needs: signal.needs,
    };
  });
}

/** What keeps it awake and is no signal, as far as nodoff knows without asking. */
export function holdsOf(unit: Unit): readonly Reason[] {
  const { spec, links, deps, schedule } = unit;
  const holds: Reason[] = [];
  const hold = (signal: string, text: string): void => void holds.push({ signal, verdict: "in_use", text });
  if (!spec.sleeps) hold("not_opted_in", "did not opt in: started when something needs it, never stopped");
  if (links.completes) hold("completes", "runs to its own end");
  for (const { isAwake, spec: by } of links.dependants) if (isAwake) hold("dependants", `${by.displayName} needs it`);
  const wall = deps.clock.wall();
  const pinned = deps.store.pinnedUntil(spec.alias);
  if (pinned !== null && pinned > wall) hold("pin", `kept awake until ${new Date(pinned).toISOString()}`);
  const window = schedule?.awake(wall) ?? null;
  if (window !== null) hold("schedule", `scheduled to be awake until ${new Date(window.to).toISOString()}`);
  return holds;
}

/** What was seen before a signal could no longer be read was use all the same. */
function seenBefore({ watch }: Unit, asked: readonly NamedReading[]): readonly NamedReading[] {
  if (watch === null || watch.seenUseAt === Number.NEGATIVE_INFINITY) return [];
  if (!asked.some(({ reading }) => reading.kind === "unreadable")) return [];
  const reading: Reading = { kind: "read", lastUsedAt: watch.seenUseAt, inUse: false, text: "last use seen" };
  return [{ signal: "seen", required: false, reading }];
}

/**
 * When it may sleep, by these readings of the signals that ask, by what needs it beside it, and by what nodoff knows at
 * this moment.
 */
export function judge(unit: Unit, asked: readonly NamedReading[], needs: readonly Reason[] = []): Verdict {
  const { spec, deps, schedule, watch, awakeSince } = unit;
  const now = deps.clock.now();
  const asleep = schedule?.asleep(deps.clock.wall()) ?? null;
  const isHold = ({ verdict }: Reason): boolean => verdict === "in_use";
  const { sleepAt, reasons } = verdict(
    {
      readings: [...readKnown(unit), ...seenBefore(unit, asked), ...asked],
      awakeSince,
      holds: [...holdsOf(unit), ...needs.filter(isHold)],
      asleepFrom: asleep === null ? null : now - (deps.clock.wall() - asleep.from),
      releasedAt: spec.followsDependants ? (watch?.releasedAt ?? null) : null,
    },
    spec,
    now,
  );
  return { sleepAt, reasons: [...needs.filter((need) => !isHold(need)), ...reasons] };
}

/** Asks the engine whether something beside it needs it. When it cannot say, it may. */
export async function askNeighbours(unit: Unit): Promise<readonly Reason[]> {
  try {
    const needs = await unit.deps.neededBy(unit);
    return needs.map((text) => ({ signal: "dependants", verdict: "in_use", text }));
  } catch (error) {
    const text = `whether something beside it needs it cannot be asked: ${toFailure(error).message}`;
    return [{ signal: "dependants", verdict: "unreadable", text }];
  }
}
