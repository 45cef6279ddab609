import type { Clock } from "../core/clock.ts";
import type { Route } from "../core/route.ts";
import { type Check, type CheckResult, runCheck } from "./checks/check.ts";
import type { Subject } from "./checks/checks.ts";

export interface RoundDeps {
  readonly clock: Clock;
  /** Makes the check that fits. */
  readonly check: (subject: Subject) => Check;
  /** What is checked of a route at one of its addresses; null = its address is not known. */
  readonly subject: (route: Route, address: string | null) => Subject;
}

/** A round over all targets of a route. */
export interface RoundResult {
  /** What it says of the route: it is there as long as one target is. */
  readonly whole: CheckResult;
  readonly byTarget: ReadonlyMap<string, CheckResult>;
}

/** Checks every target once, all at the same time. Never rejects. */
export async function runRound(
  route: Route,
  { targets, signal }: { readonly targets: readonly string[]; readonly signal: AbortSignal },
  { clock, check, subject }: RoundDeps,
): Promise<RoundResult> {
  const run = (address: string | null): Promise<CheckResult> =>
    runCheck((options) => check(subject(route, address))(options), {
      clock,
      signal,
      timeoutMs: route.spec.health.timeoutMs,
    });
  const [only = null, ...more] = targets;
  if (more.length === 0) {
    const whole = await run(only);
    return { whole, byTarget: new Map(only === null ? [] : [[only, whole]]) };
  }
  const results = await Promise.all(targets.map(async (target) => [target, await run(target)] as const));
  return { whole: summarize(results.map(([, result]) => result)), byTarget: new Map(results) };
}

function summarize(results: readonly CheckResult[]): CheckResult {
  const of = (kind: string): readonly CheckResult[] => results.filter(({ outcome }) => outcome.kind === kind);
  const passed = of("pass").toSorted((a, b) => (a.latencyMs ?? 0) - (b.latencyMs ?? 0));
  const [first] = [...passed, ...of("fail"), ...of("error")];
  if (first === undefined) return { outcome: { kind: "error" }, detail: "no targets", latencyMs: null };
  const detail = passed.length === 0 ? first.detail : `${passed.length} of ${results.length} targets answer`;
  return { ...first, detail };
}
