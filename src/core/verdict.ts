import type { Reading } from "./signal.ts";

/** What a reason does to the verdict. */
export type ReasonVerdict = "in_use" | "idle_since" | "unreadable" | "waits";

/** One line of "why is it awake, why did it sleep". `signal` is a signal's name or an input's (`min_awake`, `pin`). */
export interface Reason {
  readonly signal: string;
  readonly verdict: ReasonVerdict;
  readonly text: string;
}

export interface NamedReading {
  readonly signal: string;
  /** A required signal that cannot be read counts as in use. */
  readonly required: boolean;
  readonly reading: Reading;
}

export interface VerdictInputs {
  readonly readings: readonly NamedReading[];
  /** When it became ready, was adopted, or (in error) was last asked to wake. min_awake counts from here; so does the
   * idle time where no signal knows of any use. */
  readonly awakeSince: number;
  /** What keeps it awake and is no signal: awake dependants, a pin, a schedule window. */
  readonly holds: readonly Reason[];
  /** Since when a schedule wants it asleep; null = it does not. Use before that moment no longer delays the sleep. */
  readonly asleepFrom: number | null;
  /** Since when no dependant of a workload that only follows them is awake; null = it has its own idle time. */
  readonly releasedAt: number | null;
}

export interface VerdictPolicy {
  /** 0 = never. */
  readonly idleTimeoutMs: number;
  readonly minAwakeMs: number;
}

/** `sleepAt` null: something is in use, or it never sleeps; else the moment from which it may. */
export interface Verdict {
  readonly sleepAt: number | null;
  readonly reasons: readonly Reason[];
}

/** Use so long ago does not delay a scheduled sleep. */
const settleMs = 30_000;
const never: Reason = { signal: "never", verdict: "in_use", text: "idle_timeout is 0: never sleeps" };

/**
 * Decides from what the signals say when a workload may sleep. Pure; all times are the clock's monotonic ms. With
 * several signals the latest use counts; anything in use, or required and unreadable, forbids, and so does any hold.
 */
export function verdict(inputs: VerdictInputs, policy: VerdictPolicy, now: number): Verdict {
  const { awakeSince, asleepFrom, releasedAt } = inputs;
  const isNever = policy.idleTimeoutMs === 0 && asleepFrom === null && releasedAt === null;
  // Who asks it to sleep all the same must hear what it is in use for.
  const holds = isNever ? [...inputs.holds, never] : inputs.holds;
  const { blocked, lastUsedAt, reasons } = weigh({ ...inputs, holds }, now);
  if (blocked) return { sleepAt: null, reasons };
  const usedAt = lastUsedAt ?? awakeSince;
  const idleAt = toIdleAt({ usedAt, asleepFrom, releasedAt }, policy);
  if (idleAt === null) return { sleepAt: null, reasons: [...reasons, never] };
  const earliest = awakeSince + policy.minAwakeMs;
  if (earliest > idleAt && earliest > now)
    reasons.push({ signal: "min_awake", verdict: "waits", text: "min_awake has not passed" });
  return { sleepAt: Math.max(idleAt, earliest), reasons };
}

function weigh(
  { readings, holds }: VerdictInputs,
  now: number,
): { readonly blocked: boolean; readonly lastUsedAt: number | null; readonly reasons: Reason[] } {
  const reasons: Reason[] = [...holds];
  let blocked = holds.length > 0;
  let lastUsedAt: number | null = null;
  for (const { signal, required, reading } of readings) {
    if (reading.kind === "unreadable") {
      blocked ||= required;
      const effect = required ? "counts as in use" : "does not protect";
      reasons.push({ signal, verdict: "unreadable", text: `cannot be read, ${effect}: ${reading.why}` });
      continue;
    }
    if (reading.inUse) {
      blocked = true;
      reasons.push({ signal, verdict: "in_use", text: reading.text });
      continue;
    }
    if (reading.lastUsedAt === null) continue;
    const usedAt = Math.min(reading.lastUsedAt, now);
    lastUsedAt = lastUsedAt === null ? usedAt : Math.max(lastUsedAt, usedAt);
    reasons.push({ signal, verdict: "idle_since", text: reading.text });
  }
  return { blocked, lastUsedAt, reasons };
}

function toIdleAt(
  { usedAt, asleepFrom, releasedAt }: { usedAt: number; asleepFrom: number | null; releasedAt: number | null },
  { idleTimeoutMs, minAwakeMs }: VerdictPolicy,
): number | null {
  if (releasedAt !== null) return releasedAt;
  // Somebody who used it just now is not thrown out on the stroke of the hour.
  const settled = usedAt + Math.min(settleMs, minAwakeMs);
  if (asleepFrom !== null && usedAt <= asleepFrom) return Math.max(asleepFrom, settled);
  return idleTimeoutMs === 0 ? null : usedAt + idleTimeoutMs;
}
