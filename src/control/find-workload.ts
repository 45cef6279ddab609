import type { Request } from "express";
import type { Route } from "../core/route.ts";
import type { WorkloadHandle } from "../core/workload-handle.ts";
import type { ControlDeps } from "./deps.ts";
import type { Workload } from "./schema.ts";
import { toWorkloadBody } from "./views.ts";

/** What an alias may look like; anything else is unknown without a look. */
const aliasPattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;

function toAlias(param: unknown): string | null {
  return typeof param === "string" && aliasPattern.test(param) ? param : null;
}

/** The route the path names as `:alias`: by its alias, else by the host at whose root it answers. */
export function findRoute(request: Request, { registry }: ControlDeps): Route | undefined {
  const name = toAlias(request.params["alias"]);
  return name === null ? undefined : registry.find(name);
}

/** The workload the path names as `:alias`. */
export function findWorkload(request: Request, deps: ControlDeps): WorkloadHandle | undefined {
  const alias = toAlias(request.params["alias"]);
  return alias === null ? undefined : deps.workload(alias);
}

/** A workload as it is now, with what stands elsewhere about it. */
export function describeWorkload(workload: WorkloadHandle, deps: ControlDeps): Workload {
  const { alias } = workload.spec;
  const routes = routesByWorkload(deps.registry.routes()).get(alias) ?? [];
  return toWorkloadBody(workload, { signals: deps.signals(alias), routes });
}

/** Aliases of the routes that lead to each workload. */
export function routesByWorkload(routes: Iterable<Route>): ReadonlyMap<string, readonly string[]> {
  const aliases = new Map<string, string[]>();
  for (const { spec } of routes) {
    if (spec.workload === null) continue;
    const known = aliases.get(spec.workload);
    if (known === undefined) aliases.set(spec.workload, [spec.alias]);
    else known.push(spec.alias);
  }
  return aliases;
}
