import type { Clock } from "../core/clock.ts";
import { NodoffError } from "../core/errors.ts";
import type { Look, Provider } from "../core/provider.ts";
import { mergeLines } from "./following.ts";
import type { Link, Workload } from "./workload-parts.ts";

export interface GroupDeps {
  readonly clock: Clock;
  /** Members of a group or compose project, by its alias; null = not known yet. */
  readonly membersOf: (ref: string) => Members | null;
}

export interface Members {
  readonly links: readonly Link[];
  /** Whether one that is awake is enough. */
  readonly oneIsEnough: boolean;
}

/**
 * Stands in for the engine of what is no engine's object: a group, or a compose project as one workload. Its members are
 * its dependencies, so they are awake when it is started, and are free to sleep once it is stopped.
 */
export function createGroupProvider({ clock, membersOf }: GroupDeps): Provider {
  /** When it was started, wall clock ms; absent = it was not, or was stopped. */
  const started = new Map<string, number | null>();
  const seen = new Set<string>();

  const needMembers = (ref: string): Members => {
    const members = membersOf(ref);
    if (members === null || members.links.some(({ workload }) => workload.state === "unknown"))
      throw new NodoffError("PROVIDER_UNAVAILABLE", `not all members of ${ref} have been looked at`);
    return members;
  };
  const need = (ref: string): readonly Workload[] => needMembers(ref).links.map(({ workload }) => workload);
  const look = (ref: string): Look | undefined => {
    const { links, oneIsEnough } = needMembers(ref);
    if (links.every(({ workload }) => workload.state === "gone")) return undefined;
    // What runs to its end is not awake, and need not be.
    const members = links.filter(({ condition }) => condition !== "completed");
    const awake = members.filter(({ workload }) => workload.isAwake).length;
    // Seen for the first time: it is awake if whoever asked for it would find it so.
    if (!seen.has(ref) && awake > 0 && (oneIsEnough || awake === members.length)) started.set(ref, null);
    // Who starts one member by hand later does not start the group.
    if (awake === 0) started.delete(ref);
    seen.add(ref);
    return {
      refs: [ref],
      id: ref,
      power: started.has(ref) ? "running" : "stopped",
      startedAt: started.get(ref) ?? null,
      exitCode: null,
      error: null,
      health: "none",
      labels: {},
      refusal: null,
      warnings: [],
    };
  };
  const end = (ref: string): Promise<void> => {
    started.delete(ref);
    return Promise.resolve();
  };
  const refuse = (): Promise<never> =>
    Promise.reject(new NodoffError("ENGINE_ERROR", "a group cannot be paused: its members can"));

  return {
    name: "group",
    type: "process",
    capabilities: { pause: false, kill: true, logs: true, health: false, discovers: false },
    list: () => Promise.resolve([]),
    inspect: async (ref) => look(ref),
    start(ref) {
      started.set(ref, clock.wall());
      return Promise.resolve();
    },
    stop: end,
    kill: end,
    pause: refuse,
    resume: refuse,
    watch: () => ({ close: () => Promise.resolve() }),
    async logs(ref, options) {
      const tails = await Promise.all(
        need(ref).map(async (member) =>
          (await member.logs(options.lines, options.signal)).map((line) => `${member.spec.alias}: ${line}`),
        ),
      );
      return tails.flat().slice(-options.lines);
    },
    async *follow(ref, options) {
      const members = need(ref);
      yield* mergeLines(
        members.map(({ spec }) => `${spec.alias}: `),
        (index, signal) => members[index]?.follow({ ...options, signal }) ?? [],
        options.signal,
      );
    },
    async counters(ref, options) {
      const all = await Promise.all(
        need(ref).map(({ provider, spec }) => provider.counters(spec.ref, options).catch(() => ({ memoryBytes: 0 }))),
      );
      return { memoryBytes: all.reduce((sum, { memoryBytes = 0 }) => sum + memoryBytes, 0) };
    },
    address(ref, query, options) {
      const members = need(ref);
      const named = members.filter(({ look: seen }) => seen?.ports?.includes(query.port ?? 0));
      const [member] = named.length > 0 ? named : members;
      if (member === undefined) throw new NodoffError("NO_PORT", `${ref} has no members`);
      return member.provider.address(member.spec.ref, query, options);
    },
    close: () => Promise.resolve(),
  };
}
