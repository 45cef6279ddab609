import type { DoorSpec, LoadingSpec, ReadySpec, UpstreamSpec, WorkloadSpec } from "../core/spec.ts";
import type { Report } from "./findings.ts";
import { checkActivity, mergeActivity, toActivity } from "./resolve-activity.ts";
import { mergeHealth } from "./resolve-health.ts";
import { checkSleep, toSleep } from "./resolve-sleep.ts";
import type { DoorKeys, WorkloadKeys } from "./schema-workload.ts";

/** Which workload the keys belong to. */
export type Identity = Pick<WorkloadSpec, "alias" | "provider" | "kind" | "ref" | "source" | "followsDependants"> &
  Partial<Pick<WorkloadSpec, "members" | "memberWeights">>;

const minute = 60_000;
const none: readonly never[] = [];

/**
 * `own` on top of `base`. Maps are merged key by key; `no_wake` and `no_count` add up, every other list replaces. The
 * own address replaces the base's, whichever of `port` and `upstream` it is, and so does the own way to sleep: `tiers`,
 * or `idle_timeout` and `stop_method`.
 */
export function mergeKeys<T extends WorkloadKeys>(base: WorkloadKeys, own: T): T & WorkloadKeys {
  const merged: T & WorkloadKeys = { ...base, ...own };
  if (own.upstream !== undefined && own.port === undefined) delete merged.port;
  if (base.ready && own.ready) merged.ready = { ...base.ready, ...own.ready };
  if (base.loading && own.loading) merged.loading = { ...base.loading, ...own.loading };
  if (own.tiers !== undefined) {
    if (own.idle_timeout === undefined) delete merged.idle_timeout;
    if (own.stop_method === undefined) delete merged.stop_method;
  } else if (own.idle_timeout !== undefined || own.stop_method !== undefined) delete merged.tiers;
  if (base.limits && own.limits) merged.limits = { ...base.limits, ...own.limits };
  if (base.activity && own.activity) merged.activity = mergeActivity(base.activity, own.activity);
  if (base.schedule && own.schedule) merged.schedule = { ...base.schedule, ...own.schedule };
  merged.health = mergeHealth(base.health, own.health);
  if (base.no_wake && own.no_wake) merged.no_wake = [...base.no_wake, ...own.no_wake];
  if (base.no_count && own.no_count) merged.no_count = [...base.no_count, ...own.no_count];
  return merged;
}

/** A workload with every default filled in. */
export function toWorkloadSpec(identity: Identity, keys: WorkloadKeys, upstream: UpstreamSpec | null): WorkloadSpec {
  return {
    members: none,
    ...identity,
    displayName: keys.display_name ?? identity.alias,
    upstream,
    ready: toReady(keys.ready),
    ...toSleep(keys),
    wakeTimeoutMs: keys.wake_timeout ?? 2 * minute,
    stopSignal: keys.stop_signal ?? null,
    stopTimeoutMs: keys.stop_timeout ?? null,
    loading: toLoading(keys.loading),
    showDetails: keys.show_details ?? false,
    sleeps: true,
    dependsOn: keys.depends_on ?? none,
    dependsOnSleep: keys.depends_on_sleep ?? false,
    wakeMembers: keys.wake ?? "all",
    activity: toActivity(keys.activity),
    dryRun: keys.dry_run ?? false,
  };
}

function toReady(ready: WorkloadKeys["ready"] = {}): ReadySpec {
  return {
    http: ready.http ?? null,
    status: ready.status ?? [[200, 399]],
    tcp: ready.tcp ?? null,
    engineHealth: ready.engine_health ?? false,
    log: ready.log ?? null,
    delayMs: ready.delay ?? 0,
  };
}

function toLoading(loading: WorkloadKeys["loading"] = {}): LoadingSpec {
  return {
    theme: loading.theme ?? "default",
    title: loading.title ?? null,
    icon: loading.icon ?? null,
    showLogs: loading.show_logs ?? false,
    logLines: loading.log_lines ?? 30,
    redirectPath: loading.redirect_path ?? null,
  };
}

/** Where the workload answers by its own keys; null where nothing says that anybody talks to it. */
export function toUpstream(keys: WorkloadKeys, hasDoors: boolean): UpstreamSpec | null {
  if (keys.upstream !== undefined) return { kind: "url", url: keys.upstream };
  if (keys.port !== undefined) return { kind: "port", port: keys.port, scheme: "http" };
  if (hasDoors || isAsked(keys)) return { kind: "port", port: null, scheme: "http" };
  const tcp = keys.ready?.tcp;
  return tcp === undefined ? null : { kind: "port", port: tcp, scheme: "http" };
}

