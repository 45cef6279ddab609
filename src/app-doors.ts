import { createServer, type Server } from "node:http";
import { createAdmin } from "./app-admin.ts";
import type { ControlOptions } from "./app-control.ts";
import type { Control } from "./control/control.ts";
import { gatewayPaths } from "./control/gateway-names.ts";
import { createLateControl } from "./control/late-control.ts";
import { formatConfigError } from "./config/load.ts";
import { createExams } from "./core/exams.ts";
import type { InFlight } from "./core/in-flight.ts";
import { createWaiterBudget } from "./core/waiter-budget.ts";
import { createGate } from "./engine/gate.ts";
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

export interface DoorDeps extends ControlOptions {
  readonly inFlight: InFlight;
  readonly dialed: Dialed;
  readonly accessLogs: AccessLogs;
  /** Text of a file; may throw. */
  readonly readFile: (path: string) => string;
  /** Calls back when a file has become another. */
  readonly watch: (path: string, onChange: () => void) => { close(): void };
}

/** Longer than any proxy keeps an idle connection (Caddy 120 s): else it may send into one we are closing. */
const keepAliveMs = 180_000;

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
  const access = createAdmin(deps);
  const startedAt = clock.now();
  const control = createLateControl(async () => {
    const { openControl } = await import("./app-control.ts");
    return openControl(deps, {
      hook,
      traefik,
      certificates,
      exams,
      access,
      startedAt,
      closedPorts: () => closedPorts(),
    });
  }, logger);
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
