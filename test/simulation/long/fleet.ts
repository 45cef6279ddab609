import type { ComposePlace } from "../../../src/core/provider.ts";
import type { DependencySpec, RouteSpec, ScheduleSpec, WorkloadSpec } from "../../../src/core/spec.ts";
import { doorSpec, routeSpec, workloadSpec } from "../../support/specs.ts";
import type { Random } from "./random.ts";

/** What a container is like; never changes. */
export interface BoxPlan {
  readonly provider: string;
  readonly name: string;
  readonly refs: readonly string[];
  readonly compose?: ComposePlace;
  /** Name of the box whose network it uses. */
  readonly network?: string;
  readonly hasHealth: boolean;
  readonly healthyAfterMs: number;
  /** From its start on until it answers. */
  readonly readyAfterMs: number;
  /** It ends by itself after so long; null = it does not. */
  readonly runMs: number | null;
  readonly ignoresStop: boolean;
  readonly signals: readonly { readonly signal: string; readonly required: boolean; readonly slowMs: number }[];
}

/** Everything there is in one world. */
export interface Fleet {
  readonly providers: readonly { readonly name: string; readonly canPause: boolean }[];
  readonly boxes: readonly BoxPlan[];
  /** By alias: what the configuration says at first. */
  readonly specs: ReadonlyMap<string, WorkloadSpec>;
  readonly routes: readonly RouteSpec[];
  /** Aliases of which each depends on the next, and the last on the first. */
  readonly cycles: readonly (readonly string[])[];
}

export interface Draft {
  readonly random: Random;
  readonly providers: Fleet["providers"];
  readonly boxes: BoxPlan[];
  readonly specs: Map<string, WorkloadSpec>;
  readonly cycles: string[][];
}

export const signalNames = ["sockets", "meter", "quiz"] as const;

/** A box of its own, with random manners. */
export function addBox({ random, boxes }: Draft, own: Partial<BoxPlan> & Pick<BoxPlan, "name" | "provider">): BoxPlan {
  const plan: BoxPlan = {
    refs: [own.name, ...(own.compose === undefined ? [] : [`${own.compose.project}/${own.compose.service}`])],
    hasHealth: random.chance(0.3),
    healthyAfterMs: random.span(50, 3_000),
    readyAfterMs: random.span(10, 3_000),
    runMs: null,
    ignoresStop: random.chance(0.1),
    signals: signalNames
      .filter(() => random.chance(0.6))
      .map((signal) => ({
        signal,
        required: random.chance(0.3),
        slowMs: signal === "meter" ? random.between(1, 2_000) : 0,
      })),
    ...own,
  };
  boxes.push(plan);
  return plan;
}

const idleTimeouts = [5_000, 10_000, 20_000, 45_000, 120_000] as const;

/** How it sleeps and wakes; also what a reload may change. */
export function randomPolicy(random: Random, canPause: boolean): Partial<WorkloadSpec> {
  const idleTimeoutMs = random.chance(0.05) ? 0 : random.pick(idleTimeouts);
  const stopMethod = random.pick(canPause ? (["stop", "stop", "pause", "kill"] as const) : (["stop", "kill"] as const));
  const afterMs = idleTimeoutMs + random.pick([10_000, 60_000, 300_000]);
  return {
    idleTimeoutMs,
    minAwakeMs: random.pick([0, 2_000, 10_000]),
    wakeTimeoutMs: random.pick([5_000, 20_000, 60_000]),
    stopMethod,
    deeper: stopMethod === "pause" && idleTimeoutMs > 0 && random.chance(0.5) ? [{ afterMs, method: "stop" }] : [],
    schedule: random.chance(0.1) ? randomSchedule(random) : null,
    dryRun: random.chance(0.05),
  };
}

/** Once an hour each: what the judge can work out without a cron library. */
function randomSchedule(random: Random): ScheduleSpec {
  const window = { cron: `${random.between(0, 59)} * * * *`, durationMs: random.between(1, 20) * 60_000 };
  const isAwake = random.chance(0.6);
  return { timezone: "UTC", awake: isAwake ? [window] : [], asleep: isAwake ? [] : [window] };
}

/** A workload for a box that exists. */
export function declare(draft: Draft, box: BoxPlan, own: Partial<WorkloadSpec> = {}): void {
  const { random, providers } = draft;
  const canPause = providers.find(({ name }) => name === box.provider)?.canPause ?? false;
  const spec = workloadSpec({
    alias: box.name,
    ref: box.name,
    provider: box.provider,
    upstream: random.chance(0.5)
      ? { kind: "url", url: `http://${box.name}:8080` }
      : { kind: "port", port: 8080, scheme: "http" },
    ready: {
      http: null,
      status: [[200, 399]],
      tcp: null,
      engineHealth: random.chance(0.2),
      log: null,
      delayMs: random.chance(0.1) ? 500 : 0,
    },
    ...randomPolicy(random, canPause),
    ...own,
  });
  draft.specs.set(spec.alias, spec);
}

/** A group, or a compose project as one workload. */
export function declareGroup(draft: Draft, own: Partial<WorkloadSpec> & { readonly alias: string }): void {
  const { random } = draft;
  const policy = { ...randomPolicy(random, false), schedule: null, dryRun: false };
  draft.specs.set(own.alias, workloadSpec({ upstream: null, ref: own.alias, kind: "group", ...policy, ...own }));
}

export function needs(...names: readonly [string, DependencySpec["condition"]][]): readonly DependencySpec[] {
  return names.map(([name, condition]) => ({ name, condition }));
}

/** One route for each workload that has anything to do with the outside. */
export function routesOf(random: Random, specs: Iterable<WorkloadSpec>): readonly RouteSpec[] {
  return Array.from(specs, ({ alias, kind }) =>
    routeSpec({
      alias,
      workload: alias,
      hosts: [`${alias}.test`],
      upstream: kind === "group" || kind === "compose" ? { kind: "url", url: `http://${alias}:80` } : null,
      door: doorSpec({ strategy: random.pick(["auto", "hold"]), graceMs: random.pick([0, 400, 2_000]) }),
    }),
  );
}
