import type { Clock } from "../core/clock.ts";
import type { Route } from "../core/route.ts";
import { type Check, type CheckResult, runCheck } from "./checks/check.ts";
import type { Subject } from "./checks/checks.ts";

/** What a round needs to know of the world. */
export interface RoundDeps {
  readonly clock: Clock;
  /** Makes the check that fits. */
  readonly check: (subject: Subject) => Check;
  /** What is checked of a route at one of its addresses; null = its address is not known. */
  readonly subject: (route: Route, address: string | null) => Subject;
}

/** The checks of a route, ready to be run again and again. */
export interface Checks {
  readonly route: Route;
  readonly targets: readonly string[];
  readonly byTarget: readonly (readonly [target: string, check: Check])[];
  /** The only one, or the one to be run where no address is known. */
  readonly only: Check | null;
}

/** A round over all targets of a route. */
export interface RoundResult {
  /** What it says of the route: it is there as long as one target is. */
  readonly whole: CheckResult;
  readonly byTarget: readonly (readonly [target: string, result: CheckResult])[];
}

/** Makes the checks of a route, or goes on with those there are while they fit. */
export function checksFor(route: Route, targets: readonly string[], before: Checks | null, deps: RoundDeps): Checks {
  if (before !== null && before.route === route && isSame(before.targets, targets)) return before;
  const make = (address: string | null): Check => deps.check(deps.subject(route, address));
  const byTarget = targets.map((target) => [target, make(target)] as const);
  const [first, second] = byTarget;
  return { route, targets, byTarget, only: second !== undefined ? null : (first?.[1] ?? make(null)) };
}

function isSame(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((each, n) => each === right[n]);
}

/** Checks every target once, all at the same time. Never rejects. */
export async function runRound(
  { route, targets, byTarget, only }: Checks,
  { signal, clock }: { readonly signal: AbortSignal; readonly clock: Clock },
): Promise<RoundResult> {
  const options = { signal, clock, timeoutMs: route.spec.health.timeoutMs };
  if (only !== null) {
    const whole = await runCheck(only, options);
    return { whole, byTarget: targets.map((target) => [target, whole]) };
  }
  const results = await Promise.all(
    byTarget.map(async ([target, check]) => [target, await runCheck(check, options)] as const),
  );
  return { whole: summarize(results.map(([, result]) => result)), byTarget: results };
}

function summarize(results: readonly CheckResult[]): CheckResult {
  const of = (kind: string): readonly CheckResult[] => results.filter(({ outcome }) => outcome.kind === kind);
  const passed = of("pass").toSorted((a, b) => (a.latencyMs ?? 0) - (b.latencyMs ?? 0));
  const [first] = [...passed, ...of("fail"), ...of("error")];
  if (first === undefined) return { outcome: { kind: "error" }, detail: "no targets", latencyMs: null };
  const detail = passed.length === 0 ? first.detail : `${passed.length} of ${results.length} targets answer`;
  return { ...first, detail };
}
