import { createServer, type Server } from "node:http";
import { createAdmin } from "./app-admin.ts";
import type { ControlOptions } from "./app-control.ts";
import { createLateProxy, type OwnProxy } from "./app-late-proxy.ts";
import type { Control } from "./control/control.ts";
import { gatewayPaths } from "./control/gateway-names.ts";
import { createLateControl } from "./control/late-control.ts";
import { createExams } from "./core/exams.ts";
import type { InFlight } from "./core/in-flight.ts";
import { withLive } from "./core/live.ts";
import { createWaiterBudget } from "./core/waiter-budget.ts";
import { createGate } from "./engine/gate.ts";
import { createTraefik } from "./app-traefik.ts";
import { createHook, type Hook } from "./hook/hook.ts";
import type { ConfigDoor } from "./traefik/config-door.ts";
import type { Dialed } from "./net/dialed.ts";
import { HookMessage } from "./hook/hook-message.ts";
import { addressMatcher } from "./net/trust.ts";
import type { ProxyDeps } from "./proxy/proxy.ts";
import type { AccessLogs } from "./telemetry/access-log.ts";

/** Everything requests come in by. */
export interface Doors {
  /** Hook, page channel, API: `listen.hook`. */
  readonly server: Server;
  readonly hook: Hook;
  readonly control: Control;
  readonly ownProxy: OwnProxy;
  /** `/traefik/config`, at the hook's address. */
  readonly traefik: ConfigDoor;
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
  const { clock, logger, settings, supervisor, journal, pages } = deps;
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
  const access = createAdmin(deps);
  const startedAt = clock.now();
  const control = createLateControl(async () => {
    const { openControl } = await import("./app-control.ts");
    return openControl(deps, { hook, traefik, ownProxy, exams, access, startedAt });
  }, logger);
  const server = createServer({ keepAliveTimeout: keepAliveMs, IncomingMessage: HookMessage }, (req, res) => {
    if (!hook.serve(req, res) && !traefik.serve(req, res)) control.serve(req, res);
  });
  const { inFlight, dialed, readFile, watch } = deps;
  const shared = withLive(live, { registry, gate, clock, logger, inFlight, reserved: hook.reserved, dialed, exams });
  const load = async (): Promise<OwnProxy> => {
    const { createOwnProxy } = await import("./app-own-proxy.ts");
    const names = toNameDoor(hook, control);
    return createOwnProxy({ shared, names, admits: hook.admits, addresses, journal, readFile, watch });
  };
  const ownProxy = createLateProxy({ addresses, registry, load });
  return { server, hook, traefik, control, ownProxy };
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
