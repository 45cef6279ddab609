import type { RequestHandler } from "express";
import type { z } from "zod";
import type { Route } from "../core/route.ts";
import type { Access } from "./access.ts";
import { sendProblem } from "./answers.ts";
import type { ControlDeps } from "./deps.ts";
import { describeWorkload, findRoute, findWorkload, routesByWorkload } from "./find-workload.ts";
import { healthEndpoints } from "./health.ts";
import { toOpenApi } from "./openapi.ts";
import { readQuery, RoutesQuery, toPage, WorkloadsQuery } from "./queries.ts";
import type {
  ConfigErrors,
  Providers,
  Route as RouteBody,
  Routes,
  RoutesByProvider,
  Session,
  Version,
  Workload,
  Workloads,
} from "./schema.ts";
import { toProviderBody, toRouteBody, toWorkloadBody } from "./views.ts";

/** The endpoints that tell how things are now, by their path under `/api/v1`. */
export function readingEndpoints(deps: ControlDeps, access: Access): Readonly<Record<string, RequestHandler>> {
  return {
    ...workloadEndpoints(deps),
    ...routeEndpoints(deps),
    ...healthEndpoints(deps),
    ...otherEndpoints(deps, access),
  };
}

function workloadEndpoints(deps: ControlDeps): Record<string, RequestHandler> {
  return {
    "/workloads": (request, response) => {
      const query = readQuery(WorkloadsQuery, request);
      const routes = routesByWorkload(deps.registry.routes());
      const { items, ...next } = toPage(deps.workloads(), ({ spec }) => spec.alias, query);
      const workloads = items.map((workload): Workload => {
        const { alias } = workload.spec;
        return toWorkloadBody(workload, { signals: deps.signals(alias), routes: routes.get(alias) ?? [] });
      });
      response.json({ workloads, ...next } satisfies z.infer<typeof Workloads>);
    },
    "/workloads/:alias": (request, response) => {
      const workload = findWorkload(request, deps);
      if (workload === undefined) return sendProblem(response, { code: "NOT_FOUND" });
      response.json(describeWorkload(workload, deps));
    },
  };
}

function routeEndpoints(deps: ControlDeps): Record<string, RequestHandler> {
  const { registry, clock, health } = deps;
  const toBody = async (route: Route): Promise<z.infer<typeof RouteBody>> =>
    toRouteBody(route, {
      clock,
      health: health.view(route.spec.alias),
      guest: await deps.guestOf(route),
      upstreams: deps.upstreamsOf(route),
    });
  return {
    "/routes": async (request, response) => {
      const { by, ...query } = readQuery(RoutesQuery, request);
      const { items, ...next } = toPage(registry.routes(), ({ spec }) => spec.alias, query);
      const routes = await Promise.all(items.map(toBody));
      if (by === undefined) return void response.json({ routes, ...next } satisfies z.infer<typeof Routes>);
      const providers = Object.fromEntries(Map.groupBy(routes, (route) => route.provider));
      response.json({ providers, ...next } satisfies z.infer<typeof RoutesByProvider>);
    },
    "/routes/:alias": async (request, response) => {
      const route = findRoute(request, deps);
      if (route === undefined) return sendProblem(response, { code: "NOT_FOUND" });
      response.json(await toBody(route));
    },
  };
}

function otherEndpoints(deps: ControlDeps, access: Access): Record<string, RequestHandler> {
  return {
    "/providers": (_request, response) => {
      const providers = Array.from(deps.providers(), toProviderBody);
      response.json({ providers } satisfies z.infer<typeof Providers>);
    },
    "/config/errors": (_request, response) => {
      const errors = deps.configErrors().map(({ source, key, message }) => ({ source, key, message }));
      response.json({ errors } satisfies z.infer<typeof ConfigErrors>);
    },
    "/config/schema": (_request, response) => void response.json(deps.configSchema),
    "/session": (request, response) => {
      const { name, role, via } = access.personOf(request);
      response.json({ name, role, via } satisfies z.infer<typeof Session>);
    },
    "/openapi.json": (_request, response) => {
      response.json(toOpenApi(deps));
    },
    "/version": (_request, response) => {
      response.json({ version: deps.version } satisfies z.infer<typeof Version>);
    },
  };
}
