import { toPageModel } from "../core/page-model.ts";
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
  const { workload } = route;
  const page = { link, language: asked.headers["accept-language"], replayable: true };
  writeReply(res, pages.render(toPageModel(page, { route, workload, now: clock.wall() })));
}
