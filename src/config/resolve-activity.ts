import type { ActivitySpec, BusyProbeSpec, StatusRanges } from "../core/spec.ts";
import type { Report } from "./findings.ts";
import type { WorkloadKeys } from "./schema-workload.ts";

type ActivityKeys = NonNullable<WorkloadKeys["activity"]>;
type ProbeKeys = NonNullable<ActivityKeys["probe"]>;

/** `own` on top of `base`, signal by signal. A probe is one thing: the own one replaces the other. */
export function mergeActivity(base: ActivityKeys, own: ActivityKeys): ActivityKeys {
  const merged = { ...base, ...own };
  if (base.connections && own.connections) merged.connections = { ...base.connections, ...own.connections };
  if (base.network && own.network) merged.network = { ...base.network, ...own.network };
  if (base.cpu && own.cpu) merged.cpu = { ...base.cpu, ...own.cpu };
  return merged;
}

/** What counts as use; everything but the probe does unless the keys say otherwise. */
export function toActivity(keys: ActivityKeys = {}): ActivitySpec {
  const { connections = {}, network = {}, cpu = {} } = keys;
  return {
    connections:
      connections === false
        ? null
        : { required: connections.required ?? false, staleAfterMs: connections.stale_after ?? null },
    network: network === false ? null : { required: network.required ?? false, floorBytesPerS: network.floor ?? 256 },
    cpu: cpu === false ? null : { required: cpu.required ?? false, floorPercent: toPercent(cpu.floor ?? 0.05) },
    execSessions: keys.exec_sessions ?? true,
    probe: keys.probe === undefined ? null : toProbe(keys.probe),
  };
}

/** 7 behind the fraction 0.07, which times 100 would be a little more. */
function toPercent(fraction: number): number {
  return Math.round(fraction * 1e6) / 1e4;
}

const successes: StatusRanges = [[200, 299]];

function toProbe(keys: ProbeKeys): BusyProbeSpec {
  if (keys.exec !== undefined) return { kind: "exec", command: keys.exec };
  const { http = "/", json = null, match = null } = keys;
  return {
    kind: "http",
    path: http,
    status: json === null && match === null ? (keys.status ?? successes) : null,
    json,
    idleValue: keys.not ?? null,
    pattern: match,
  };
}

const answers = ["status", "json", "match"] as const;

/** What the keys about activity in one place must agree on. */
export function checkActivity({ activity: { probe } = {} }: WorkloadKeys, report: Report): void {
  if (probe === undefined) return;
  const here: Report = (path, message) => report(["activity", "probe", ...path], message);
  if (probe.http === undefined && probe.exec === undefined) here([], `needs "http" or "exec"`);
  if (probe.exec !== undefined) checkExec(probe, probe.exec, here);
  const [first, second] = answers.filter((key) => probe[key] !== undefined);
  if (second !== undefined) here([second], `give either "${first}" or "${second}": one of them says busy`);
  if (probe.json !== undefined && probe.not === undefined)
    here(["json"], `needs "not": what it shows while nothing goes on`);
  if (probe.not !== undefined && probe.json === undefined) here(["not"], `needs "json": where the value stands`);
}

function checkExec(probe: ProbeKeys, [program]: readonly string[], report: Report): void {
  if (program === undefined || program === "") report(["exec"], "must not be empty");
  for (const key of ["http", "not", ...answers] as const)
    if (probe[key] !== undefined) report([key], `give either "exec" or "${key}"`);
}
