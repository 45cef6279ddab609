import type { EngineHealth, Look, Power } from "../../../src/core/provider.ts";
import type { BoxPlan } from "./fleet.ts";

/** One way a box can be in use, as one activity signal sees it. Times are monotonic ms. */
export interface Use {
  readonly signal: string;
  /** Unreadable counts as in use. */
  readonly required: boolean;
  /** How long the signal needs to answer. */
  readonly slowMs: number;
  inUse: boolean;
  readable: boolean;
  /** When either last changed. */
  changedAt: number;
  endedAt: number;
  /** What nodoff was told last, and when. */
  toldAt: number;
  toldInUse: boolean;
  toldReadable: boolean;
  /** Latest use it was ever told of. */
  toldUseAt: number;
}

/** A container as it really is. Times are monotonic ms. */
export interface Box {
  readonly plan: BoxPlan;
  /** The engine has it. */
  exists: boolean;
  /** It was in the last list that nodoff got. */
  isListed: boolean;
  /** Since when. */
  listedAt: number;
  id: string;
  power: Power;
  startedAt: number | null;
  exitCode: number | null;
  health: EngineHealth;
  /** Identity of the container whose network it uses. */
  networkOf: string | null;
  /** Rises with each start, so that timers of former runs do nothing. */
  run: number;
  /** What is behind it answers while it runs. */
  answers: boolean;
  readonly uses: readonly Use[];
  /** Last time something changed here, or a call about it ended. */
  changedAt: number;
  /** Engine calls under way. */
  busy: number;
  /** nodoff may have missed something until the next list. */
  inDoubt: boolean;
  /** Until when it ran, was healthy, and when its last run ended well. */
  ranUntil: number;
  healthyUntil: number;
  completedAt: number;
}

export function createBox(plan: BoxPlan): Box {
  return {
    plan,
    exists: true,
    isListed: false,
    listedAt: Number.NEGATIVE_INFINITY,
    id: `${plan.name}-0`,
    power: "stopped",
    startedAt: null,
    exitCode: null,
    health: plan.hasHealth ? "starting" : "none",
    networkOf: null,
    run: 0,
    answers: true,
    uses: plan.signals.map((each) => ({
      ...each,
      inUse: false,
      readable: true,
      changedAt: Number.NEGATIVE_INFINITY,
      endedAt: Number.NEGATIVE_INFINITY,
      toldAt: Number.NEGATIVE_INFINITY,
      toldInUse: false,
      toldReadable: true,
      toldUseAt: Number.NEGATIVE_INFINITY,
    })),
    changedAt: Number.NEGATIVE_INFINITY,
    busy: 0,
    inDoubt: false,
    ranUntil: Number.NEGATIVE_INFINITY,
    healthyUntil: Number.NEGATIVE_INFINITY,
    completedAt: Number.NEGATIVE_INFINITY,
  };
}

export function isHealthy({ power, health }: Box): boolean {
  return power === "running" && (health === "healthy" || health === "none");
}

/** `wallOf` turns monotonic ms into wall clock ms. */
export function lookAt(box: Box, wallOf: (monotonic: number) => number): Look {
  const { plan, id, power, startedAt, exitCode, networkOf } = box;
  // What does not run is not checked.
  const health = plan.hasHealth && power !== "running" ? "starting" : box.health;
  return {
    refs: plan.refs,
    id,
    power,
    startedAt: startedAt === null ? null : wallOf(startedAt),
    exitCode,
    error: null,
    health,
    labels: {},
    refusal: null,
    warnings: [],
    ...(plan.compose !== undefined && { compose: plan.compose }),
    ...(networkOf !== null && { sharesNetworkWith: networkOf }),
  };
}
