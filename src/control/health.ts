import type { RequestHandler, Response } from "express";
import type { z } from "zod";
import { type HealthPeriod, healthPeriods } from "../core/health-history.ts";
import type { Route } from "../core/route.ts";
import { sendProblem } from "./answers.ts";
import type { ControlDeps } from "./deps.ts";
import { toAlias } from "./find-workload.ts";
import type { AllHealth, AllStatuses, NotifyTest } from "./schema.ts";
import { toHealthBody, toHistoryBody } from "./views.ts";

const details = ["none", "simple", "full"] as const;

/** Health of routes, read. */
export function healthEndpoints(deps: ControlDeps): Record<string, RequestHandler> {
  const { health } = deps;
  return {
    "/health": (request, response) => {
      const { detail: given = "none" } = request.query;
      const detail = details.find((known) => known === given);
      if (detail === undefined) return badRequest(response, "detail", details);
      const routes = Array.from(deps.registry.routes(), ({ spec }) => spec.alias);
      if (detail === "simple") {
        const statuses = routes.map((alias) => [alias, health.view(alias)?.status ?? "unknown"] as const);
        return void response.json(Object.fromEntries(statuses) satisfies z.infer<typeof AllStatuses>);
      }
      const bodies = routes.map((alias) => [alias, toHealthBody(health.view(alias), { detail: detail === "full" })]);
      response.json(Object.fromEntries(bodies) satisfies z.infer<typeof AllHealth>);
    },
    "/health/:alias/history": (request, response) => {
      const { period: given = "1h" } = request.query;
      const period = healthPeriods.find((known): known is HealthPeriod => known === given);
      if (period === undefined) return badRequest(response, "period", healthPeriods);
      const history = health.history(findRoute(request.params["alias"], deps)?.spec.alias ?? "", period);
      if (history === undefined) return sendProblem(response, { code: "NOT_FOUND" });
      response.json(toHistoryBody(history));
    },
  };
}

/** What asks or sends something, but changes nothing. */
export function healthActions(deps: ControlDeps): Record<string, RequestHandler> {
  return {
    "/health/:alias/check": async (request, response) => {
      const route = findRoute(request.params["alias"], deps);
      const view = route === undefined ? undefined : await deps.health.forceCheck(route.spec.alias);
      if (view === undefined) return sendProblem(response, { code: "NOT_FOUND" });
      response.json(toHealthBody(view, { detail: true }));
    },
    "/notify/test": async (_request, response) => {
      const results = await deps.notifyTest();
      response.json({ results: [...results] } satisfies z.infer<typeof NotifyTest>);
    },
  };
}

function findRoute(param: unknown, { registry }: ControlDeps): Route | undefined {
  const alias = toAlias(param);
  return alias === null ? undefined : registry.get(alias);
}

function badRequest(response: Response, name: string, allowed: readonly string[]): void {
  sendProblem(response, { code: "BAD_REQUEST", detail: `${name} must be one of ${allowed.join(", ")}` });
}
