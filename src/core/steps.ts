import type { WorkloadSpec } from "./spec.ts";
import type { Need, WorkloadView } from "./workload-handle.ts";

/** How far one step of a wake is. */
export type StepState = "done" | "now" | "waiting" | "failed";

/** A step of a wake as strangers may see it. All are there from the start: a page that shows them never moves. */
export interface PublicStep {
  readonly step: "stopping" | "dependency" | "dependencies" | "starting" | "answer" | "opening";
  readonly state: StepState;
  /** Of a `dependency`: a name somebody gave it for people. */
  readonly name?: string;
  /** Of `dependencies`, those without such a name: how many there are, and how many of them are there already. */
  readonly done?: number;
  readonly all?: number;
}

/** A page with more rows than that would be a list of its own. */
const maxNamed = 6;

/**
 * What has to happen before it answers, in order. Dependencies stand by their display name where they were given one,
 * or with `show_details`; the others are only counted.
 */
export function toSteps(
  { showDetails }: Pick<WorkloadSpec, "showDetails">,
  view: Pick<WorkloadView, "state" | "step" | "needs">,
): readonly PublicStep[] {
  // It ended by itself long after its wake, which is not what people ask about.
  if (view.state === "error" && (view.step === null || view.step === "ready" || view.step === "stopped")) return [];
  const place = placeOf(view);
  const at = (rank: number): StepState => {
    if (place === rank) return view.state === "error" ? "failed" : "now";
    return place > rank ? "done" : "waiting";
  };
  const isNamed = ({ alias, displayName }: Need): boolean => showDetails || displayName !== alias;
  const named = view.needs.filter(isNamed).slice(0, maxNamed);
  const others = view.needs.filter((need) => !named.includes(need));
  const steps: PublicStep[] = view.state === "stopping" ? [{ step: "stopping", state: "now" }] : [];
  for (const need of named) steps.push({ step: "dependency", name: need.displayName, state: toNeedState(need, place) });
  if (others.length > 0) steps.push(toCount(others, place));
  steps.push({ step: "starting", state: at(2) }, { step: "answer", state: at(3) }, { step: "opening", state: at(4) });
  return steps;
}

/** 0 falling asleep first, 1 dependencies, 2 starting, 3 waiting for an answer, 4 ready; -1 nothing is under way. */
function placeOf({ state, step, needs }: Pick<WorkloadView, "state" | "step" | "needs">): number {
  if (state === "ready") return 4;
  if (state === "stopping") return 0;
  if (state !== "starting" && state !== "error") return -1;
  if (step === "started" || step === "waiting_ready") return 3;
  return needs.every(({ done }) => done) ? 2 : 1;
}

function toNeedState({ done, state }: Need, place: number): StepState {
  if (done || place > 1) return "done";
  if (state === "error" || state === "gone") return "failed";
  return place === 1 ? "now" : "waiting";
}

function toCount(needs: readonly Need[], place: number): PublicStep {
  const states = needs.map((need) => toNeedState(need, place));
  const done = states.filter((state) => state === "done").length;
  const state = states.find((each) => each === "failed") ?? states.find((each) => each !== "done") ?? "done";
  return { step: "dependencies", state, done, all: needs.length };
}
