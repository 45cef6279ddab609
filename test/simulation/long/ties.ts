import type { DependencyCondition, WorkloadSpec } from "../../../src/core/spec.ts";
import type { Box } from "./box.ts";

/** Whom one workload needs. Keys are names of boxes, and aliases of groups. */
export interface Tie {
  readonly to: string;
  readonly condition: DependencyCondition;
}

/** Who needs whom, worked out from what was configured, not from what nodoff made of it. */
export interface Ties {
  needs(key: string): readonly Tie[];
  /** Who needs it while awake: those who only wait for its end do not. */
  neededBy(key: string): readonly string[];
  /** Who waits for its end. */
  endAwaitedBy(key: string): readonly string[];
  /** nodoff has a workload for it. */
  isManaged(key: string): boolean;
  /** Whether it may be stopped: `mixed` where its dependants disagree. */
  mayStop(key: string): "yes" | "no" | "mixed";
  /** Both are in the same cycle, of which nodoff leaves one step out. */
  inCycle(a: string, b: string): boolean;
}

interface Asked {
  readonly specs: ReadonlyMap<string, WorkloadSpec>;
  readonly boxes: ReadonlyMap<string, Box>;
  readonly cycles: readonly (readonly string[])[];
}

const none: readonly never[] = [];

export function tieUp({ specs, boxes, cycles }: Asked): Ties {
  const needs = new Map<string, Tie[]>();
  const allowed = new Map<string, Set<boolean>>();
  const queue = [...specs.keys()];
  const managed = new Set(queue);
  for (const key of queue) {
    const own = tiesOf(key, specs.get(key), boxes);
    needs.set(key, own);
    const allows = allowsSleep(specs.get(key), allowed.get(key));
    for (const { to } of own) {
      if (!specs.has(to)) for (const each of allows) allowed.set(to, (allowed.get(to) ?? new Set()).add(each));
      if (managed.has(to)) continue;
      managed.add(to);
      queue.push(to);
    }
  }
  const dependants = (isEnd: boolean): ReadonlyMap<string, string[]> => {
    const found = new Map<string, string[]>();
    for (const [from, own] of needs)
      for (const { to, condition } of own)
        if ((condition === "completed") === isEnd) found.set(to, [...(found.get(to) ?? none), from]);
    return found;
  };
  const neededBy = dependants(false);
  const endAwaitedBy = dependants(true);
  return {
    needs: (key) => needs.get(key) ?? none,
    neededBy: (key) => neededBy.get(key) ?? none,
    endAwaitedBy: (key) => endAwaitedBy.get(key) ?? none,
    isManaged: (key) => managed.has(key),
    mayStop(key) {
      if (specs.has(key)) return "yes";
      const says = allowed.get(key);
      if (says === undefined || says.size > 1) return "mixed";
      return says.has(true) ? "yes" : "no";
    },
    inCycle: (a, b) => cycles.some((names) => names.includes(a) && names.includes(b)),
  };
}

/** What it says about those of its dependencies that did not opt in. */
function allowsSleep(spec: WorkloadSpec | undefined, inherited: Set<boolean> | undefined): Iterable<boolean> {
  if (spec === undefined) return inherited ?? none;
  return [spec.kind === "compose" || spec.dependsOnSleep];
}

function tiesOf(key: string, spec: WorkloadSpec | undefined, boxes: ReadonlyMap<string, Box>): Tie[] {
  const ties = new Map<string, Tie>();
  const add = (to: string, condition: DependencyCondition): void => {
    if (!ties.has(to)) ties.set(to, { to, condition });
  };
  for (const { name, condition } of spec?.dependsOn ?? none) add(name, condition);
  for (const member of spec?.members ?? none) add(member, "auto");
  if (spec?.kind === "compose") for (const [to, condition] of membersOf(spec.ref, boxes)) add(to, condition);
  const place = boxes.get(key)?.isListed === true ? boxes.get(key)?.plan.compose : undefined;
  for (const { service, condition } of place?.dependsOn ?? none) {
    const to = `${place?.project ?? ""}-${service}`;
    if (boxes.get(to)?.isListed === true) add(to, condition);
  }
  return [...ties.values()];
}

function membersOf(project: string, boxes: ReadonlyMap<string, Box>): [string, DependencyCondition][] {
  const members = [...boxes.values()].filter(({ plan, isListed }) => isListed && plan.compose?.project === project);
  const awaited = new Set(
    members.flatMap(({ plan }) =>
      (plan.compose?.dependsOn ?? none).flatMap(({ service, condition }) =>
        condition === "completed" ? [service] : [],
      ),
    ),
  );
  return members.map(({ plan }) => [plan.name, awaited.has(plan.compose?.service ?? "") ? "completed" : "auto"]);
}
