import { createServer, type Server } from "node:http";
import type { AppOptions } from "./app.ts";
import { type Health, originsOf } from "./app-health.ts";
import { createAdmin } from "./app-admin.ts";
import type { AppPages } from "./app-pages.ts";
import { createGuestFinder } from "./app-guests.ts";
import type { Settings } from "./app-settings.ts";
import { type Control, createControl } from "./control/control.ts";
import { gatewayPaths } from "./control/gateway-names.ts";
import { formatConfigError } from "./config/load.ts";
import { createExams, type Exams } from "./core/exams.ts";
import type { InFlight } from "./core/in-flight.ts";
import type { Journal } from "./core/journal.ts";
import type { Provider } from "./core/provider.ts";
import type { Route } from "./core/route.ts";
import type { Store } from "./core/store.ts";
import { savedByteMsAt } from "./core/tallies.ts";
import { createWaiterBudget } from "./core/waiter-budget.ts";
import { createGate } from "./engine/gate.ts";
import type { Supervisor } from "./engine/supervisor.ts";
import { createTraefik } from "./app-traefik.ts";
import { createHook, type Hook } from "./hook/hook.ts";
import type { ConfigDoor } from "./traefik/config-door.ts";
import type { Dialed } from "./net/dialed.ts";
import { HookMessage } from "./hook/hook-message.ts";
import { createOriginPools, type OriginPools } from "./net/origin-pools.ts";
import { addressMatcher } from "./net/trust.ts";
import { type Certificates, createCertificates } from "./proxy/certificates.ts";
import { createLimiter } from "./proxy/limiter.ts";
import { createPorts, type Ports } from "./proxy/ports.ts";
import { createProxy, type Proxy, type ProxyDeps } from "./proxy/proxy.ts";
import type { AccessLogs } from "./telemetry/access-log.ts";
import { createMetrics } from "./telemetry/metrics.ts";

/** Everything requests come in by. */
export interface Doors {
  /** Hook, page channel, API: `listen.hook`. */
  readonly server: Server;
  readonly hook: Hook;
  readonly control: Control;
  /** `listen.proxy`. */
  readonly proxy: Proxy;
  /** `listen.tls`; null = not configured. */
  readonly secure: Proxy | null;
  readonly certificates: Certificates;
  /** `listen.fallback`. */
  readonly fallback: Proxy;
  /** `/traefik/config`, at the hook's address. */
  readonly traefik: ConfigDoor;
  /** Those of routes that have one of their own. */
  readonly ports: Ports;
  readonly pools: OriginPools;
}

export interface DoorDeps extends Pick<AppOptions, "clock" | "logger" | "dashboard" | "version" | "configSchema"> {
  readonly settings: Settings;
  readonly supervisor: Supervisor;
  readonly journal: Journal;
  readonly store: Store;
  readonly inFlight: InFlight;
  readonly dialed: Dialed;
  readonly health: Health;
  readonly accessLogs: AccessLogs;
  /** Text of a file; may throw. */
  readonly readFile: (path: string) => string;
  /** Calls back when a file has become another. */
  readonly watch: (path: string, onChange: () => void) => { close(): void };
  readonly pages: AppPages;
  /** The providers there are now. */
  readonly providers: () => readonly Provider[];
}

/** Longer than any proxy keeps an idle connection (Caddy 120 s): else it may send into one we are closing. */
const keepAliveMs = 180_000;
/** `/readyz` stops waiting for engines that do not answer. */
const firstLookMs = 5_000;

/** One gate for both doors: the hook and our own proxy decide by the same code. */
export function createDoors(deps: DoorDeps): Doors {
  const { clock, logger, settings, supervisor, journal, inFlight, pages } = deps;
  const { registry } = supervisor;
  const { limits, listen: addresses } = settings.config;
  // Read at each use: a reload changes them.
  const live = {
    isTrusted: settings.isTrusted,
    get proxyHops() {
      return settings.config.proxyHops;
    },
    get accessLog() {
      return deps.accessLogs.current;
    },
    get publicUrl() {
      return settings.config.publicUrl;
    },
    get unknownHost() {
      return settings.config.unknownHost;
    },
  };
  const budget = createWaiterBudget({ perWorkload: limits.waitersPerWorkload, total: limits.waiters });
  const isLed = (alias: string): boolean => traefik.leadsTo(alias);
  const gate = createGate(withLive(live, { clock, logger, pages, budget, matchesAddress: addressMatcher, isLed }));
  const exams = createExams(clock);
  const hook = createHook(withLive(live, { registry, gate, journal, pages, clock, logger, limits, exams }));
  const traefik = createTraefik({ clock, logger, supervisor, hook });
  const certificates = createCertificates({
    clock,
    logger,
    readFile: deps.readFile,
    watch: deps.watch,
    onProblem(problem) {
      const failure = { code: "CONFIG_INVALID", message: formatConfigError(problem) } as const;
      journal.publish({ type: "config", alias: null, message: "a certificate cannot be used", failure });
    },
  });
  let closedPorts = (): readonly string[] => [];
  const control = createControl(
    controlDeps(deps, { hook, traefik, certificates, exams, closedPorts: () => closedPorts() }),
  );
  const server = createServer({ keepAliveTimeout: keepAliveMs, IncomingMessage: HookMessage }, (req, res) => {
    if (!hook.serve(req, res) && !traefik.serve(req, res)) control.serve(req, res);
  });
  const pools = createOriginPools({ clock, dialed: deps.dialed });
  const reserved = hook.reserved;
  const { dialed } = deps;
  const names = toNameDoor(hook, control);
  const limiter = createLimiter(clock);
  const own = { registry, gate, clock, logger, pools, inFlight, reserved, dialed, limiter, exams };
  const proxyDeps = withLive(live, { ...own, names, acceptsProxyHeader: addresses.acceptProxy });
  const { tls } = settings.config.listen;
  const redirectPort = tls?.redirectPort ?? null;
  const proxy = createProxy(redirectPort === null ? proxyDeps : withLive(proxyDeps, { redirectPort }));
  const secure = tls === null ? null : createProxy(withLive(proxyDeps, { certificates }));
  const fallback = createProxy(withLive(live, { ...own, isFallback: true, admits: hook.admits }));
  const ports = createPorts(proxyDeps);
  closedPorts = () => [
    ...(addresses.proxy !== null && !proxy.server.listening ? ["listen.proxy"] : []),
    ...(addresses.fallback !== null && !fallback.server.listening ? ["listen.fallback"] : []),
    ...(secure?.server.listening === false ? ["listen.tls"] : []),
    ...ports.missing().map((alias) => `port of ${alias}`),
  ];
  return { server, hook, traefik, control, proxy, fallback, secure, certificates, ports, pools };
}

