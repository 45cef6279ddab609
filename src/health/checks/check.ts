import type { Cancel, Clock } from "../../core/clock.ts";
import { toFailure } from "../../core/errors.ts";
import type { CheckOutcome } from "../../core/health.ts";
import { isOwnFailure, toReason } from "../../net/socket-failure.ts";

export interface CheckOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** What one check found. */
export interface Finding {
  readonly outcome: CheckOutcome;
  /** For people: "200 OK", "connection refused". */
  readonly detail: string;
  /** Nobody answered over a network: how long the check took says nothing of the service. */
  readonly untimed?: true;
}

/** Asks once, within `timeoutMs`. What it throws is a check error. What it says after an abort is for nobody. */
export type Check = (options: CheckOptions) => Promise<Finding>;

export interface CheckResult extends Finding {
  /** What the answer took; null where nobody was asked over a network, or could be. */
  readonly latencyMs: number | null;
}

export function passed(detail: string): Finding {
  return { outcome: { kind: "pass" }, detail };
}

export function failed(detail: string): Finding {
  return { outcome: { kind: "fail" }, detail };
}

export function cannotCheck(detail: string): Finding {
  return { outcome: { kind: "error" }, detail };
}

/** What a failed connection or answer comes to. */
export function toFinding(error: unknown): Finding {
  const reason = error instanceof Error ? toReason(error) : toFailure(error).message;
  return isOwnFailure(error) ? cannotCheck(reason) : failed(reason);
}

/** Runs a check to its end; never rejects. */
export async function runCheck(check: Check, options: CheckOptions & { readonly clock: Clock }): Promise<CheckResult> {
  const { clock } = options;
  const begun = clock.now();
  try {
    const { outcome, detail, untimed = false } = await check(options);
    return { outcome, detail, latencyMs: untimed || outcome.kind === "error" ? null : clock.now() - begun };
  } catch (error) {
    return { ...cannotCheck(toFailure(error).message), latencyMs: null };
  }
}

/**
 * Runs what has no time limit of its own: `ask` answers through `settle`, whatever comes first counts, and `release`
 * frees what it opened, once, also when time is up or the check is aborted.
 */
export function withinTime(
  options: CheckOptions & { readonly clock: Clock },
  ask: (settle: (finding: Finding) => void) => () => void,
): Promise<Finding> {
  const { clock, timeoutMs, signal } = options;
  return new Promise((resolve) => {
    let finished = false;
    let release: Cancel = () => undefined;
    const settle = (finding: Finding): void => {
      if (finished) return;
      finished = true;
      cancel();
      signal.removeEventListener("abort", abort);
      release();
      resolve(finding);
    };
    const abort = (): void => settle(cannotCheck("aborted"));
    const cancel = clock.after(timeoutMs, () => settle(failed(`no answer within ${timeoutMs} ms`)));
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    try {
      release = ask(settle);
    } catch (error) {
      settle(cannotCheck(toFailure(error).message));
    }
    // It may have settled before it returned.
    if (finished) release();
  });
}
