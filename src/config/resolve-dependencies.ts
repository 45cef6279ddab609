import type { WorkloadSpec } from "../core/spec.ts";
import type { KeyPath, Report } from "./findings.ts";
import { didYouMean } from "./suggest.ts";

type Named = Pick<WorkloadSpec, "alias" | "ref" | "dependsOn">;

/** What the dependencies of one workload must agree on. `names`: by which others could mean this very workload. */
export function checkDependencies({ dependsOn }: Named, names: ReadonlySet<string>, report: Report): void {
  const seen = new Set<string>();
  for (const [index, { name }] of dependsOn.entries()) {
    if (names.has(name)) report(["depends_on", index], `"${name}" is this workload itself: take it out`);
    else if (seen.has(name)) report(["depends_on", index], `"${name}" is given twice`);
    seen.add(name);
  }
}

export interface GroupDeps {
  /** Whether the workload of that alias is a group; undefined: the file has none. null: its entry is wrong. */
  readonly isGroup: (alias: string) => boolean | null | undefined;
  /** Of all workloads of the file. */
  readonly aliases: readonly string[];
  readonly report: Report;
  readonly warn: Report;
}

/** What a group's members must be: other workloads, each once, no groups. One the file lacks may come from labels. */
export function checkMembers(alias: string, members: readonly string[], deps: GroupDeps): void {
  const { isGroup, aliases, report, warn } = deps;
  if (members.length === 0) report(["group"], "must not be empty");
  for (const [index, member] of members.entries()) {
    const path = ["group", index];
    if (member === alias) report(path, `"${member}" is the group itself: take it out`);
    else if (isGroup(member) === true) report(path, `"${member}" is a group, too: name its members instead`);
    else if (members.indexOf(member) < index) report(path, `"${member}" is given twice`);
    else if (isGroup(member) === undefined) {
      const others = aliases.filter((other) => other !== alias);
      warn(
        path,
        `"${member}" is not a workload of this file${didYouMean(member, others)}: only labels could declare it`,
      );
    }
  }
}

interface Edge {
  readonly to: string;
  readonly path: KeyPath;
}

/** One workload on the way from where the search began, and which of its edges the way takes. */
interface Step {
  readonly alias: string;
  readonly edges: readonly Edge[];
  taken: number;
}

/** Reports each cycle of dependencies among the workloads of the file, where it begins. A group needs its members. */
export function checkCycles(workloads: readonly WorkloadSpec[], report: Report): void {
  const edges = toGraph(workloads);
  const done = new Set<string>();
  for (const start of edges.keys()) {
    // In place of recursion, which a long chain would overflow.
    const way: Step[] = [];
    const depths = new Map<string, number>();
    const enter = (alias: string): void => {
      if (done.has(alias)) return;
      done.add(alias);
      depths.set(alias, way.length);
      way.push({ alias, edges: edges.get(alias) ?? [], taken: -1 });
    };
    enter(start);
    for (let last = way.at(-1); last !== undefined; last = way.at(-1)) {
      last.taken += 1;
      const edge = last.edges[last.taken];
      if (edge === undefined) {
        way.pop();
        depths.delete(last.alias);
        continue;
      }
      const first = depths.get(edge.to);
      if (first === undefined) enter(edge.to);
      else tellCycle(way.slice(first), report);
    }
  }
}

function tellCycle(cycle: readonly Step[], report: Report): void {
  const [first] = cycle;
  const edge = first?.edges[first.taken];
  if (first === undefined || edge === undefined) return;
  const names = [...cycle.map(({ alias }) => alias), first.alias].join(" -> ");
  report(edge.path, `needs itself in the end (${names}): take one of these dependencies out`);
}

function toGraph(workloads: readonly WorkloadSpec[]): ReadonlyMap<string, readonly Edge[]> {
  const byRef = new Map(workloads.map(({ ref, alias }) => [ref, alias]));
  const aliases = new Set(workloads.map(({ alias }) => alias));
  const toAlias = (name: string): string => (aliases.has(name) ? name : (byRef.get(name) ?? name));
  return new Map(
    workloads.map(({ alias, dependsOn, members }) => {
      const needed = dependsOn.map(({ name }, index) => ({ name, path: ["workloads", alias, "depends_on", index] }));
      const grouped = members.map((name, index) => ({ name, path: ["workloads", alias, "group", index] }));
      const edges = [...needed, ...grouped].map(({ name, path }) => ({ to: toAlias(name), path }));
      // A workload that names itself is told of as that.
      return [alias, edges.filter(({ to }) => to !== alias)] as const;
    }),
  );
}
