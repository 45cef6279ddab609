import type { HealthView } from "../core/health.ts";
import { decisionNames } from "../core/route.ts";
import { results, timesAt } from "../core/tallies.ts";
import { stateNames } from "../core/state.ts";
import type { DecisionCounts } from "../core/route.ts";
import type { Buckets, ResultCounts, Tallies } from "../core/tallies.ts";
import type { StateName } from "../core/state.ts";

/** A workload at scrape time. */
export interface WorkloadSource {
  readonly alias: string;
  readonly state: StateName;
  readonly tallies: Tallies;
  /** Memory its sleeps have left free, times how long, up to now: it grows while the workload sleeps. */
  readonly savedByteSeconds: number;
  readonly signals: Iterable<{ readonly name: string; readonly live: boolean }>;
}

/** A route at scrape time: any `Route` will do. */
export interface RouteSource {
  readonly spec: { readonly alias: string };
  readonly decisions: Readonly<DecisionCounts>;
  readonly inFlight: number;
  readonly workload: { readonly waiting: number } | null;
}

/** Where the numbers are. Read at scrape time only; what is no longer there vanishes from the output. */
export interface MetricSources {
  /** The clock's monotonic ms. */
  now(): number;
  routes(): Iterable<RouteSource>;
  /** Decisions about requests that found no route. */
  unknownHost(): Readonly<Partial<DecisionCounts>>;
  /** Time the hook took to answer, holding included. */
  readonly hookSeconds: Buckets;
  workloads(): Iterable<WorkloadSource>;
  providers(): Iterable<{ readonly name: string; readonly connected: boolean }>;
  readonly configReloads: ResultCounts;
  health(): Iterable<HealthSource>;
  notices(): Iterable<{ readonly sender: string; readonly counts: ResultCounts }>;
}

/** The health of a route at scrape time. */
export interface HealthSource {
  readonly alias: string;
  readonly view: Pick<HealthView, "status" | "latencyMs" | "consecutiveFailures" | "uptimeMs">;
}

/** One line of output. Labels only from config. */
export interface Sample {
  /** With the suffix of a histogram's parts; absent = the family's name. */
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One metric of contract.md "Metrics". */
export interface Family {
  readonly name: string;
  /** Of every sample, in this order; histograms have \`le\` besides. */
  readonly labels: readonly string[];
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  collect(): Iterable<Sample>;
}

/** Every metric nodoff has of its own, in the order of contract.md. */
export function createFamilies(sources: MetricSources): readonly Family[] {
  return [
    ...hookFamilies(sources),
    ...workloadFamilies(sources),
    ...routeFamilies(sources),
    ...healthFamilies(sources),
    ...otherFamilies(sources),
  ];
}

function hookFamilies(sources: MetricSources): Family[] {
  return [
    {
      name: "nodoff_hook_decisions_total",
      labels: ["route", "decision"],
      help: "Answers to requests at the hook and our own proxy. route is empty for unknown hosts; a decision never taken has no line.",
      type: "counter",
      *collect() {
        yield* decisionSamples("", sources.unknownHost());
        for (const route of sources.routes()) yield* decisionSamples(route.spec.alias, route.decisions);
      },
    },
    {
      name: "nodoff_hook_seconds",
      labels: [],
      help: "Time the hook took to answer, holding included.",
      type: "histogram",
      collect: () => histogramSamples("nodoff_hook_seconds", {}, sources.hookSeconds),
    },
  ];
}

/** A decision never taken has no line: 11 lines for each of 10,000 routes would be 8 MB per scrape. */
function* decisionSamples(route: string, decisions: Partial<DecisionCounts>): Iterable<Sample> {
  for (const decision of decisionNames) {
    const value = decisions[decision] ?? 0;
    if (value > 0) yield { labels: { route, decision }, value };
  }
}

function workloadFamilies(sources: MetricSources): Family[] {
  return [
    {
      name: "nodoff_workload_state",
      labels: ["workload", "state"],
      help: "1 for the state the workload is in, 0 for the others.",
      type: "gauge",
      *collect() {
        for (const { alias: workload, state } of sources.workloads())
          for (const name of stateNames) yield { labels: { workload, state: name }, value: name === state ? 1 : 0 };
      },
    },
    {
      name: "nodoff_wakes_total",
      labels: ["workload", "result"],
      help: "Wakes that ended.",
      type: "counter",
      *collect() {
        for (const { alias: workload, tallies } of sources.workloads())
          yield* resultSamples({ workload }, tallies.wakes ?? { ok: 0, failed: 0 });
      },
    },
    {
      name: "nodoff_wake_seconds",
      labels: ["workload"],
      help: "Time from the wake to ready. Appears with the first wake that got ready.",
      type: "histogram",
      *collect() {
        for (const { alias: workload, tallies } of sources.workloads())
          if (tallies.wakeBuckets !== null)
            yield* histogramSamples("nodoff_wake_seconds", { workload }, tallies.wakeBuckets);
      },
    },
    {
      name: "nodoff_sleeps_total",
      labels: ["workload", "method", "result"],
      help: "Stops, pauses and kills by nodoff.",
      type: "counter",
      *collect() {
        for (const { alias: workload, tallies } of sources.workloads())
          for (const [method, counts] of Object.entries(tallies.sleeps ?? {}))
            yield* resultSamples({ workload, method }, counts);
      },
    },
    timeFamily(sources, "awake"),
    timeFamily(sources, "asleep"),
    {
      name: "nodoff_saved_memory_byte_seconds_total",
      labels: ["workload"],
      help: "Memory it used when it went to sleep, times how long it slept while nodoff looked. Sleep that frees no memory (a pause) and memory the engine does not tell add nothing; in a dry run what would have been saved.",
      type: "counter",
      *collect() {
        for (const { alias: workload, savedByteSeconds } of sources.workloads())
          yield { labels: { workload }, value: savedByteSeconds };
      },
    },
  ];
}

function timeFamily(sources: MetricSources, power: "awake" | "asleep"): Family {
  return {
    name: `nodoff_${power}_seconds_total`,
    labels: ["workload"],
    help: power === "awake" ? "Time the engine ran it, while nodoff looked." : "Time it napped, while nodoff looked.",
    type: "counter",
    *collect() {
      const now = sources.now();
      for (const { alias: workload, tallies } of sources.workloads()) {
        const times = timesAt(tallies, now);
        yield { labels: { workload }, value: (power === "awake" ? times.awakeMs : times.asleepMs) / 1000 };
      }
    },
  };
}

function routeFamilies(sources: MetricSources): Family[] {
  return [
    {
      name: "nodoff_in_flight",
      labels: ["route"],
      help: "Requests, sockets and streams our own proxy carries now.",
      type: "gauge",
      *collect() {
        for (const route of sources.routes()) yield { labels: { route: route.spec.alias }, value: route.inFlight };
      },
    },
    {
      name: "nodoff_waiters",
      labels: ["route"],
      help: "Callers waiting for the route's workload; routes of one workload show the same number.",
      type: "gauge",
      *collect() {
        for (const route of sources.routes())
          yield { labels: { route: route.spec.alias }, value: route.workload?.waiting ?? 0 };
      },
    },
  ];
}

function healthFamilies(sources: MetricSources): Family[] {
  const gauge = (name: string, help: string, valueOf: (view: HealthSource["view"]) => number | null): Family => ({
    name,
    labels: ["route"],
    help,
    type: "gauge",
    *collect() {
      for (const { alias: route, view } of sources.health()) {
        const value = valueOf(view);
        if (value !== null) yield { labels: { route }, value };
      }
    },
  });
  return [
    {
      name: "nodoff_health_status",
      labels: ["route", "status"],
      help: "1 for the status the route is in; the others have no line.",
      type: "gauge",
      *collect() {
        for (const { alias: route, view } of sources.health())
          yield { labels: { route, status: view.status }, value: 1 };
      },
    },
    gauge("nodoff_health_latency_seconds", "Time the latest check took.", ({ latencyMs }) => toSeconds(latencyMs)),
    gauge(
      "nodoff_health_consecutive_failures",
      "Checks that failed or could not be made, in a row.",
      ({ consecutiveFailures }) => consecutiveFailures,
    ),
    gauge("nodoff_health_uptime_seconds", "Time it has been healthy without a break.", ({ uptimeMs }) =>
      toSeconds(uptimeMs),
    ),
  ];
}

function toSeconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1_000;
}