/**
 * Whether nobody but what depends on it can come to it, and its own keys (not the defaults) do not say when it sleeps.
 */
export function isFollower(own: WorkloadKeys, keys: WorkloadKeys, hasDoors: boolean): boolean {
  return !hasDoors && own.idle_timeout === undefined && own.tiers === undefined && keys.exclude !== true;
}

/** Whether nodoff itself asks it something over HTTP. */
export function isAsked({ ready, activity }: WorkloadKeys): boolean {
  return ready?.http !== undefined || activity?.probe?.http !== undefined;
}

/** What one door does. `handOver` is what `auto` means there; `auto` itself: it depends on the proxy. */
export function toDoorSpec(
  keys: DoorKeys & Pick<WorkloadKeys, "activity">,
  handOver: DoorSpec["handOver"] = "url",
): DoorSpec {
  const chosen = keys.hand_over ?? "auto";
  const noCount = (keys.no_count ?? []).map(toMatch);
  return {
    strategy: keys.strategy ?? "auto",
    holdMs: keys.hold ?? 25_000,
    graceMs: keys.grace ?? 400,
    handOver: chosen === "auto" ? handOver : chosen,
    startEndpoint: keys.start_endpoint ?? null,
    wakeOn: (keys.wake_on ?? []).map(toMatch),
    noWake: (keys.no_wake ?? []).map(toMatch),
    // With `activity.requests: false` no request counts; they still wake.
    noCount: keys.activity?.requests === false ? [...noCount, { path: "*" }] : noCount,
    noWakeDefaults: keys.no_wake_defaults ?? true,
    asleepAnswer: keys.asleep_answer
      ? { status: keys.asleep_answer.status ?? 200, body: keys.asleep_answer.body ?? "" }
      : null,
    wakeQuota: keys.wake_quota ?? null,
  };
}

type MatchKeys = NonNullable<DoorKeys["no_wake"]>[number];

function toMatch(keys: MatchKeys): DoorSpec["noWake"][number] {
  return {
    ...(keys.path !== undefined && { path: keys.path }),
    ...(keys.methods !== undefined && { methods: keys.methods }),
    ...(keys.client !== undefined && { client: keys.client }),
    ...(keys.user_agent !== undefined && { userAgent: keys.user_agent }),
  };
}

/** The hosts of `host` and `hosts`, each once. */
export function toHosts(keys: Pick<WorkloadKeys, "host" | "hosts">): readonly string[] {
  return [...new Set([...(keys.host ?? []), ...(keys.hosts ?? [])])];
}

/** Whether the workload's own keys describe a door. */
export function hasDoor(keys: Pick<WorkloadKeys, "host" | "hosts" | "listen">): boolean {
  return keys.listen !== undefined || toHosts(keys).length > 0;
}

const lists = ["wake_on", "no_wake", "no_count"] as const;

/** What a door's keys must agree on; `path` is the prefix of the door's route. */
export function checkDoor(
  keys: DoorKeys & { path?: string | undefined },
  publicUrl: string | null,
  report: Report,
): void {
  if (keys.strategy === "redirect" && publicUrl === null) report(["strategy"], `"redirect" needs public_url`);
  for (const list of lists) {
    for (const [index, match] of (keys[list] ?? []).entries())
      if (Object.keys(toMatch(match)).length === 0)
        report([list, index], "needs one of path, methods, client, user_agent");
  }
  const { start_endpoint: start, path = "/" } = keys;
  if (start !== undefined && path !== "/" && start !== path && !start.startsWith(`${path}/`))
    report(["start_endpoint"], `"${start}" is outside of path "${path}": nothing could wake it`);
}

/** What a workload's own keys must agree on; `methods` are the stop methods its kind has. */
export function checkKeys(keys: WorkloadKeys, methods: readonly string[], report: Report): void {
  if (keys.upstream !== undefined && keys.port !== undefined) report(["port"], `give either "port" or "upstream"`);
  checkSleep(keys, methods, report);
  checkActivity(keys, report);
  if (keys.upstream?.startsWith("tcp:") === true && hasDoor(keys))
    report(["upstream"], "a workload with a host needs an http, https or h2c upstream");
  if (keys.path !== undefined && !hasDoor(keys)) report(["path"], `needs "host"`);
}
