import { createServer, type Server } from "node:http";
import type { AppOptions } from "./app.ts";
import type { Settings } from "./app-settings.ts";
import { createControl } from "./control/control.ts";
import type { InFlight } from "./core/in-flight.ts";
import type { Journal } from "./core/journal.ts";
import type { Signal } from "./core/signal.ts";
import { createWaiterBudget } from "./core/waiter-budget.ts";
import { createGate } from "./engine/gate.ts";
import type { Supervisor } from "./engine/supervisor.ts";
import { createHook, type Hook } from "./hook/hook.ts";
import { HookMessage } from "./hook/hook-message.ts";
import { createOriginPools, type OriginPools } from "./net/origin-pools.ts";
import { addressMatcher, forwardedClient } from "./net/trust.ts";
import { createPages } from "./pages/pages.ts";
import { createProxy, type Proxy } from "./proxy/proxy.ts";
import { createMetrics } from "./telemetry/metrics.ts";

/** Everything requests come in by. */
export interface Doors {
  /** Hook, page channel, API: `listen.hook`. */
  readonly server: Server;
  readonly hook: Hook;
  /** `listen.proxy`. */
  readonly proxy: Proxy;
  readonly pools: OriginPools;
}

export interface DoorDeps extends Pick<AppOptions, "clock" | "logger" | "templates" | "version" | "configSchema"> {
  readonly settings: Settings;
  readonly supervisor: Supervisor;
  readonly journal: Journal;
  readonly signals: readonly Signal[];
  readonly inFlight: InFlight;
}

/** Longer than any proxy keeps an idle connection (Caddy 120 s): else it may send into one we are closing. */
const keepAliveMs = 180_000;
/** `/readyz` stops waiting for engines that do not answer. */
const firstLookMs = 5_000;

/** One gate for both doors: the hook and our own proxy decide by the same code. */
export function createDoors(deps: DoorDeps): Doors {
  const { clock, logger, settings, supervisor, journal, inFlight } = deps;
  const { registry } = supervisor;
  const { limits } = settings.config;
  // Read at each use: a reload changes them.
  const live = {
    isTrusted: settings.isTrusted,
    get proxyHops() {
      return settings.config.proxyHops;
    },
    get publicUrl() {
      return settings.config.publicUrl;
    },
    get unknownHost() {
      return settings.config.unknownHost;
    },
  };
  const pages = createPages({ dir: deps.templates });
  const budget = createWaiterBudget({ perWorkload: limits.waitersPerWorkload, total: limits.waiters });
  const gate = createGate(withLive(live, { clock, logger, pages, budget, matchesAddress: addressMatcher }));
  const hook = createHook(withLive(live, { registry, gate, journal, pages, clock, logger, limits }));
  const control = createControl(controlDeps(deps, hook));
  const server = createServer({ keepAliveTimeout: keepAliveMs, IncomingMessage: HookMessage }, (req, res) => {
    if (!hook.serve(req, res)) control(req, res);
  });
  const pools = createOriginPools({ clock });
  const reserved = hook.reserved;
  const proxy = createProxy(withLive(live, { registry, gate, clock, logger, pools, inFlight, reserved }));
  return { server, hook, proxy, pools };
}

/** Adds fixed parts to an object of getters; a spread would read the getters once and for all. */
function withLive<L extends object, P extends object>(live: L, parts: P): L & P {
  return Object.assign(Object.create(live) as L, parts);
}

function controlDeps(deps: DoorDeps, hook: Hook): Parameters<typeof createControl>[0] {
  const { clock, logger, settings, supervisor, version, configSchema } = deps;
  const startedAt = clock.now();
  return {
    version,
    configSchema,
    clock,
    logger,
    registry: supervisor.registry,
    metrics: createMetrics(metricSources(deps, hook)),
    get adminToken() {
      return settings.config.admin.token;
    },
    get metricsPublic() {
      return settings.config.metrics.public;
    },
    workloads: () => supervisor.workloads(),
    workload: (alias) => supervisor.workload(alias),
    signals: (alias) => deps.signals.map((signal) => signalStatus(signal, alias, deps)),
    providers: () => supervisor.providers(),
    configErrors: () => [...settings.errors.map(toProblem), ...supervisor.problems()],
    ready() {
      const missing = [...supervisor.providers()].filter(({ looked }) => !looked).map(({ name }) => `provider ${name}`);
      return { ok: missing.length === 0 || clock.now() - startedAt >= firstLookMs, missing };
    },
    clientOf(request) {
      const peer = request.socket.remoteAddress;
      if (!settings.isTrusted(peer)) return peer ?? null;
      const forwarded = request.headers["x-forwarded-for"];
      const header = typeof forwarded === "string" ? forwarded : undefined;
      return forwardedClient(header, settings.config.proxyHops) ?? peer ?? null;
    },
  };
}

function toProblem({ file, line, column, key, message }: Settings["errors"][number]): {
  readonly source: string;
  readonly key: string;
  readonly message: string;
} {
  return { source: `${file}:${line}:${column}`, key, message };
}

function signalStatus(
  signal: Signal,
  alias: string,
  { clock }: DoorDeps,
): ReturnType<Parameters<typeof createControl>[0]["signals"]>[number] {
  const reading = signal.read(alias, { signal: AbortSignal.abort() });
  const read = reading instanceof Promise || reading.kind === "unreadable" ? null : reading;
  const at = read?.lastUsedAt ?? null;
  const lastUsedAt = at === null ? null : Math.round(clock.wall() - (clock.now() - at));
  return { name: signal.name, live: read !== null, lastUsedAt, needs: signal.needs };
}

function metricSources(deps: DoorDeps, hook: Hook): Parameters<typeof createMetrics>[0] {
  const { clock, settings, supervisor, signals } = deps;
  const live = signals.map(({ name }) => ({ name, live: true }));
  return {
    now: () => clock.now(),
    routes: () => supervisor.registry.routes(),
    unknownHost: () => ({ [settings.config.unknownHost === "allow" ? "allow" : "forbidden"]: hook.unknownHosts }),
    hookSeconds: hook.timings,
    *workloads() {
      for (const { spec, state, tallies } of supervisor.workloads())
        yield { alias: spec.alias, state, tallies, signals: live };
    },
    providers: () => supervisor.providers(),
    configReloads: settings.reloads,
  };
}
