import type { Clock } from "./core/clock.ts";
import type { Journal } from "./core/journal.ts";
import type { Prober } from "./core/prober.ts";
import type { Route } from "./core/route.ts";
import type { Supervisor } from "./engine/supervisor.ts";
import type { Dialed } from "./net/dialed.ts";
import { createChecks, type Subject } from "./health/checks/checks.ts";
import { createHealthMonitor, type HealthMonitor } from "./health/monitor.ts";
import { noticeFromJournal } from "./notify/from-journal.ts";
import { createNotifier, type Notifier } from "./notify/notifier.ts";
import type { Samples } from "./signals/samples.ts";
import { openHealthStore } from "./store/open-health-store.ts";
import type { RootLogger } from "./telemetry/logger.ts";

/** Who watches, and who is told. */
export interface Health {
  readonly monitor: HealthMonitor;
  readonly notifier: Notifier;
  /** Whether an upstream of a route with several may be given traffic; yes where nobody knows. Asked per request. */
  mayCarry(alias: string, origin: string): boolean;
  /** Ends the checks under way, then what is to be sent. */
  close(): Promise<void>;
}

export interface HealthDeps {
  readonly clock: Clock;
  readonly logger: RootLogger;
  readonly journal: Journal;
  readonly prober: Prober;
  readonly supervisor: Supervisor;
  /** Told of our own connections and questions: they are no use of the workload. */
  readonly dialed: Dialed;
  readonly samples: Pick<Samples, "probed">;
  readonly stateDir: string;
  /** `public_url` of the running configuration. */
  readonly publicUrl: () => string | null;
}

export function createHealth({ supervisor, samples, stateDir, publicUrl, ...deps }: HealthDeps): Health {
  const { journal } = deps;
  const store = openHealthStore({ ...deps, stateDir });
  const notifier = createNotifier({ ...deps, link: publicUrl });
  const end = noticeFromJournal({
    journal,
    notify: notifier.notify,
    nameOf: (alias) => supervisor.workload(alias)?.spec.displayName ?? alias,
    pairs: store,
  });
  const monitor = createHealthMonitor({
    ...deps,
    store,
    routes: supervisor.registry,
    check: createChecks(deps),
    subject: (route, address) => toSubject(route, address, supervisor),
    notify: notifier.notify,
    onRetry: ({ spec }, { attempt, delayMs, detail }) =>
      deps.logger.warn("checking again after the wake", { alias: spec.alias, attempt, in_ms: delayMs, detail }),
    asking: (route) => tellProbed(route, supervisor, samples),
    targets: (route) => originsOf(route, supervisor),
  });
  const carrying = new Map<string, ReadonlySet<string>>();
  const endCarrying = monitor.onHealthyTargets((alias, healthy) => {
    // Where none is healthy, all take turns: one that is called unhealthy is still better than nothing.
    if (healthy.length === 0) carrying.delete(alias);
    else carrying.set(alias, new Set(healthy));
  });
  return {
    monitor,
    notifier,
    mayCarry: (alias, origin) => carrying.get(alias)?.has(origin) ?? true,
    async close() {
      await monitor.stop();
      endCarrying();
      end();
      notifier.close();
      await store.close();
    },
  };
}

/** A route to an address of its own says nothing about the workload, nor the workload's engine about it. */
function toSubject({ spec }: Route, address: string | null, supervisor: Supervisor): Subject {
  const { workload, health, hostHeader, hosts, upstream, upstreams, files } = spec;
  const host = hostHeader ?? hosts.find((each) => !each.includes("*")) ?? null;
  if (files !== undefined) return { address, host, spec: health, root: files.root };
  if (workload === null || upstream?.kind === "url" || upstreams !== undefined) return { address, host, spec: health };
  return { address, host, spec: health, engineHealth: () => supervisor.engineHealth(workload) };
}

/** Every upstream of several, every member of a group, else the one there is; does not take anybody's turn. */
export function originsOf(route: Route, supervisor: Supervisor): readonly string[] {
  const { workload, upstream, upstreams } = route.spec;
  if (upstreams !== undefined) return upstreams.map(({ url }) => url);
  const members = workload === null || upstream !== null ? [] : supervisor.workload(workload)?.memberOrigins();
  if (members !== undefined && members.length > 0) return members;
  const origin = route.upstream();
  return origin === null ? [] : [origin];
}

/** What a check moves is not taken for traffic of somebody else. */
function tellProbed({ spec }: Route, supervisor: Supervisor, samples: Pick<Samples, "probed">): void {
  const workload = spec.workload === null ? undefined : supervisor.workload(spec.workload);
  if (workload === undefined) return;
  samples.probed(workload);
  for (const member of workload.spec.members) {
    const asked = supervisor.workload(member);
    if (asked !== undefined) samples.probed(asked);
  }
}
