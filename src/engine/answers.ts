import type { CompiledDoor } from "../core/classify.ts";
import type { Clock } from "../core/clock.ts";
import type { Face } from "../core/decision.ts";
import type { Failure } from "../core/errors.ts";
import type { Answer, DoorOptions, RequestFacts } from "../core/gate.ts";
import { toPageModel } from "../core/page-model.ts";
import type { PageModel, Pages } from "../core/pages.ts";
import { toProblem } from "../core/problem.ts";
import type { DecisionName, Route } from "../core/route.ts";
import type { WorkloadHandle } from "../core/workload-handle.ts";

/** One request on its way through the gate. */
export interface Visit {
  readonly route: Route;
  readonly workload: WorkloadHandle;
  readonly facts: RequestFacts;
  readonly options: DoorOptions;
  readonly door: CompiledDoor;
  /** Asked by a proxy about a request the hook has decided and counted already. */
  readonly isRepeat: boolean;
  /** The door's proxy gives up then, whatever it is held for: monotonic ms. */
  readonly latest: number;
  /** End of the hold, monotonic ms; null before it begins. */
  until: number | null;
}

/** What the gate says to those it does not let through: a page to people, problem+json to programs. */
export interface Answers {
  /** Ready, but the caller's proxy has to route it anew. */
  handOver(visit: Visit): Answer;
  /** Asleep, and this request may not change that. */
  asleep(visit: Visit): Answer;
  /** Being woken; come again. */
  waking(visit: Visit, as: Face | "redirect"): Answer;
  failed(visit: Visit, as: Face, failure: Failure): Answer;
  refused(visit: Visit, as: Face, code: "WAKE_NOT_ALLOWED" | "WAKE_QUOTA"): Answer;
  /** No place left to wait. */
  full(visit: Visit, as: Face | "redirect"): Answer;
}

export interface AnswersDeps {
  readonly clock: Clock;
  readonly pages: Pages;
  /** Origin of nodoff as browsers reach it; null = not known, no redirects. */
  readonly publicUrl: string | null;
}

/** What a client should wait before it asks again while nothing better is known. */
const retryAfterS = 2;
const capacityRetryAfterS = 5;
/** For those who may not wake it: somebody else has to. */
const asleepRetryAfterS = 30;

/** Builds every refusal of the gate. Never names container, image or engine text unless `show_details`. */
export function createAnswers(deps: AnswersDeps): Answers {
  const { clock } = deps;

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
      ...toProblem({ code, route: route.spec.alias, state, retryAfterS: asleepRetryAfterS }),
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

  function refused(visit: Visit, as: Face, code: "WAKE_NOT_ALLOWED" | "WAKE_QUOTA"): Answer {
    const { route, workload } = visit;
    const decision: DecisionName = code === "WAKE_QUOTA" ? "quota" : "forbidden";
    if (as === "page") return page(visit, code === "WAKE_QUOTA" ? "quota" : "forbidden", decision, null);
    const retry = code === "WAKE_QUOTA" ? { retryAfterS: (route.spec.door.wakeQuota?.perMs ?? 60_000) / 1000 } : {};
    // No names: whoever is refused learns nothing about what is behind the door.
    return { kind: "reply", decision, ...toProblem({ code, state: workload.state, ...retry }) };
  }

  function full(visit: Visit, as: Face | "redirect"): Answer {
    // A browser needs no place to wait: its page asks again by itself.
    if (as !== "problem") return waking(visit, as);
    const { route, workload } = visit;
    const { alias } = route.spec;
    const known = { route: alias, state: workload.state, retryAfterS: capacityRetryAfterS };
    return { kind: "reply", decision: "waking", ...toProblem({ code: "TOO_MANY_WAITERS", ...known }) };
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

  return { handOver, asleep, waking, failed, refused, full };
}

/** A route that never sleeps whose upstream does not answer its proxy. */
export function upstreamAway(route: Route): Answer {
  const problem = toProblem({ code: "UPSTREAM_FAILED", route: route.spec.alias, retryAfterS: capacityRetryAfterS });
  return { kind: "reply", decision: "failed", ...problem };
}
