import fc from "fast-check";
import type { StopMethod } from "../../src/core/spec.ts";

/** The two workloads of the simulation, by the engine's name for them. */
export const refs = ["app", "job"] as const;
export type Ref = (typeof refs)[number];

export const requestKinds = ["navigation", "api", "preflight", "monitor", "probe"] as const;
export type RequestKind = (typeof requestKinds)[number];

const engineCalls = ["start", "resume", "stop", "pause", "kill", "inspect", "address"] as const;
export type EngineCall = (typeof engineCalls)[number];

const outsideActs = [
  "start",
  "stop",
  "pause",
  "resume",
  "crash",
  "crash_loop",
  "restart",
  "delete",
  "add",
  "recreate",
  "unhealthy",
] as const;
export type OutsideAct = (typeof outsideActs)[number];

/** What a reload changes about one workload. */
export type ConfigChange =
  | { readonly key: "idleTimeoutMs"; readonly value: number }
  | { readonly key: "wakeTimeoutMs"; readonly value: number }
  | { readonly key: "stopMethod"; readonly value: StopMethod }
  | { readonly key: "port"; readonly value: number }
  | { readonly key: "byUrl"; readonly value: boolean }
  | { readonly key: "engineHealth"; readonly value: boolean }
  | { readonly key: "configured"; readonly value: boolean }
  | { readonly key: "alias"; readonly value: string };

/** One thing that happens. Plain data: a failing run prints as a list of these and shrinks well. */
export type Action =
  | { readonly do: "request"; readonly at: Ref; readonly kind: RequestKind; readonly maxHoldMs: number }
  | { readonly do: "present"; readonly at: Ref }
  | { readonly do: "leave"; readonly nth: number }
  | { readonly do: "pass"; readonly ms: number }
  | { readonly do: "answers"; readonly at: Ref; readonly value: boolean }
  | { readonly do: "use"; readonly at: Ref; readonly inUse: boolean }
  | { readonly do: "person"; readonly at: Ref; readonly cause: "person" | "retry" }
  | { readonly do: "outside"; readonly at: Ref; readonly act: OutsideAct }
  | {
      readonly do: "fault";
      readonly at: Ref;
      readonly how: "fail" | "delay" | "hang";
      readonly call: EngineCall;
      readonly when: "before" | "after";
      readonly ms: number;
    }
  | { readonly do: "release" }
  | { readonly do: "lose" }
  | { readonly do: "back"; readonly replay: boolean }
  | { readonly do: "relist" }
  | { readonly do: "recheck"; readonly at: Ref }
  | { readonly do: "reload"; readonly at: Ref; readonly change: ConfigChange };

// Most of it happens to one: that is where things get into each other's way.
const at = fc.constantFrom<Ref>("app", "app", "app", "job");

const idleTimeouts = [5_000, 45_000, 90_000] as const;
const wakeTimeouts = [3_000, 20_000] as const;
const stopMethods = ["stop", "pause", "kill"] as const;

const change: fc.Arbitrary<ConfigChange> = fc.oneof(
  fc.record({ key: fc.constant("idleTimeoutMs" as const), value: fc.constantFrom(0, ...idleTimeouts) }),
  fc.record({ key: fc.constant("wakeTimeoutMs" as const), value: fc.constantFrom(...wakeTimeouts) }),
  fc.record({ key: fc.constant("stopMethod" as const), value: fc.constantFrom(...stopMethods) }),
  fc.record({ key: fc.constant("port" as const), value: fc.constantFrom(8080, 9090) }),
  fc.record({ key: fc.constant("byUrl" as const), value: fc.boolean() }),
  fc.record({ key: fc.constant("engineHealth" as const), value: fc.boolean() }),
  fc.record({ key: fc.constant("configured" as const), value: fc.boolean() }),
  fc.record({ key: fc.constant("alias" as const), value: fc.constantFrom("one", "two") }),
);

const someMs = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 500 }) },
  { weight: 4, arbitrary: fc.integer({ min: 500, max: 5_000 }) },
  { weight: 4, arbitrary: fc.integer({ min: 5_000, max: 90_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 90_000, max: 400_000 }) },
);

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 24, arbitrary: fc.record({ do: fc.constant("pass" as const), ms: someMs }) },
  {
    weight: 16,
    arbitrary: fc.record({
      do: fc.constant("request" as const),
      at,
      kind: fc.constantFrom(...requestKinds),
      maxHoldMs: fc.constantFrom(0, 3_000, 25_000, Number.POSITIVE_INFINITY),
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({ do: fc.constant("outside" as const), at, act: fc.constantFrom(...outsideActs) }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant("fault" as const),
      at,
      how: fc.constantFrom("fail", "delay", "hang"),
      // What nodoff asks most often.
      call: fc.oneof(fc.constantFrom(...engineCalls), fc.constantFrom<EngineCall>("inspect", "address")),
      when: fc.constantFrom("before", "after"),
      ms: fc.integer({ min: 1, max: 40_000 }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("answers" as const), at, value: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("use" as const), at, inUse: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("leave" as const), nth: fc.nat(8) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("person" as const), at, cause: fc.constantFrom("person", "retry") }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("lose" as const) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("back" as const), replay: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("relist" as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("release" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("present" as const), at }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("recheck" as const), at }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("reload" as const), at, change }) },
);

export interface Plan {
  /** How the engine has it when nodoff starts. */
  readonly power: "stopped" | "running" | "paused";
  /** How long it has been running by then. */
  readonly upMs: number;
  /** How `app` is configured at first. */
  readonly idleTimeoutMs: number;
  readonly wakeTimeoutMs: number;
  readonly stopMethod: StopMethod;
  readonly byUrl: boolean;
  /** The engine is away when nodoff starts. */
  readonly lost: boolean;
  /** The workloads do not mind being asked to stop: each stop lasts until they are killed. */
  readonly slowStop: boolean;
  /** A signal that answers only after so long; 0 = at once. */
  readonly slowSignalMs: number;
  readonly actions: readonly Action[];
  /** Ends by a shutdown in the middle of it all, without the quiet time before. */
  readonly abrupt: boolean;
}

export const plans: fc.Arbitrary<Plan> = fc.record({
  power: fc.constantFrom("stopped", "running", "paused"),
  upMs: fc.constantFrom(0, 1_000_000),
  idleTimeoutMs: fc.constantFrom(...idleTimeouts),
  wakeTimeoutMs: fc.constantFrom(...wakeTimeouts),
  stopMethod: fc.constantFrom(...stopMethods),
  byUrl: fc.boolean(),
  lost: fc.constantFrom(false, false, false, true),
  slowStop: fc.boolean(),
  slowSignalMs: fc.constantFrom(0, 0, 700),
  actions: fc.array(action, { minLength: 1, maxLength: 60, size: "max" }),
  abrupt: fc.constantFrom(false, false, false, true),
});
