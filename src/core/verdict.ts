import type { Reading } from "./signal.ts";

/** What a reason does to the verdict. */
export type ReasonVerdict = "in_use" | "idle_since" | "unreadable" | "waits";

/** One line of "why is it awake, why did it sleep". `signal` is a signal's name or an input's (`min_awake`, `never`). */
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

/**
 * Decides from what the signals say when a workload may sleep. Pure; all times are the clock's monotonic ms. With
 * several signals the latest use counts; anything in use, or required and unreadable, forbids.
 */
export function verdict(inputs: VerdictInputs, policy: VerdictPolicy, now: number): Verdict {
  if (policy.idleTimeoutMs === 0) {
    return {
      sleepAt: null,
      reasons: [{ signal: "never", verdict: "in_use", text: "idle_timeout is 0: never sleeps" }],
    };
  }
  const reasons: Reason[] = [];
  let blocked = false;
  let lastUsedAt: number | null = null;
  for (const { signal, required, reading } of inputs.readings) {
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
  if (blocked) return { sleepAt: null, reasons };
  const earliest = inputs.awakeSince + policy.minAwakeMs;
  const idleAt = (lastUsedAt ?? inputs.awakeSince) + policy.idleTimeoutMs;
  if (earliest > idleAt && earliest > now)
    reasons.push({ signal: "min_awake", verdict: "waits", text: "min_awake has not passed" });
  return { sleepAt: Math.max(idleAt, earliest), reasons };
}
