import { type CompiledDoor, classify, compileDoor, counts, type MatchesAddress } from "../core/classify.ts";
import type { Clock } from "../core/clock.ts";
import { type Decision, decide, type Face } from "../core/decision.ts";
import type { ErrorCode, Failure } from "../core/errors.ts";
import type { Answer, DoorOptions, Gate, RequestFacts } from "../core/gate.ts";
import { toPageModel } from "../core/page-model.ts";
import type { PageModel, Pages } from "../core/pages.ts";
import { titleByCode, toProblem } from "../core/problem.ts";
import { createRateLimiter, type RateLimiter } from "../core/rate-limit.ts";
import type { DecisionName, Route } from "../core/route.ts";
import type { WaiterBudget } from "../core/waiter-budget.ts";
import type { Outcome, WorkloadHandle } from "../core/workload-handle.ts";

export interface GateDeps {
  readonly clock: Clock;
  readonly pages: Pages;
  readonly budget: WaiterBudget;
  readonly matchesAddress: MatchesAddress;
  /** Origin of nodoff as browsers reach it; null = not known, no redirects. */
  readonly publicUrl: string | null;
}

const allowed: Answer = { kind: "allow", decision: "allow" };
const allowedUncounted: Answer = { kind: "allow", decision: "allow", counted: false };
const left: Answer = { kind: "left" };
/** What a client should wait before it asks again while nothing better is known. */
const retryAfterS = 2;
const capacityRetryAfterS = 5;
/** A held request may meet several changes (stop, queued wake); more rounds than this are a flapping workload. */
const roundsMax = 4;

