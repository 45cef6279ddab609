import type { RouteSpec, StopMethod, WorkloadSpec } from "../../src/core/spec.ts";
import type { StateName } from "../../src/core/state.ts";
import { doorSpec, routeSpec, workloadSpec } from "../support/specs.ts";
import { type ConfigChange, type Plan, type Ref, refs } from "./actions.ts";

/** What the simulation knows of one workload, independently of the engine under test. Times are monotonic ms. */
export interface Model {
  config: Config;
  /** Whether the app behind it answers while it runs. */
  answers: boolean;
  inUse: boolean;
  /** When `inUse` last changed. */
  useChangedAt: number;
  /** Last counted request, wake by a person, or start by hand. */
  lastUsedAt: number;
  /** Somebody asked for a wake that has not begun yet. */
  asked: boolean;
  /** Somebody asked for it while it was being stopped. */
  queued: boolean;
  /** As the journal told it last. */
  state: StateName;
  enteredAt: number;
  /** Ready or in error since; a refused stop leads back to what it was and is no new beginning. */
  awakeSince: number;
  /** Of the attempt under way. */
  wakeTimeoutMs: number;
  startsInFlight: number;
}

export type Models = Readonly<Record<Ref, Model>>;

export interface Config {
  readonly configured: boolean;
  readonly alias: string;
  readonly idleTimeoutMs: number;
  readonly wakeTimeoutMs: number;
  readonly stopMethod: StopMethod;
  readonly port: number;
  readonly byUrl: boolean;
  readonly engineHealth: boolean;
}

/** The port the app really listens on. */
export const appPort = 8080;
export const holdMs = 25_000;

export function minAwakeMs({ idleTimeoutMs }: Config): number {
  return Math.min(30_000, idleTimeoutMs);
}

export function createModels(plan: Plan, now: number): Models {
  const { idleTimeoutMs, wakeTimeoutMs, stopMethod, byUrl } = plan;
  const common = { configured: true, port: appPort, engineHealth: false };
  const app: Config = { ...common, alias: "app", idleTimeoutMs, wakeTimeoutMs, stopMethod, byUrl };
  const job: Config = {
    ...common,
    alias: "job",
    idleTimeoutMs: 45_000,
    wakeTimeoutMs: 20_000,
    stopMethod: "pause",
    byUrl: true,
  };
  return { app: createModel(app, now), job: createModel(job, now) };
}

function createModel(config: Config, now: number): Model {
  return {
    config,
    answers: true,
    inUse: false,
    useChangedAt: Number.NEGATIVE_INFINITY,
    lastUsedAt: Number.NEGATIVE_INFINITY,
    asked: false,
    queued: false,
    state: "unknown",
    enteredAt: now,
    awakeSince: now,
    wakeTimeoutMs: config.wakeTimeoutMs,
    startsInFlight: 0,
  };
}

/** Changes the configuration; false where it already said so. */
export function reconfigure(ref: Ref, model: Model, { key, value }: ConfigChange, now: number): boolean {
  const before = model.config;
  const wanted = key === "alias" ? `${ref}-${value}` : value;
  if (before[key] === wanted) return false;
  model.config = { ...before, [key]: wanted };
  if (key !== "configured" && key !== "alias") return true;
  // A workload of its own from here on.
  model.asked = false;
  model.queued = false;
  model.enteredAt = now;
  model.awakeSince = now;
  // Another name, another memory.
  if (key === "alias") model.lastUsedAt = Number.NEGATIVE_INFINITY;
  return true;
}

interface Specs {
  readonly workloads: readonly WorkloadSpec[];
  readonly routes: readonly RouteSpec[];
}

/** Writes what the models are configured to be; a spec stays the same object while its configuration does. */
export function createSpecWriter(models: Models): () => Specs {
  const made = new Map<Config, readonly [WorkloadSpec, RouteSpec]>();
  return () => {
    const specs = refs
      .filter((ref) => models[ref].config.configured)
      .map((ref) => {
        const { config } = models[ref];
        const known = made.get(config) ?? ([toWorkloadSpec(ref, config), toRouteSpec(ref, config)] as const);
        made.set(config, known);
        return known;
      });
    return { workloads: specs.map(([workload]) => workload), routes: specs.map(([, route]) => route) };
  };
}

function toWorkloadSpec(ref: Ref, config: Config): WorkloadSpec {
  const { alias, idleTimeoutMs, wakeTimeoutMs, stopMethod, port, byUrl, engineHealth } = config;
  return workloadSpec({
    alias,
    ref,
    idleTimeoutMs,
    wakeTimeoutMs,
    minAwakeMs: minAwakeMs(config),
    stopMethod,
    upstream: byUrl ? { kind: "url", url: `http://${ref}:${port}` } : { kind: "port", port, scheme: "http" },
    ready: { http: null, status: [[200, 399]], tcp: null, engineHealth, log: null, delayMs: 0 },
  });
}

function toRouteSpec(ref: Ref, { alias }: Config): RouteSpec {
  return routeSpec({ alias: ref, hosts: [`${ref}.test`], workload: alias, door: doorSpec({ holdMs }) });
}