const operatorPaths: ReadonlySet<string> = new Set(Object.values(gatewayPaths));

/** At our own proxy: public names of other gateways are the page channel's, those for operators stand behind auth. */
function toNameDoor({ names }: Hook, control: Control): NonNullable<ProxyDeps["names"]> {
  return {
    answers: (path, query) => operatorPaths.has(path) || names.answers(path, query),
    serve(req, res, asked) {
      if (operatorPaths.has(asked.path)) control.serve(req, res);
      else names.serve(req, res, asked);
    },
  };
}

/** Adds fixed parts to an object of getters; a spread would read the getters once and for all. */
function withLive<L extends object, P extends object>(live: L, parts: P): L & P {
  return Object.assign(Object.create(live) as L, parts);
}

interface ControlParts extends Pick<Doors, "hook" | "traefik" | "certificates"> {
  readonly exams: Exams;
  /** What is to be open and is not. */
  readonly closedPorts: () => readonly string[];
}

function controlDeps(
  deps: DoorDeps,
  { hook, traefik, certificates, exams, closedPorts }: ControlParts,
): Parameters<typeof createControl>[0] {
  const { clock, logger, settings, supervisor, version, configSchema } = deps;
  const { monitor, notifier } = deps.health;
  const startedAt = clock.now();
  const guestOf = createGuestFinder(deps);
  const upstreamsOf = (route: Route): readonly string[] => originsOf(route, supervisor);
  const access = createAdmin(deps);
  return {
    version,
    configSchema,
    dashboard: deps.dashboard,
    clock,
    logger,
    registry: supervisor.registry,
    metrics: createMetrics(metricSources(deps, hook)),
    get admin() {
      return access.admin;
    },
    loginCode: access.loginCode,
    visit: access.visit,
    get basePath() {
      return settings.config.basePath;
    },
    get metricsPublic() {
      return settings.config.metrics.public;
    },
    workloads: () => supervisor.workloads(),
    workload: (alias) => supervisor.workload(alias),
    signals: (alias) => supervisor.workload(alias)?.signals() ?? [],
    events: (alias, limit, before) => deps.store.events(alias, limit, before),
    intervals: (alias, since) => deps.store.intervals(alias, since),
    journal: deps.journal,
    providers: () => supervisor.providers(),
    upstreamsOf,
    guestOf: (route) =>
      guestOf({ route: route.spec, upstream: upstreamsOf(route)[0] ?? null, workload: route.workload?.spec ?? null }),
    configErrors: () => [
      ...settings.errors.map(toProblem),
      ...certificates.problems().map(toProblem),
      ...deps.pages.errors.map(toProblem),
      ...supervisor.problems(),
      ...traefik.problems().map(({ container, key, message }) => ({ source: `label ${container}`, key, message })),
      ...notifier.problems().map(({ key, message }) => ({ source: "nodoff.yaml", key, message })),
    ],
    health: monitor,
    exams,
    isTrusted: settings.isTrusted,
    get proxyHops() {
      return settings.config.proxyHops;
    },
    notifyTest: () => notifier.test(),
    ready() {
      const unseen = [...supervisor.providers()].filter(({ looked }) => !looked).map(({ name }) => `provider ${name}`);
      const isPatient = clock.now() - startedAt < firstLookMs;
      // An engine may stay away; traffic that was asked for at a port comes only once it is open.
      const closed = closedPorts();
      return { ok: closed.length === 0 && (unseen.length === 0 || !isPatient), missing: [...closed, ...unseen] };
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

function metricSources(deps: DoorDeps, hook: Hook): Parameters<typeof createMetrics>[0] {
  const { clock, settings, supervisor } = deps;
  return {
    now: () => clock.now(),
    routes: () => supervisor.registry.routes(),
    unknownHost: () => ({ [settings.config.unknownHost === "allow" ? "allow" : "forbidden"]: hook.unknownHosts }),
    hookSeconds: hook.timings,
    *workloads() {
      for (const workload of supervisor.workloads()) {
        const { spec, state, tallies } = workload;
        const savedByteSeconds = savedByteMsAt(tallies, clock.now()) / 1_000;
        yield { alias: spec.alias, state, tallies, savedByteSeconds, signals: workload.signals() };
      }
    },
    providers: () => supervisor.providers(),
    configReloads: settings.reloads,
    health: () => deps.health.monitor.views(),
    notices: () => deps.health.notifier.receivers(),
  };
}
