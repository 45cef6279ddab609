import { titleByCode } from "../core/problem.ts";
import type { PageModel } from "../core/pages.ts";
import type { Route } from "../core/route.ts";
import type { WorkloadHandle } from "../core/workload-handle.ts";
import type { Asked } from "./asked.ts";
import type { HookDeps } from "./deps.ts";
import { toReturnLink } from "./return-link.ts";
import { stateOf } from "./status.ts";
import { writeProblem, writeReply } from "./write.ts";

/** `/.nodoff/loading?route=&return=`: the page at another address than the service's (strategy `redirect`). */
export function writeLoading(asked: Asked, { pages, clock }: Pick<HookDeps, "pages" | "clock">): void {
  const { res, route, params } = asked;
  const link = toReturnLink(params.get("return"), route.spec, asked.host);
  if (link === null) return writeProblem(res, { code: "BAD_RETURN", route: route.spec.alias });
  if (route.workload === null || route.workload.allow) {
    const headers = { location: link, "cache-control": "no-store", "x-nodoff-state": stateOf(route) };
    return writeReply(res, { status: 307, headers, body: "" });
  }
  const language = asked.headers["accept-language"];
  const model = toPageModel(route, route.workload, clock.wall());
  writeReply(res, pages.render({ ...model, link, language: typeof language === "string" ? language : null }));
}

/** The page for a workload as it is now; `now` is wall clock ms. `link` and `language` are the request's. */
export function toPageModel(route: Route, workload: WorkloadHandle, now: number): PageModel {
  const { spec } = workload;
  const view = workload.view();
  const { failure } = view;
  const kind = view.state === "error" ? "failed" : view.state === "gone" ? "gone" : "loading";
  const nextTryInMs = view.nextTryAt === null ? null : Math.max(0, view.nextTryAt - now);
  return {
    kind,
    route: route.spec.alias,
    title: spec.loading.title ?? spec.displayName,
    icon: spec.loading.icon,
    theme: spec.loading.theme,
    state: view.state,
    elapsedMs: view.state === "starting" ? Math.max(0, now - view.since) : null,
    etaMs: view.etaMs,
    message: failure === null ? null : spec.showDetails ? failure.message : titleByCode[failure.code],
    nextTryInMs,
    retryAfterS: Math.max(1, Math.ceil((nextTryInMs ?? view.etaMs ?? 2_000) / 1_000)),
    showLogs: spec.loading.showLogs,
    link: "/",
    redirectPath: spec.loading.redirectPath,
    language: null,
    replayable: true,
  };
}
