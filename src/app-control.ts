import type { AppOptions } from "./app.ts";
import type { Admin } from "./app-admin.ts";
import { createGuestFinder } from "./app-guests.ts";
import { type Health, originsOf } from "./app-health.ts";
import type { OwnProxy } from "./app-late-proxy.ts";
import type { AppPages } from "./app-pages.ts";
import type { Settings } from "./app-settings.ts";
import { type Control, createControl } from "./control/control.ts";
import type { ControlDeps } from "./control/deps.ts";
import type { Exams } from "./core/exams.ts";
import type { Journal } from "./core/journal.ts";
import type { Provider } from "./core/provider.ts";
import type { Route } from "./core/route.ts";
import type { Store } from "./core/store.ts";
import { savedByteMsAt } from "./core/tallies.ts";
import type { Supervisor } from "./engine/supervisor.ts";
import type { Hook } from "./hook/hook.ts";
import { createMetrics } from "./telemetry/metrics.ts";
import type { ConfigDoor } from "./traefik/config-door.ts";

/** What it shows and asks. */
export interface ControlOptions extends Pick<
  AppOptions,
  "clock" | "logger" | "dashboard" | "version" | "configSchema"
> {
  readonly settings: Settings;
  readonly supervisor: Supervisor;
  readonly journal: Journal;
  readonly store: Store;
  readonly health: Health;
  readonly pages: AppPages;
  /** The providers there are now. */
  readonly providers: () => readonly Provider[];
}

/** What the other doors and the app have for it. */
export interface ControlParts {
  readonly hook: Hook;
  readonly traefik: ConfigDoor;
  readonly ownProxy: Pick<OwnProxy, "problems" | "missing">;
  readonly exams: Exams;
  readonly access: Admin;
  /** Of the clock. */
  readonly startedAt: number;
}

/** `/readyz` stops waiting for engines that do not answer. */
const firstLookMs = 5_000;

/** API, dashboard, health and metrics. Their libraries are read with this file: import it when somebody asks for them. */
export function openControl(deps: ControlOptions, parts: ControlParts): Control {
  return createControl(controlDeps(deps, parts));
}

function controlDeps(
  deps: ControlOptions,
  { hook, traefik, ownProxy, exams, access, startedAt }: ControlParts,
): ControlDeps {
  const { clock, logger, settings, supervisor, version, configSchema } = deps;
  const { monitor, notifier } = deps.health;
  const guestOf = createGuestFinder(deps);
  const upstreamsOf = (route: Route): readonly string[] => originsOf(route, supervisor);
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
      ...ownProxy.problems().map(toProblem),
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
      const closed = ownProxy.missing();
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

function metricSources(deps: ControlOptions, hook: Hook): Parameters<typeof createMetrics>[0] {
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
