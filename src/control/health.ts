import type { RequestHandler } from "express";
import type { z } from "zod";
import type { Access } from "./access.ts";
import { sendProblem } from "./answers.ts";
import type { ControlDeps } from "./deps.ts";
import { findRoute } from "./find-workload.ts";
import { HealthQuery, HistoryQuery, readQuery } from "./queries.ts";
import type { AllHealth, AllStatuses, NotifyTest } from "./schema.ts";
import { toHealthBody, toHistoryBody } from "./views.ts";

/** Health of routes, read. */
export function healthEndpoints(deps: ControlDeps): Record<string, RequestHandler> {
  const { health } = deps;
  return {
    "/health": (request, response) => {
      const { detail = "none" } = readQuery(HealthQuery, request);
      if (detail !== "simple") return void response.json(toAllHealth(deps, { detail: detail === "full" }));
      const statuses = Array.from(
        deps.registry.routes(),
        ({ spec: { alias } }) => [alias, health.view(alias)?.status ?? "unknown"] as const,
      );
      response.json(Object.fromEntries(statuses) satisfies z.infer<typeof AllStatuses>);
    },
    "/health/:alias/history": (request, response) => {
      const { period = "1h" } = readQuery(HistoryQuery, request);
      const history = health.history(findRoute(request, deps)?.spec.alias ?? "", period);
      if (history === undefined) return sendProblem(response, { code: "NOT_FOUND" });
      response.json(toHistoryBody(history));
    },
  };
}

/** What asks or sends something, but changes nothing. */
export function healthActions(deps: ControlDeps, access: Access): Record<string, RequestHandler> {
  return {
    "/health/check": async (request, response) => {
      access.audit(request, null, "health check of all asked");
      await deps.health.checkAll();
      response.json(toAllHealth(deps, { detail: true }));
    },
    "/health/:alias/check": async (request, response) => {
      const route = findRoute(request, deps);
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

function toAllHealth(
  { registry, health }: ControlDeps,
  options: { readonly detail: boolean },
): z.infer<typeof AllHealth> {
  const views = Array.from(registry.routes(), ({ spec }) => [spec.alias, health.view(spec.alias)] as const);
  return Object.fromEntries(views.map(([alias, view]) => [alias, toHealthBody(view, options)]));
}
