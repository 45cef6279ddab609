import { decisionNames } from "../../src/core/route.ts";
import type { DecisionCounts } from "../../src/core/route.ts";
import { createBuckets, createTallies, hookBoundsS, recordSleep, recordWake } from "../../src/core/tallies.ts";
import type { MetricSources } from "../../src/telemetry/families.ts";

/** Signals a container has when everything can be read. */
const signals = ["requests", "proxy", "connections", "network", "cpu", "exec_sessions"];
/** What nearly every route has seen after a while. */
const usual: ReadonlySet<string> = new Set(["allow", "hold_allow", "page", "asleep", "reserved"]);

/** So many routes, each with a workload of its own, all of them used for a while: the most series there will be. */
export function busySources(size: number): MetricSources {
  const aliases = Array.from({ length: size }, (_, place) => `preview-${String(place).padStart(5, "0")}`);
  const decisions = Object.fromEntries(decisionNames.map((name) => [name, usual.has(name) ? 12 : 0])) as DecisionCounts;
  const tallies = createTallies(0);
  recordWake(tallies, "ok", 2_000);
  recordSleep(tallies, "stop", "ok");
  return {
    now: () => 1_000_000,
    routes: () => aliases.map((alias) => ({ spec: { alias }, decisions, inFlight: 0, workload: { waiting: 0 } })),
    unknownHost: () => ({ allow: 1 }),
    hookSeconds: createBuckets(hookBoundsS),
    workloads: () =>
      aliases.map((alias) => ({
        alias,
        state: "napping" as const,
        tallies,
        savedByteSeconds: 1.5e12,
        signals: signals.map((name) => ({ name, live: true })),
      })),
    providers: () => [{ name: "local", connected: true }],
    configReloads: { ok: 1, failed: 0 },
    health: () =>
      aliases.map((alias) => ({
        alias,
        view: { status: "healthy" as const, latencyMs: 3.2, consecutiveFailures: 0, uptimeMs: 3_600_000 },
      })),
    notices: () => [{ sender: "ops", counts: { ok: 1, failed: 0 } }],
  };
}
