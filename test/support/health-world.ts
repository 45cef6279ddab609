import type { Notice } from "../../src/core/notices.ts";
import type { Failure } from "../../src/core/errors.ts";
import type { HealthStore } from "../../src/core/health-history.ts";
import type { HealthSpec, RouteSpec } from "../../src/core/spec.ts";
import type { StateName } from "../../src/core/state.ts";
import { createJournal } from "../../src/engine/journal.ts";
import { createRegistry, type Reachable } from "../../src/engine/registry.ts";
import type { CheckOptions, Finding } from "../../src/health/checks/check.ts";
import type { Subject } from "../../src/health/checks/checks.ts";
import { createHealthMonitor, type HealthMonitorDeps, type Retry } from "../../src/health/monitor.ts";
import { createMemoryHealthStore } from "../../src/store/health-memory.ts";
import { fakeClock } from "./fake-clock.ts";
import { recordingLogger } from "./logger.ts";
import { healthSpec, routeSpec, workloadSpec } from "./specs.ts";

export const pass: Finding = { outcome: { kind: "pass" }, detail: "200 OK" };
export const fail: Finding = { outcome: { kind: "fail" }, detail: "connection refused" };
export const error: Finding = { outcome: { kind: "error" }, detail: "host name not known" };

/** One check that was asked for. */
export interface AskedCheck extends CheckOptions {
  readonly address: string | null;
  readonly at: number;
}

export interface HealthWorldOptions extends Partial<Pick<HealthMonitorDeps, "targets">> {
  readonly store?: HealthStore;
  /** What checks find; default: they pass at once. */
  readonly answer?: (asked: AskedCheck) => Finding | Promise<Finding>;
}

/** A health monitor over real routes and fake workloads, in time that moves when told. */
export function healthWorld(options: HealthWorldOptions = {}) {
  const clock = fakeClock();
  const logger = recordingLogger();
  const journal = createJournal({ clock, logger });
  const routes = createRegistry();
  const store = options.store ?? createMemoryHealthStore();
  const notices: Notice[] = [];
  const asked: AskedCheck[] = [];
  const retries: Retry[] = [];
  const workloads = new Map<string, Reachable & { state: StateName }>();
  let answer = options.answer ?? (() => pass);
  let underWay = 0;
  let peak = 0;

  const check = (subject: Subject) => async (checkOptions: CheckOptions) => {
    const one = { ...checkOptions, address: subject.address, at: clock.now() };
    asked.push(one);
    peak = Math.max(peak, ++underWay);
    try {
      return await answer(one);
    } finally {
      underWay--;
    }
  };
  const monitor = createHealthMonitor({
    clock,
    logger,
    journal,
    store,
    routes,
    check,
    subject: (route, address) => ({ address, host: null, spec: route.spec.health }),
    notify: (notice) => void notices.push(notice),
    onRetry: (_route, retry) => void retries.push(retry),
    ...(options.targets === undefined ? {} : { targets: options.targets }),
  });

  return {
    clock,
    logger,
    journal,
    routes,
    store,
    notices,
    asked,
    retries,
    workloads,
    monitor,
    get peak() {
      return peak;
    },
    answerWith(next: (one: AskedCheck) => Finding | Promise<Finding>) {
      answer = next;
    },
    /** Makes these the routes; ones without a workload lead to `http://<alias>`. */
    use(...specs: readonly RouteSpec[]) {
      routes.replace(specs, (alias) => workloads.get(alias));
    },
    workload(alias: string, state: StateName, failure: Failure | null = null) {
      const spec = workloadSpec({ alias, displayName: `My ${alias}` });
      const handle = {
        spec,
        state,
        view: () => ({ failure }),
        origin: () => `http://${alias}:80`,
      };
      workloads.set(alias, handle as unknown as Reachable & { state: StateName });
    },
    /** The workload changes its state, and says so. */
    enter(alias: string, state: StateName, failure: Failure | null = null) {
      const handle = workloads.get(alias);
      if (handle === undefined) throw new Error(`no workload ${alias}`);
      Object.assign(handle, { state, view: () => ({ failure }) });
      journal.publish({ type: "state", alias, message: state, state });
    },
    status: (alias: string) => monitor.view(alias)?.status,
    told: () => notices.map(({ event, alias }) => `${event} ${alias}`),
  };
}

/** A route that never sleeps. */
export function door(alias: string, health: Partial<HealthSpec> = {}, rest: Partial<RouteSpec> = {}): RouteSpec {
  return routeSpec({
    alias,
    workload: null,
    upstream: { kind: "url", url: `http://${alias}` },
    health: healthSpec(health),
    ...rest,
  });
}

/** A route to the workload of the same name. */
export function sleeper(alias: string, health: Partial<HealthSpec> = {}): RouteSpec {
  return routeSpec({ alias, workload: alias, health: healthSpec(health) });
}
