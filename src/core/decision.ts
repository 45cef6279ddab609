import type { RequestClass } from "./classify.ts";
import type { Strategy } from "./spec.ts";
import type { StateName } from "./state.ts";

/** Everything the decision about one request depends on. Times are milliseconds. */
export interface Question {
  readonly state: StateName;
  readonly requestClass: RequestClass;
  /** In `ready`: something it depends on is not, so it takes a wake before requests may go through again. */
  readonly dependencyAway: boolean;
  /** Whether the request is use of the service. */
  readonly counts: boolean;
  readonly strategy: Strategy;
  /** `hold` of the door. */
  readonly holdMs: number;
  /** `grace` of the door: what a navigation waits before it gets the page. */
  readonly graceMs: number;
  /** What the dialect's proxy allows; 0 = answer at once. Caps every hold. */
  readonly maxHoldMs: number;
  /** `start_endpoint` and `wake_on` agree. */
  readonly mayWake: boolean;
  /** In `error`: the retry back-off has not passed. */
  readonly inBackOff: boolean;
  /** This client used up its `wake_quota`. Asked only where the request would cause a start. */
  readonly overQuota: boolean;
  readonly hasPublicUrl: boolean;
  /** How "ready" reaches the proxy (design §8.2 "Hand-over"). */
  readonly handOver: "url" | "docker";
}

/** How a refusal is shown: a page to people, problem+json to programs. */
export type Face = "page" | "problem";

/** What to do about one request, as data; the gate carries it out. */
export type Decision =
  | { readonly do: "allow"; readonly count: boolean }
  /** Hold until the first look is in, then decide again; allow when `holdMs` passed without one. */
  | { readonly do: "wait_first_look"; readonly holdMs: number; readonly count: boolean }
  /**
   * Ask for a wake (a no-op while one is under way) and hold up to `holdMs`. Ready by then: allow, or with `handOver`
   * docker let the client come again (307 for GET and HEAD, else 503). Still waking: `otherwise`. Any other change of
   * state: decide again.
   */
  | {
      readonly do: "wake";
      readonly holdMs: number;
      readonly otherwise: Face | "redirect";
      readonly count: boolean;
      readonly handOver: "url" | "docker";
    }
  /** Asleep and not to be woken by this: 503, or `asleep_answer`. */
  | { readonly do: "asleep" }
  /** The wake failed and it is too early for the next try: 503 with its reason and time. */
  | { readonly do: "failed"; readonly as: Face }
  /** 403: this path, method or client may not wake it. */
  | { readonly do: "forbidden"; readonly as: Face }
  /** 429: this client caused too many starts. */
  | { readonly do: "quota"; readonly as: Face }
  /** 503: the engine no longer has it. */
  | { readonly do: "gone"; readonly as: Face };

/** Longest a request waits for the first look at a workload before it is allowed: in doubt, allow. */
const firstLookMs = 2_000;

/** The table of design §8.2. Pure. */
export function decide(question: Question): Decision {
  const uninvited = question.requestClass === "no_wake";
  switch (question.state) {
    case "ready":
      if (!question.dependencyAway) return { do: "allow", count: question.counts };
      return uninvited ? { do: "asleep" } : toWakeIfAllowed(question);
    case "unknown":
      if (uninvited) return { do: "allow", count: false };
      return { do: "wait_first_look", holdMs: Math.min(firstLookMs, question.maxHoldMs), count: question.counts };
    case "gone":
      return { do: "gone", as: toFace(question) };
    case "starting":
      // Who may not wake may still wait for a wake that somebody else caused, and costs no quota.
      return uninvited ? { do: "asleep" } : toWake(question);
    case "napping":
    case "stopping":
    case "error":
      return uninvited ? { do: "asleep" } : toWakeIfAllowed(question);
  }
}

function toWakeIfAllowed(question: Question): Decision {
  if (!question.mayWake) return { do: "forbidden", as: toFace(question) };
  if (question.state === "error" && question.inBackOff) return { do: "failed", as: toFace(question) };
  if (question.overQuota) return { do: "quota", as: toFace(question) };
  return toWake(question);
}

function toWake(question: Question): Decision {
  const otherwise = toOtherwise(question);
  // `hold` holds everybody for long; else only who gets no page is worth holding for more than the grace.
  const wantedMs = question.strategy === "hold" || otherwise === "problem" ? question.holdMs : question.graceMs;
  return {
    do: "wake",
    holdMs: Math.min(wantedMs, question.maxHoldMs),
    otherwise,
    count: question.counts,
    handOver: question.handOver,
  };
}

/** A redirect is for navigations alone, also when forced: a script or a POST sent elsewhere would lose its way. */
function toOtherwise(question: Question): Face | "redirect" {
  const { strategy, requestClass, hasPublicUrl } = question;
  if (strategy === "redirect" && requestClass === "navigation" && hasPublicUrl) return "redirect";
  return toFace(question);
}

/** `strategy: page` shows the page to everybody, as it says. */
function toFace({ requestClass, strategy }: Question): Face {
  if (requestClass === "navigation") return "page";
  return strategy === "page" && requestClass === "other" ? "page" : "problem";
}
