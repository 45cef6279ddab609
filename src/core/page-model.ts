import type { Failure } from "./errors.ts";
import type { PageModel } from "./pages.ts";
import { toRetryAfter } from "./problem.ts";
import type { Route } from "./route.ts";
import { toSteps } from "./steps.ts";
import type { WorkloadHandle } from "./workload-handle.ts";

/** What the page needs of the request it answers. */
export interface AskedFor {
  /** See `PageModel.link`. */
  readonly link: string;
  /** The Accept-Language header. */
  readonly language: string | readonly string[] | undefined;
  readonly replayable: boolean;
}

/** What is shown instead of what the workload's state says. */
export interface PageOverride {
  readonly kind?: PageModel["kind"];
  readonly failure?: Failure;
}

/** Said to clients while nothing better is known. */
const retryAfterS = 2;
/** A page asks again by itself long before that. */
const retryAfterMaxS = 30;

/** The page about a workload as it is now; engine text only with `show_details`. `now` is wall clock ms. */
export function toPageModel(
  asked: AskedFor & PageOverride,
  { route, workload, now }: { readonly route: Route; readonly workload: WorkloadHandle; readonly now: number },
): PageModel {
  const { loading, displayName, showDetails } = workload.spec;
  const view = workload.view();
  const failure = asked.failure ?? view.failure;
  const nextTryInMs = view.nextTryAt === null ? null : Math.max(0, view.nextTryAt - now);
  const waitMs = nextTryInMs ?? view.etaMs ?? retryAfterS * 1000;
  return {
    kind: asked.kind ?? kindOf(view.state),
    route: route.spec.alias,
    link: asked.link,
    title: loading.title ?? displayName,
    icon: loading.icon,
    theme: loading.theme,
    state: view.state,
    elapsedMs: view.state === "starting" ? Math.max(0, now - view.since) : null,
    etaMs: view.etaMs,
    steps: toSteps(workload.spec, view),
    failure: failure === null ? null : { code: failure.code, detail: showDetails ? failure.message : null },
    nextTryInMs,
    retryAfterS: Number(toRetryAfter(Math.min(retryAfterMaxS, waitMs / 1000))),
    showLogs: loading.showLogs,
    redirectPath: loading.redirectPath,
    language: typeof asked.language === "string" ? asked.language : null,
    replayable: asked.replayable,
  };
}

function kindOf(state: PageModel["state"]): PageModel["kind"] {
  if (state === "error") return "failed";
  return state === "gone" ? "gone" : "loading";
}
