import { type CompiledDoor, classify, compileDoor, counts, type MatchesAddress } from "../core/classify.ts";
import type { Clock } from "../core/clock.ts";
import { type Decision, decide } from "../core/decision.ts";
import type { ErrorCode, Failure } from "../core/errors.ts";
import type { Answer, DoorOptions, Gate, RequestFacts } from "../core/gate.ts";
import type { Logger } from "../core/logger.ts";
import { titleByCode } from "../core/problem.ts";
import { clientKey, createRateLimiter, type RateLimiter } from "../core/rate-limit.ts";
import type { Route } from "../core/route.ts";
import type { HandOver } from "../core/spec.ts";
import type { WaiterBudget } from "../core/waiter-budget.ts";
import type { Outcome, WorkloadHandle } from "../core/workload-handle.ts";
import { type AnswersDeps, createAnswers, upstreamAway, type Visit } from "./answers.ts";

export interface GateDeps extends AnswersDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly budget: WaiterBudget;
  readonly matchesAddress: MatchesAddress;
  /** Whether Traefik takes the routes to this workload from `/traefik/config`. */
  readonly isLed?: (alias: string) => boolean;
}

const allowed: Answer = { kind: "allow", decision: "allow" };
const allowedUncounted: Answer = { kind: "allow", decision: "allow", counted: false };
const left: Answer = { kind: "left" };
const never = new AbortController().signal;
/** A held request may meet several changes (stop, queued wake); more rounds than this are a flapping workload. */
const roundsMax = 4;

