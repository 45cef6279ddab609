import { type DependencyPlan, neededBy } from "../core/dependencies.ts";
import type { Look, Provider } from "../core/provider.ts";
import type { Clock } from "../core/clock.ts";
import { createGroupProvider, type Members } from "./group.ts";
import { createScope } from "./scope.ts";
import { isGroup, type Link, noLinks, type Workload } from "./workload-parts.ts";

/** How long the engine may take to say what runs beside a workload that is about to be stopped. */
const patienceMs = 5_000;

export interface NeighboursDeps {
  readonly clock: Clock;
  readonly workloads: ReadonlyMap<string, Workload>;
  /** What the provider had at its last list; null = not listed yet. */
  readonly looksOf: (provider: string) => readonly Look[] | null;
}

/** Who needs whom among the workloads, and beside them. */
export interface Neighbours {
  /** Runs what is no engine's object. */
  readonly groups: Provider;
  /** Tells every workload its place. */
  link(plan: DependencyPlan): void;
  /** Asks the engine what runs beside it and needs it. */
  neededBy(workload: Workload): Promise<readonly string[]>;
}

export function createNeighbours({ clock, workloads, looksOf }: NeighboursDeps): Neighbours {
  /** Aliases that were given links: those without any need not be told again. */
  const linked = new Set<string>();
  const membersOf = (ref: string): Members | null => {
    const group = [...workloads.values()].find(({ spec }) => isGroup(spec) && spec.ref === ref);
    if (group === undefined) return null;
    if (group.spec.kind === "compose" && looksOf(group.spec.provider) === null) return null;
    const { alias, kind, wakeMembers } = group.spec;
    return { links: dependencies.get(alias) ?? [], oneIsEnough: kind === "group" && wakeMembers === "one" };
  };
  const dependencies = new Map<string, readonly Link[]>();

  return {
    groups: createGroupProvider({ clock, membersOf }),
    link({ edges }) {
      const dependants = new Map<string, Workload[]>();
      const completes = new Set<string>();
      dependencies.clear();
      for (const [alias, own] of edges) {
        const from = workloads.get(alias);
        if (from === undefined) continue;
        const links: Link[] = [];
        for (const { to, condition } of own) {
          const workload = workloads.get(to);
          if (workload === undefined) continue;
          links.push({ workload, condition });
          if (condition === "completed") completes.add(to);
          // Who only waited for its end does not need it any longer.
          else dependants.set(to, [...(dependants.get(to) ?? []), from]);
        }
        dependencies.set(alias, links);
      }
      for (const [alias, workload] of workloads) {
        const links = {
          dependencies: dependencies.get(alias) ?? noLinks.dependencies,
          dependants: dependants.get(alias) ?? noLinks.dependants,
          completes: completes.has(alias),
        };
        const isAlone = links.dependencies.length === 0 && links.dependants.length === 0 && !links.completes;
        if (isAlone && !linked.has(alias)) continue;
        if (isAlone) linked.delete(alias);
        else linked.add(alias);
        workload.link(isAlone ? noLinks : links);
      }
      for (const alias of linked) if (!workloads.has(alias)) linked.delete(alias);
    },
    async neededBy({ look, provider }) {
      if (look === undefined) return [];
      const known = looksOf(provider.name) ?? [];
      // Outside of a project only what shares its network may need it, and that does not come over night.
      const mayBe = look.compose !== undefined || known.some(({ sharesNetworkWith }) => sharesNetworkWith === look.id);
      if (!mayBe) return [];
      const own = new Set(Array.from(workloads.values(), (workload) => workload.look?.id ?? ""));
      const patience = createScope(clock);
      patience.after(patienceMs, () => patience.end());
      try {
        return neededBy(look, await provider.list({ signal: patience.signal }), own);
      } finally {
        patience.end();
      }
    },
  };
}
