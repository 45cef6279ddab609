import type { ActivitySpec, DoorSpec, HealthSpec, RouteSpec, WorkloadSpec } from "../../src/core/spec.ts";

/** What counts as use by contract.md's defaults. */
export function activitySpec(overrides: Partial<ActivitySpec> = {}): ActivitySpec {
  return {
    connections: { required: false, staleAfterMs: null },
    network: { required: false, floorBytesPerS: 256 },
    cpu: { required: false, floorPercent: 5 },
    execSessions: true,
    probe: null,
    ...overrides,
  };
}

/** A workload with contract.md's defaults; tests name only what they are about. */
export function workloadSpec(overrides: Partial<WorkloadSpec> = {}): WorkloadSpec {
  const alias = overrides.alias ?? "app";
  return {
    alias,
    displayName: alias,
    provider: "local",
    kind: "container",
    ref: alias,
    source: "file",
    upstream: { kind: "port", port: 8080, scheme: "http" },
    ready: { http: null, status: [[200, 399]], tcp: null, engineHealth: false, log: null, delayMs: 0 },
    idleTimeoutMs: 15 * 60_000,
    wakeTimeoutMs: 120_000,
    minAwakeMs: 30_000,
    stopMethod: "stop",
    stopSignal: null,
    stopTimeoutMs: null,
    loading: { theme: "default", title: null, icon: null, showLogs: false, logLines: 30, redirectPath: null },
    showDetails: false,
    deeper: [],
    sleeps: true,
    followsDependants: false,
    dependsOn: [],
    dependsOnSleep: false,
    members: [],
    wakeMembers: "all",
    activity: activitySpec(),
    schedule: null,
    dryRun: false,
    ...overrides,
  };
}

export function doorSpec(overrides: Partial<DoorSpec> = {}): DoorSpec {
  return {
    strategy: "auto",
    holdMs: 25_000,
    graceMs: 400,
    handOver: "url",
    startEndpoint: null,
    wakeOn: [],
    noWake: [],
    noCount: [],
    noWakeDefaults: true,
    asleepAnswer: null,
    wakeQuota: null,
    ...overrides,
  };
}

export function healthSpec(overrides: Partial<HealthSpec> = {}): HealthSpec {
  return {
    intervalMs: 30_000,
    timeoutMs: 10_000,
    method: "GET",
    path: "/",
    status: [[200, 499]],
    body: null,
    headers: {},
    tlsVerify: true,
    retries: 3,
    fall: 3,
    rise: 1,
    startGraceMs: 10_000,
    retry: { max: 5, initialMs: 500, capMs: 8_000 },
    disabled: false,
    ...overrides,
  };
}

export function routeSpec(overrides: Partial<RouteSpec> = {}): RouteSpec {
  const alias = overrides.alias ?? "app";
  return {
    alias,
    kind: "http",
    source: "file",
    hosts: [`${alias}.test`],
    path: "/",
    stripPath: false,
    workload: alias,
    upstream: null,
    door: doorSpec(),
    served: true,
    tlsVerify: true,
    hostHeader: null,
    excluded: false,
    health: healthSpec(),
    ...overrides,
  };
}