/** Decides about requests and carries it out; see `Gate`. */
export function createGate(deps: GateDeps): Gate {
  const { clock } = deps;
  const doors = new WeakMap<object, CompiledDoor>();
  /** By workload and rate: two doors may allow different numbers, and a reload must not give them back. */
  const quotas = new WeakMap<WorkloadHandle, Map<string, RateLimiter>>();
  const answers = createAnswers(deps);

  let lastDoor: CompiledDoor | null = null;

  function doorOf({ door }: Route): CompiledDoor {
    // Nearly always the one before.
    if (lastDoor?.spec === door) return lastDoor;
    const compiled = doors.get(door) ?? compileDoor(door, deps);
    doors.set(door, compiled);
    lastDoor = compiled;
    return compiled;
  }

  function admit(route: Route, facts: RequestFacts, options: DoorOptions): Answer | Promise<Answer> {
    const { workload } = route;
    // The ready path, asked per request: no promise, no allocation beyond the facts.
    if (workload === null || workload.allow) {
      route.decisions.allow++;
      if (counts(facts, doorOf(route))) {
        use(route, workload);
        return allowed;
      }
      workload?.pass(clock.now());
      return allowedUncounted;
    }
    const latest = clock.now() + options.maxHoldMs;
    const door = doorOf(route);
    const visit: Visit = { route, workload, facts, options, door, isRepeat: false, latest, until: null };
    if (options.via === "docker") workload.requireDockerHandOver("docker");
    return act(visit, 1);
  }

  function use(route: Route, workload: WorkloadHandle | null): void {
    route.requestsTotal++;
    touch(route, workload);
  }

  function touch(route: Route, workload: WorkloadHandle | null): void {
    const now = clock.now();
    route.lastUsedAt = now;
    workload?.touch(now);
  }

  function question(visit: Visit): Decision {
    const { route, workload, facts, options, door } = visit;
    const { strategy, holdMs, graceMs, handOver } = route.spec.door;
    const view = workload.state === "error" ? workload.view() : null;
    return decide({
      state: workload.state,
      ...classify(facts, door),
      strategy,
      holdMs,
      graceMs,
      maxHoldMs: options.maxHoldMs,
      mayWake: door.mayWake(facts),
      inBackOff: view !== null && view.nextTryAt !== null && view.nextTryAt > clock.wall(),
      overQuota: quotaOf(visit)?.spent(clientOf(facts), clock.now()) ?? false,
      dependencyAway: workload.state === "ready" && !workload.allow,
      hasPublicUrl: deps.publicUrl !== null,
      handOver: options.via ?? toHandOver(handOver, workload),
    });
  }

  function toHandOver(by: HandOver, { spec }: WorkloadHandle): "url" | "docker" {
    if (by !== "auto") return by;
    return deps.isLed?.(spec.alias) === true ? "url" : "docker";
  }

  function quotaOf({ route, workload }: Visit): RateLimiter | null {
    const rate = route.spec.door.wakeQuota;
    if (rate === null) return null;
    const limiters = quotas.get(workload) ?? new Map<string, RateLimiter>();
    quotas.set(workload, limiters);
    const key = `${rate.count}/${rate.perMs}`;
    const limiter = limiters.get(key) ?? createRateLimiter(rate);
    limiters.set(key, limiter);
    return limiter;
  }

  function act(visit: Visit, round: number): Answer | Promise<Answer> {
    const { route, workload } = visit;
    const decision = question(visit);
    switch (decision.do) {
      case "allow":
        if (decision.count && round === 1 && !visit.isRepeat) use(route, workload);
        return tally(visit, { kind: "allow", decision: round === 1 ? "allow" : "hold_allow", counted: decision.count });
      case "wait_first_look":
        return waitFirstLook(visit, decision.holdMs, decision.count);
      case "wake":
        return wake(visit, decision, round);
      case "asleep":
        if (deps.logger.debugEnabled)
          deps.logger.debug("request ignored", { alias: route.spec.alias, method: visit.facts.method });
        return tally(visit, answers.asleep(visit));
      case "failed":
      case "gone":
        return tally(visit, answers.failed(visit, decision.as, failureOf(workload)));
      case "forbidden":
        return tally(visit, answers.refused(visit, decision.as, "WAKE_NOT_ALLOWED"));
      case "quota":
        return tally(visit, answers.refused(visit, decision.as, "WAKE_QUOTA"));
    }
  }

  async function waitFirstLook(visit: Visit, holdMs: number, count: boolean): Promise<Answer> {
    const { route, workload, options } = visit;
    const outcome = await hold(visit, Math.min(holdMs, visit.latest - clock.now()));
    if (options.signal.aborted) return left;
    if (outcome !== "full" && workload.state !== "unknown") return act(visit, 1);
    // In doubt, allow.
    if (count) use(route, workload);
    return tally(visit, { kind: "allow", decision: "hold_allow", counted: count });
  }

  function wake(visit: Visit, decision: Decision & { do: "wake" }, round: number): Answer | Promise<Answer> {
    const { route, workload, facts } = visit;
    // The request that wakes is use, whatever comes of it; further rounds are the same request.
    if (decision.count && round === 1 && !visit.isRepeat) use(route, workload);
    if (workload.wake("request")) quotaOf(visit)?.take(clientOf(facts), clock.now());
    visit.until ??= Math.min(visit.latest, clock.now() + decision.holdMs);
    const leftMs = visit.until - clock.now();
    if (round > roundsMax || leftMs <= 0) return tally(visit, answers.waking(visit, decision.otherwise));
    return afterHold(visit, decision, { leftMs, round });
  }

  async function afterHold(
    visit: Visit,
    decision: Decision & { do: "wake" },
    { leftMs, round }: { readonly leftMs: number; readonly round: number },
  ): Promise<Answer> {
    const { route, options } = visit;
    const outcome = await hold(visit, leftMs);
    if (outcome === "full") return tally(visit, answers.full(visit, decision.otherwise));
    if (options.signal.aborted) return left;
    switch (outcome.kind) {
      case "ready":
        if (decision.count) touch(route, visit.workload);
        if (decision.handOver === "docker") return tally(visit, answers.handOver(visit));
        return tally(visit, { kind: "allow", decision: "hold_allow", counted: decision.count });
      case "failed":
        return tally(
          visit,
          answers.failed(visit, decision.otherwise === "redirect" ? "page" : decision.otherwise, outcome.failure),
        );
      case "changed":
        // Looked at for the first time, or put to sleep meanwhile: decide anew, within what is left of the hold.
        return act(visit, round + 1);
      case "aborted":
        return tally(visit, answers.waking(visit, decision.otherwise));
    }
  }

  /** Waits up to `ms` for the workload; the caller's leaving ends only this. */
  async function hold(visit: Visit, ms: number): Promise<Outcome | "full"> {
    const leave = deps.budget.enter(visit.workload.spec.alias);
    if (leave === null) return "full";
    const over = new AbortController();
    const end = (): void => over.abort();
    const cancel = clock.after(ms, end);
    visit.options.signal.addEventListener("abort", end, { once: true });
    if (visit.options.signal.aborted) end();
    try {
      return await visit.workload.settled(over.signal);
    } finally {
      cancel();
      visit.options.signal.removeEventListener("abort", end);
      leave();
    }
  }

  function present(route: Route, facts: RequestFacts): Answer {
    const { workload } = route;
    if (workload === null) return upstreamAway(route);
    const options: DoorOptions = { maxHoldMs: 0, via: "url", signal: never };
    const door = doorOf(route);
    const visit: Visit = { route, workload, facts, options, door, isRepeat: true, latest: clock.now(), until: null };
    const decision = question(visit);
    const face = classify(facts, door).requestClass === "navigation" ? "page" : "problem";
    if (decision.do === "allow" || decision.do === "wait_first_look") {
      // The proxy met a dead upstream although we allow: look, but start nothing.
      workload.recheck();
      return answers.waking(visit, face);
    }
    const answer = act(visit, 1);
    // With a hold of 0 nothing is waited for, so there is no promise here.
    return answer instanceof Promise ? answers.waking(visit, face) : answer;
  }

  return { admit, present };
}

function tally({ route, isRepeat }: Visit, answer: Answer): Answer {
  if (answer.kind !== "left" && !isRepeat) route.decisions[answer.decision]++;
  return answer;
}

function clientOf(facts: RequestFacts): string {
  return facts.client === null ? "unknown" : clientKey(facts.client);
}

function failureOf(workload: WorkloadHandle): Failure {
  const failure = workload.view().failure;
  if (failure !== null) return failure;
  const code: ErrorCode = workload.state === "gone" ? "GONE" : "ENGINE_ERROR";
  return { code, message: titleByCode[code] };
}
