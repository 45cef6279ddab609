import type { Failure } from "../core/errors.ts";
import { createScope, type Scope } from "./scope.ts";
import type { Link, Unit, Workload } from "./workload-parts.ts";

/**
 * A dependency that is neither up nor failed by then has been forgotten by its engine. Its own wake_timeout, and that of
 * what it depends on, end it before.
 */
const forgottenMs = 600_000;

/**
 * Wakes everything a workload depends on, all at the same time, and resolves once each condition is met: with null, or
 * with the first failure, which names the dependency and its reason. Of a group whose members can stand in for each other
 * one is enough: the first, or the first that does not fail where all are to be woken.
 */
export async function wakeDependencies(unit: Unit, scope: Scope): Promise<Failure | null> {
  const { dependencies } = unit.links;
  if (unit.spec.wakeMembers === "one" && unit.spec.kind === "group") return wakeOne(unit, scope);
  const failures = await Promise.all(dependencies.map((link) => wakeDependency(unit, link, scope)));
  if (isPool(unit) && failures.includes(null)) return null;
  return failures.find((failure) => failure !== null) ?? null;
}

/** Its members take turns, so that one can stand in for another; with an upstream of its own it needs them all. */
function isPool({ spec: { kind, upstream } }: Unit): boolean {
  return kind === "group" && upstream === null;
}

/**
 * Tries again what failed of a group that goes on without it. Its own back-off decides when; and only while the group is
 * used.
 */
export function retryMembers(unit: Unit): boolean {
  if (unit.state !== "ready" || unit.spec.wakeMembers === "one" || !isPool(unit)) return false;
  const failed = unit.links.dependencies.filter(({ workload }) => workload.state === "error");
  for (const { workload } of failed) if (unit.wallOf(unit.lastUsedAt) >= workload.since) workload.wake("dependency");
  return failed.length > 0;
}

/** One that is up already, else the one used longest ago, else the next. */
async function wakeOne(unit: Unit, scope: Scope): Promise<Failure | null> {
  const order = unit.links.dependencies.toSorted(
    (a, b) => Number(b.workload.allow) - Number(a.workload.allow) || a.workload.lastUsedAt - b.workload.lastUsedAt,
  );
  let failure: Failure | null = null;
  for (const link of order) {
    failure = await wakeDependency(unit, link, scope);
    if (failure === null || scope.signal.aborted) return failure;
  }
  return failure;
}

async function wakeDependency(unit: Unit, link: Link, scope: Scope): Promise<Failure | null> {
  const { workload, condition } = link;
  const name = workload.spec.displayName;
  if (condition !== "completed" && isMet(link)) return null;
  unit.tell("waking_dependency", `waking ${name}`);
  // Before the first look nothing can be asked of it.
  while (workload.state === "unknown" && workload.closed === null && !scope.signal.aborted)
    await workload.changed(scope.signal);
  const askedAt = unit.deps.clock.now();
  // What runs once per wake joins the run under way, and begins another where there is none.
  workload.wake(unit.insists ? "retry" : "dependency");
  const patience = createScope(unit.deps.clock, scope.signal);
  patience.after(forgottenMs, () => patience.end());
  const failure = await untilMet(link, patience, askedAt);
  const isForgotten = patience.signal.aborted;
  patience.end();
  if (scope.signal.aborted) return null;
  if (failure === null && !isForgotten) {
    unit.tell("dependency_ready", `${name} is ready`);
    return null;
  }
  const why = failure?.message ?? `not ready within ${forgottenMs / 60_000} m`;
  return { code: "DEPENDENCY_FAILED", message: `${name}: ${why}` };
}

/** Resolves with null when met or `scope` ended, else with what went wrong. */
async function untilMet(link: Link, scope: Scope, askedAt: number): Promise<Failure | null> {
  const { workload, condition } = link;
  // Its wake was asked for in the same turn: asleep from here on means that it ended, or was put to sleep again.
  for (;;) {
    if (scope.signal.aborted) return null;
    if (isMetSince(link, askedAt)) return null;
    const failure = failureOf(workload, condition);
    if (failure !== null) return failure;
    // What it needs ended before it was of any use: nobody else would wake that again.
    if (isForsaken(workload) && workload.wake("dependency")) continue;
    await workload.changed(scope.signal);
  }
}

/** Ready, but something it needs is down and not on its way up. */
function isForsaken({ state, links }: Workload): boolean {
  const isDown = ({ workload, condition }: Link): boolean =>
    condition !== "completed" && ["napping", "error", "gone"].includes(workload.state);
  return state === "ready" && links.dependencies.some(isDown);
}

/** Whether its condition is met; what has to end must have done so since then (monotonic ms). */
export function isMetSince(link: Link, since: number): boolean {
  const { workload, condition } = link;
  if (condition === "completed") return workload.state === "napping" && workload.completedAt >= since;
  return isMet(link);
}

function isMet({ workload, condition }: Link): boolean {
  const { look, state, spec } = workload;
  switch (condition) {
    case "started":
      return state === "ready" || (state === "starting" && look?.power === "running");
    case "healthy":
      return workload.allow && (look?.health === "healthy" || look?.health === "none");
    case "completed":
      return false;
    case "auto":
      if (!workload.allow) return false;
      // Its own probe has passed; where it has none, the engine's check is all there is to go by.
      return spec.upstream !== null || look === undefined || look.health === "healthy" || look.health === "none";
  }
}

function failureOf(workload: Workload, condition: Link["condition"]): Failure | null {
  const { state, look, closed } = workload;
  // Left out of the configuration meanwhile: nothing of it changes any more.
  if (closed !== null) return closed;
  if (state === "error") return workload.view().failure;
  if (state === "gone") return { code: "GONE", message: "the engine does not have it" };
  if (state === "napping") return { code: "STOPPED_OUTSIDE", message: "it was stopped while it was being woken" };
  const asksHealth = condition === "healthy" || (condition === "auto" && workload.spec.upstream === null);
  if (asksHealth && workload.allow && look?.health === "unhealthy")
    return { code: "ENGINE_ERROR", message: "the engine's health check says unhealthy" };
  return null;
}

/** Something it needs is not there, so that requests may not go through until it is. In doubt it is there. */
export function isDependencyAway(unit: Unit): boolean {
  const { spec } = unit;
  const { dependencies } = unit.links;
  if (dependencies.length === 0) return false;
  const isAway = ({ workload, condition }: Link): boolean =>
    condition !== "completed" && !workload.allow && workload.state !== "unknown";
  if (spec.kind === "group" && spec.wakeMembers === "one") return dependencies.every(isAway);
  if (!isPool(unit)) return dependencies.some(isAway);
  // What failed, or is on its way up again, is no reason to make those wait who another can serve.
  const isDown = (link: Link): boolean => isAway(link) && ["napping", "stopping"].includes(link.workload.state);
  return dependencies.every(isAway) || dependencies.some(isDown);
}
