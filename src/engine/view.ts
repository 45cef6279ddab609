import type { Reason } from "../core/verdict.ts";
import type { Need, WorkloadView } from "../core/workload-handle.ts";
import { isMetSince } from "./dependencies.ts";
import { judge } from "./looking.ts";
import { estimateMs } from "./waking.ts";
import type { Unit } from "./workload-parts.ts";

const none: readonly Need[] = [];

/** A workload at this moment, for people. Asks nobody: what signals have to ask for is as old as the last look. */
export function viewOf(unit: Unit): WorkloadView {
  const { phase, watch, deps } = unit;
  const runs = phase.name === "ready" || (phase.name === "error" && phase.running);
  const outlook = runs ? judge(unit, watch?.readings ?? [], watch?.needs) : null;
  const usedAt = Math.max(unit.lastUsedAt, watch?.seenUseAt ?? Number.NEGATIVE_INFINITY);
  const sleepAt = outlook?.sleepAt ?? null;
  return {
    state: phase.name,
    since: unit.since,
    reasons: outlook === null ? unit.reasons : [...refusalOf(unit), ...outlook.reasons],
    lastUsedAt: usedAt === Number.NEGATIVE_INFINITY ? null : unit.wallOf(usedAt),
    sleepsAt: sleepAt === null ? null : unit.wallOf(Math.max(sleepAt, watch?.nextLookAt ?? sleepAt)),
    wokenAt: unit.wokenAt,
    etaMs: etaMs(unit),
    failure: phase.name === "error" ? phase.failure : null,
    nextTryAt: phase.name === "error" ? unit.wallOf(phase.nextTryAt) : null,
    pinnedUntil: deps.store.pinnedUntil(unit.spec.alias),
    dependsOn: unit.links.dependencies.map(({ workload }) => workload.spec.alias),
    dependants: unit.links.dependants.map(({ spec }) => spec.alias),
    project: projectOf(unit),
    step: phase.name === "starting" || phase.name === "error" ? unit.step : null,
    needs: needsOf(unit),
    wouldSleepSince: watch?.wouldSleepSince == null ? null : unit.wallOf(watch.wouldSleepSince),
  };
}

function projectOf({ spec, look }: Unit): string | null {
  return spec.kind === "compose" ? spec.ref : (look?.compose?.project ?? null);
}

function needsOf({ spec, links, attempt }: Unit): readonly Need[] {
  if (spec.kind === "group" && spec.wakeMembers === "one") return none;
  const since = attempt?.begunAt ?? Number.POSITIVE_INFINITY;
  return links.dependencies.map((link) => {
    const { alias, displayName } = link.workload.spec;
    return { alias, displayName, state: link.workload.state, done: isMetSince(link, since) };
  });
}

function refusalOf({ watch }: Unit): readonly Reason[] {
  if (watch === null || watch.refusals === 0) return [];
  const text = `the engine refused to stop it, tried again later: ${watch.refusedFor ?? "no reason given"}`;
  return [{ signal: "stop", verdict: "waits", text }];
}

function etaMs(unit: Unit): number | null {
  const estimate = estimateMs(unit);
  if (estimate === null || unit.phase.name === "ready") return null;
  if (unit.phase.name !== "starting" || unit.attempt === null) return estimate;
  return Math.max(0, estimate - (unit.deps.clock.now() - unit.attempt.begunAt));
}