function otherFamilies(sources: MetricSources): Family[] {
  return [
    {
      name: "nodoff_provider_connected",
      labels: ["provider"],
      help: "1 while the link to the engine is up.",
      type: "gauge",
      *collect() {
        for (const { name, connected } of sources.providers())
          yield { labels: { provider: name }, value: connected ? 1 : 0 };
      },
    },
    {
      name: "nodoff_signal_live",
      labels: ["workload", "signal"],
      help: "1 while the activity signal can be read, 0 while it cannot. A signal that does not look at the workload has no line.",
      type: "gauge",
      *collect() {
        for (const { alias: workload, signals } of sources.workloads())
          for (const { name, live } of signals) yield { labels: { workload, signal: name }, value: live ? 1 : 0 };
      },
    },
    {
      name: "nodoff_notices_total",
      labels: ["sender", "result"],
      help: "Notices a receiver took, or that were given up.",
      type: "counter",
      *collect() {
        for (const { sender, counts } of sources.notices()) yield* resultSamples({ sender }, counts);
      },
    },
    {
      name: "nodoff_config_reloads_total",
      labels: ["result"],
      help: "Reloads of the configuration after the start.",
      type: "counter",
      collect: () => resultSamples({}, sources.configReloads),
    },
  ];
}

function* resultSamples(labels: Readonly<Record<string, string>>, counts: ResultCounts): Iterable<Sample> {
  for (const result of results) yield { labels: { ...labels, result }, value: counts[result] };
}

/** Prometheus wants buckets cumulative, ours are not. */
function* histogramSamples(name: string, labels: Readonly<Record<string, string>>, buckets: Buckets): Iterable<Sample> {
  let count = 0;
  for (const [place, own] of buckets.counts.entries()) {
    count += own;
    const bound = buckets.boundsS[place];
    yield {
      metricName: `${name}_bucket`,
      labels: { ...labels, le: bound === undefined ? "+Inf" : String(bound) },
      value: count,
    };
  }
  yield { metricName: `${name}_sum`, labels, value: buckets.sumS };
  yield { metricName: `${name}_count`, labels, value: count };
}
