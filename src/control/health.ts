import type { RequestHandler } from "express";
import type { z } from "zod";
import type { Route } from "../core/route.ts";
import type { Access } from "./access.ts";
import { sendProblem } from "./answers.ts";
import type { ControlDeps } from "./deps.ts";
import { toAlias } from "./find-workload.ts";
import { HealthQuery, HistoryQuery, readQuery } from "./queries.ts";
import type { AllHealth, AllStatuses, NotifyTest } from "./schema.ts";
import { toHealthBody, toHistoryBody } from "./views.ts";

/** Health of routes, read. */
export function healthEndpoints(deps: ControlDeps): Record<string, RequestHandler> {
  const { health } = deps;
  return {
    "/health": (request, response) => {
      const { detail = "none" } = readQuery(HealthQuery, request);
      const routes = Array.from(deps.registry.routes(), ({ spec }) => spec.alias);
      if (detail === "simple") {
        const statuses = routes.map((alias) => [alias, health.view(alias)?.status ?? "unknown"] as const);
        return void response.json(Object.fromEntries(statuses) satisfies z.infer<typeof AllStatuses>);
      }
      const bodies = routes.map((alias) => [alias, toHealthBody(health.view(alias), { detail: detail === "full" })]);
      response.json(Object.fromEntries(bodies) satisfies z.infer<typeof AllHealth>);
    },
    "/health/:alias/history": (request, response) => {
      const { period = "1h" } = readQuery(HistoryQuery, request);
      const history = health.history(findRoute(request.params["alias"], deps)?.spec.alias ?? "", period);
      if (history === undefined) return sendProblem(response, { code: "NOT_FOUND" });
      response.json(toHistoryBody(history));
    },
  };
}

/** What asks or sends something, but changes nothing. */
export function healthActions(deps: ControlDeps, access: Access): Record<string, RequestHandler> {
  return {
    "/health/:alias/check": async (request, response) => {
      const route = findRoute(request.params["alias"], deps);
      if (route === undefined) return sendProblem(response, { code: "NOT_FOUND" });
      const { alias } = route.spec;
      access.audit(request, alias, "health check asked");
      const view = await deps.health.forceCheck(alias);
      if (view === undefined) return sendProblem(response, { code: "NOT_FOUND" });
      response.json(toHealthBody(view, { detail: true }));
    },
    "/notify/test": async (request, response) => {
      access.audit(request, null, "test notices asked");
      const results = await deps.notifyTest();
      response.json({ results: [...results] } satisfies z.infer<typeof NotifyTest>);
    },
  };
}

function findRoute(param: unknown, { registry }: ControlDeps): Route | undefined {
  const alias = toAlias(param);
  return alias === null ? undefined : registry.get(alias);
}
