import type { Request, RequestHandler } from "express";
import type { Clock } from "../core/clock.ts";
import { titleByCode } from "../core/problem.ts";
import type { Route } from "../core/route.ts";
import type { StateName } from "../core/state.ts";
import type { WorkloadHandle } from "../core/workload-handle.ts";
import type { Access } from "./access.ts";
import { sendProblem } from "./answers.ts";
import type { ControlDeps } from "./deps.ts";

/** The addresses of docker-gateway that are for operators; what guards them is `createControl`'s business. */
export const gatewayPaths = {
  page: "/_status",
  api: "/_status/api",
  wake: "/_status/wake",
  metrics: "/_metrics",
} as const;

/** One container in `/_status/api`: docker-gateway's names, as far as nodoff knows what they say. */
interface GatewayContainer {
  /** The engine's name for it. */
  readonly name: string;
  readonly alias: string;
  readonly host: string;
  /** What the engine would say. */
  readonly status: "running" | "paused" | "exited" | "unknown";
  readonly start_state: "starting" | "running" | "failed" | "unknown";
  readonly error: string | null;
  readonly icon: string | null;
  readonly target_port: number | null;
  readonly start_timeout_sec: number;
  readonly started_at: string | null;
  readonly last_request: string | null;
  /** 0 = never sleeps by itself. */
  readonly idle_timeout_sec: number;
  /** -1 = not known: not in use yet, asleep, or kept awake. */
  readonly idle_remaining_sec: number;
}

/** `/_status`, `/_status/api` (both GET) and `/_status/wake` (POST). */
export interface GatewayEndpoints {
  readonly page: RequestHandler;
  readonly api: RequestHandler;
  readonly wake: RequestHandler;
}

export function gatewayEndpoints(deps: ControlDeps, access: Access): GatewayEndpoints {
  const all = (): GatewayContainer[] => {
    const hosts = hostsByWorkload(deps.registry.routes());
    return Array.from(deps.workloads(), (workload) =>
      toContainer(workload, hosts.get(workload.spec.alias) ?? "", deps.clock),
    );
  };
  return {
    page: (_request, response) => void response.type("text/html").send(toPage(all())),
    api: (_request, response) => void response.json(all()),
    wake(request, response) {
      if (!isSameOrigin(request)) {
        return sendProblem(response, { code: "WAKE_NOT_ALLOWED", detail: "asked by a page of another site" });
      }
      const { container } = request.query;
      const workload = typeof container === "string" ? findByName(container, deps) : undefined;
      if (workload === undefined) return sendProblem(response, { code: "NOT_FOUND" });
      const { alias } = workload.spec;
      access.audit(request, alias, "wake asked through /_status/wake");
      workload.wake("person");
      response.status(202).json({ status: toStartState(workload.state) });
    },
  };
}

/** Browsers say where a POST comes from (RFC 6454); programs send nothing. */
function isSameOrigin({ headers }: Request): boolean {
  const { origin, host = "" } = headers;
  if (origin === undefined) return true;
  const url = URL.parse(origin);
  return url !== null && url.host.toLowerCase() === host.toLowerCase();
}

function findByName(name: string, deps: ControlDeps): WorkloadHandle | undefined {
  const known = deps.workload(name);
  if (known !== undefined) return known;
  for (const workload of deps.workloads())
    if (workload.spec.kind === "container" && workload.spec.ref === name) return workload;
  return undefined;
}

function hostsByWorkload(routes: Iterable<Route>): ReadonlyMap<string, string> {
  const hosts = new Map<string, string>();
  for (const { spec } of routes) {
    const [host] = spec.hosts;
    if (spec.workload !== null && host !== undefined && !hosts.has(spec.workload)) hosts.set(spec.workload, host);
  }
  return hosts;
}

function toContainer(workload: WorkloadHandle, host: string, clock: Clock): GatewayContainer {
  const { spec, state } = workload;
  const { failure, wokenAt, lastUsedAt, sleepsAt } = workload.view();
  const { upstream } = spec;
  return {
    name: spec.ref,
    alias: spec.alias,
    host,
    status: toEngineStatus(state, spec.stopMethod === "pause"),
    start_state: toStartState(state),
    error: failure === null ? null : titleByCode[failure.code],
    icon: spec.loading.icon,
    target_port: upstream?.kind === "port" ? upstream.port : null,
    start_timeout_sec: spec.wakeTimeoutMs / 1_000,
    started_at: toTime(wokenAt),
    last_request: toTime(lastUsedAt),
    idle_timeout_sec: spec.idleTimeoutMs / 1_000,
    idle_remaining_sec: sleepsAt === null ? -1 : Math.max(0, Math.round((sleepsAt - clock.wall()) / 1_000)),
  };
}

function toEngineStatus(state: StateName, pauses: boolean): GatewayContainer["status"] {
  switch (state) {
    case "ready":
    case "starting":
    case "stopping":
      return "running";
    case "napping":
      return pauses ? "paused" : "exited";
    case "error":
      return "exited";
    case "unknown":
    case "gone":
      return "unknown";
  }
}

function toStartState(state: StateName): GatewayContainer["start_state"] {
  if (state === "ready" || state === "stopping") return "running";
  if (state === "starting") return "starting";
  return state === "error" || state === "gone" ? "failed" : "unknown";
}

function toTime(wall: number | null): string | null {
  return wall === null ? null : new Date(wall).toISOString();
}

const columns = ["name", "host", "status", "start_state", "last_request", "idle_remaining_sec", "error"] as const;

/** A table that reloads itself; whoever wants more has the API. */
function toPage(containers: readonly GatewayContainer[]): string {
  const rows = containers.map((container) => `<tr>${columns.map((name) => toCell(container[name])).join("")}</tr>`);
  return (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5">' +
    '<meta name="color-scheme" content="light dark"><title>nodoff status</title></head><body><table border="1">' +
    `<thead><tr>${columns.map((name) => `<th scope="col">${name}</th>`).join("")}</tr></thead>` +
    `<tbody>${rows.join("")}</tbody></table></body></html>\n`
  );
}

function toCell(value: string | number | null): string {
  const text = value === null ? "" : String(value);
  return `<td>${text.replace(/[&<>"']/g, (special) => `&#${special.charCodeAt(0)};`)}</td>`;
}