/** Decides about requests and carries it out; see `Gate`. */
export function createGate(deps: GateDeps): Gate {
  const { clock } = deps;
  const doors = new WeakMap<object, CompiledDoor>();
  const quotas = new Map<string, { readonly rate: object; readonly limiter: RateLimiter }>();

  function doorOf(route: Route): CompiledDoor {
    const known = doors.get(route.spec.door);
    if (known !== undefined) return known;
    const door = compileDoor(route.spec.door, deps);
    doors.set(route.spec.door, door);
    return door;
  }

  function admit(route: Route, facts: RequestFacts, options: DoorOptions): Answer | Promise<Answer> {
    const { workload } = route;
    // The ready path, asked per request: no promise, no allocation beyond the facts.
    if (workload === null || workload.allow) {
      route.decisions.allow++;
      if (!counts(facts, doorOf(route))) return allowedUncounted;
      use(route, workload);
      return allowed;
    }
    const latest = clock.now() + options.maxHoldMs;
    const visit: Visit = { route, workload, facts, options, door: doorOf(route), latest, until: null };
    if (options.via === "docker") workload.requireDockerHandOver();
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
      handOver: options.via ?? handOver,
    });
  }

  function quotaOf({ route, workload }: Visit): RateLimiter | null {
    const rate = route.spec.door.wakeQuota;
    if (rate === null) return null;
    const { alias } = workload.spec;
    const known = quotas.get(alias);
    if (known?.rate === rate) return known.limiter;
    const limiter = createRateLimiter(rate);
    quotas.set(alias, { rate, limiter });
    return limiter;
  }

  function act(visit: Visit, round: number): Answer | Promise<Answer> {
    const { route, workload } = visit;
    const decision = question(visit);
    switch (decision.do) {
      case "allow":
        if (decision.count && round === 1) use(route, workload);
        return tally(route, { kind: "allow", decision: round === 1 ? "allow" : "hold_allow", counted: decision.count });
      case "wait_first_look":
        return waitFirstLook(visit, decision.holdMs, decision.count);
      case "wake":
        return wake(visit, decision, round);
      case "asleep":
        return tally(route, asleep(visit));
      case "failed":
      case "gone":
        return tally(route, failed(visit, decision.as, failureOf(workload)));
      case "forbidden":
        return tally(route, refuse(visit, decision.as, "WAKE_NOT_ALLOWED"));
      case "quota":
        return tally(route, refuse(visit, decision.as, "WAKE_QUOTA"));
    }
  }

  async function waitFirstLook(visit: Visit, holdMs: number, count: boolean): Promise<Answer> {
    const { route, workload, options } = visit;
    const outcome = await hold(visit, Math.min(holdMs, visit.latest - clock.now()));
    if (outcome === "full" || options.signal.aborted) return outcome === "full" ? full(visit) : left;
    if (workload.state !== "unknown") return act(visit, 1);
    // In doubt, allow.
    if (count) use(route, workload);
    return tally(route, { kind: "allow", decision: "hold_allow", counted: count });
  }

  function wake(visit: Visit, decision: Decision & { do: "wake" }, round: number): Answer | Promise<Answer> {
    const { route, workload, facts } = visit;
    // The request that wakes is use, whatever comes of it; further rounds are the same request.
    if (decision.count && round === 1) use(route, workload);
    if (workload.wake("request")) quotaOf(visit)?.take(clientOf(facts), clock.now());
    visit.until ??= Math.min(visit.latest, clock.now() + decision.holdMs);
    const leftMs = visit.until - clock.now();
    if (round > roundsMax || leftMs <= 0) return tally(route, waking(visit, decision.otherwise));
    return afterHold(visit, decision, { leftMs, round });
  }

  async function afterHold(
    visit: Visit,
    decision: Decision & { do: "wake" },
    { leftMs, round }: { readonly leftMs: number; readonly round: number },
  ): Promise<Answer> {
    const { route, options, facts } = visit;
    const outcome = await hold(visit, leftMs);
    if (outcome === "full") return full(visit);
    if (options.signal.aborted) return left;
    switch (outcome.kind) {
      case "ready":
        if (decision.count) touch(route, visit.workload);
        if (decision.handOver === "docker") return tally(route, handOver(visit));
        return tally(route, { kind: "allow", decision: "hold_allow", counted: decision.count });
      case "failed":
        return tally(
          route,
          failed(visit, decision.otherwise === "redirect" ? "page" : decision.otherwise, outcome.failure),
        );
      case "changed":
        // Put to sleep or stopped from outside meanwhile: decide anew, within what is left of the hold.
        return act(visit, round + 1);
      case "aborted":
        if (facts.probe) return tally(route, asleep(visit));
        return tally(route, waking(visit, decision.otherwise));
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

  /** A held request keeps the routing it came with, so it has to come again (facts: proxies.md §4). */
  function handOver(visit: Visit): Answer {
    const { facts } = visit;
    const headers = { "cache-control": "no-store", "x-nodoff-state": "ready" };
    if ((facts.method === "GET" || facts.method === "HEAD") && !facts.upgrade) {
      const location = `${facts.proto}://${facts.host}${facts.path}${facts.query}`;
      return { kind: "reply", decision: "hand_over", status: 307, headers: { ...headers, location }, body: "" };
    }
    const problem = toProblem({ code: "WAKING", route: visit.route.spec.alias, state: "ready", retryAfterS: 1 });
    return { kind: "reply", decision: "hand_over", ...problem };
  }

  function asleep({ route, workload }: Visit): Answer {
    const { asleepAnswer } = route.spec.door;
    const state = workload.state;
    if (asleepAnswer !== null) {
      const headers = {
        "content-type": "text/plain; charset=utf-8",
        "cache-control": "no-store",
        "x-nodoff-state": state,
      };
      return { kind: "reply", decision: "asleep", status: asleepAnswer.status, headers, body: asleepAnswer.body };
    }
    const code = state === "napping" || state === "stopping" ? "ASLEEP" : "WAKING";
    return {
      kind: "reply",
      decision: "asleep",
      ...toProblem({ code, route: route.spec.alias, state, retryAfterS: 30 }),
    };
  }

  function waking(visit: Visit, as: Face | "redirect"): Answer {
    const { route, workload, facts } = visit;
    if (as === "page") return page(visit, "loading", "page", null);
    if (as === "redirect") {
      const asked = `${facts.proto}://${facts.host}${facts.path}${facts.query}`;
      const query = new URLSearchParams({ route: route.spec.alias, return: asked });
      const location = `${(deps.publicUrl ?? "").replace(/\/$/, "")}/.nodoff/loading?${query.toString()}`;
      const headers = { location, "cache-control": "no-store", "x-nodoff-state": workload.state };
      return { kind: "reply", decision: "redirect", status: 307, headers, body: "" };
    }
    const etaS = (workload.view().etaMs ?? retryAfterS * 1000) / 1000;
    const retry = Math.min(30, Math.max(1, etaS));
    const problem = toProblem({ code: "WAKING", route: route.spec.alias, state: workload.state, retryAfterS: retry });
    return { kind: "reply", decision: "waking", ...problem };
  }

  function failed(visit: Visit, as: Face, failure: Failure): Answer {
    const { workload, route } = visit;
    const view = workload.view();
    const nextTryInMs = view.nextTryAt === null ? null : Math.max(0, view.nextTryAt - clock.wall());
    if (as === "page") return page(visit, workload.state === "gone" ? "gone" : "failed", "failed", failure);
    const detail = workload.spec.showDetails ? { detail: failure.message } : {};
    const retry = nextTryInMs === null ? capacityRetryAfterS : nextTryInMs / 1000;
    const problem = toProblem({
      code: failure.code,
      ...detail,
      route: route.spec.alias,
      state: workload.state,
      retryAfterS: retry,
      ...(view.nextTryAt === null ? {} : { extra: { next_try_at: new Date(view.nextTryAt).toISOString() } }),
    });
    return { kind: "reply", decision: "failed", ...problem };
  }

  function refuse(visit: Visit, as: Face, code: "WAKE_NOT_ALLOWED" | "WAKE_QUOTA"): Answer {
    const { route, workload } = visit;
    const decision: DecisionName = code === "WAKE_QUOTA" ? "quota" : "forbidden";
    if (as === "page") return page(visit, code === "WAKE_QUOTA" ? "quota" : "forbidden", decision, null);
    const retry = code === "WAKE_QUOTA" ? { retryAfterS: (route.spec.door.wakeQuota?.perMs ?? 60_000) / 1000 } : {};
    // No names: whoever is refused learns nothing about what is behind the door.
    return { kind: "reply", decision, ...toProblem({ code, state: workload.state, ...retry }) };
  }

  function full({ route, workload }: Visit): Answer {
    const { alias } = route.spec;
    const problem = toProblem({
      code: "TOO_MANY_WAITERS",
      route: alias,
      state: workload.state,
      retryAfterS: capacityRetryAfterS,
    });
    return tally(route, { kind: "reply", decision: "waking", ...problem });
  }

  function page(visit: Visit, kind: PageModel["kind"], decision: DecisionName, failure: Failure | null): Answer {
    const { route, workload, facts } = visit;
    const asked = {
      link: `${facts.path}${facts.query}`,
      language: facts.headers["accept-language"],
      replayable: facts.method === "GET" || facts.method === "HEAD",
      kind,
      ...(failure === null ? {} : { failure }),
    };
    const model = toPageModel(asked, { route, workload, now: clock.wall() });
    return { kind: "reply", decision, ...deps.pages.render(model) };
  }

  function present(route: Route, facts: RequestFacts): Answer {
    const { workload } = route;
    const options: DoorOptions = { maxHoldMs: 0, via: "url", signal: new AbortController().signal };
    if (workload === null) return upstreamAway(route);
    const visit: Visit = { route, workload, facts, options, door: doorOf(route), latest: clock.now(), until: null };
    const decision = question(visit);
    if (decision.do === "allow" || decision.do === "wait_first_look") {
      // The proxy met a dead upstream although we allow: look, but start nothing.
      workload.recheck();
      const { requestClass } = classify(facts, visit.door);
      return tally(route, waking(visit, requestClass === "navigation" ? "page" : "problem"));
    }
    // Not the first round: the hook has counted this request.
    const answer = act(visit, 2);
    // With a hold of 0 nothing is waited for, so there is no promise here.
    return answer instanceof Promise ? waking(visit, "problem") : answer;
  }

  return { admit, present };
}

/** One request on its way through the gate. */
interface Visit {
  readonly route: Route;
  readonly workload: WorkloadHandle;
  readonly facts: RequestFacts;
  readonly options: DoorOptions;
  readonly door: CompiledDoor;
  /** The door's proxy gives up then, whatever it is held for: monotonic ms. */
  readonly latest: number;
  /** End of the hold, monotonic ms; null before it begins. */
  until: number | null;
}

function tally(route: Route, answer: Answer): Answer {
  if (answer.kind !== "left") route.decisions[answer.decision]++;
  return answer;
}

function clientOf(facts: RequestFacts): string {
  return facts.client ?? "unknown";
}

function failureOf(workload: WorkloadHandle): Failure {
  const failure = workload.view().failure;
  if (failure !== null) return failure;
  const code: ErrorCode = workload.state === "gone" ? "GONE" : "ENGINE_ERROR";
  return { code, message: titleByCode[code] };
}

/** A route that never sleeps whose upstream does not answer its proxy. */
function upstreamAway(route: Route): Answer {
  const problem = toProblem({ code: "UPSTREAM_FAILED", route: route.spec.alias, retryAfterS: capacityRetryAfterS });
  return { kind: "reply", decision: "failed", ...problem };
}
