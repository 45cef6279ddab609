import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import type { Failure } from "./errors.ts";
import { retryBackOffMs, stateNames, step } from "./state.ts";
import type { Command, Input, InputType, State, StateName, Step } from "./state.ts";

const now = 5_000_000;
const policy = { wakeTimeoutMs: 120_000 };
const failure: Failure = { code: "WAKE_TIMEOUT", message: "not ready within 2m" };

const states = {
  unknown: { name: "unknown" },
  napping: { name: "napping" },
  starting: { name: "starting", startedAt: now - 1000, failedWakes: 2 },
  ready: { name: "ready" },
  stopping: { name: "stopping", wakeQueued: false, from: "ready" },
  error: { name: "error", failure, failedWakes: 2, nextTryAt: now, running: true },
  gone: { name: "gone" },
} as const satisfies Record<StateName, State>;

const inputs = {
  looked: { type: "looked", power: "stopped", upMs: 0 },
  wake: { type: "wake", insist: false, dependenciesReady: true },
  readiness_passed: { type: "readiness_passed" },
  completed: { type: "completed" },
  wake_failed: { type: "wake_failed", failure, running: true },
  sleep: { type: "sleep" },
  sleep_done: { type: "sleep_done" },
  sleep_refused: { type: "sleep_refused", failure },
  exited: { type: "exited", failure },
  stopped_outside: { type: "stopped_outside" },
  started_outside: { type: "started_outside" },
  deleted: { type: "deleted" },
  found: { type: "found" },
} as const satisfies Record<InputType, Input>;

const stoppedOutside: Step = {
  state: { name: "napping" },
  commands: [
    {
      type: "release",
      with: "failure",
      failure: { code: "STOPPED_OUTSIDE", message: "it was stopped or paused while it was being woken" },
    },
  ],
};
const inputTypes = Object.keys(inputs) as InputType[];

const releaseReady: Command = { type: "release", with: "ready" };
const releaseChange: Command = { type: "release", with: "change" };
const releaseFailure: Command = { type: "release", with: "failure", failure };

function starting(failedWakes: number, ...commands: Command[]): Step {
  return { state: { name: "starting", startedAt: now, failedWakes }, commands };
}

function failed(failedWakes: number, running: boolean): Step {
  const nextTryAt = now + retryBackOffMs(failedWakes);
  const slowly: Command[] = running ? [{ type: "probe_slowly" }] : [];
  return { state: { name: "error", failure, failedWakes, nextTryAt, running }, commands: [releaseFailure, ...slowly] };
}

const napping: Step = { state: { name: "napping" }, commands: [releaseChange] };
const ready: Step = { state: { name: "ready" }, commands: [releaseReady] };
const stoppingFrom = (from: "ready" | "asleep" | "failed"): Step => ({
  state: { name: "stopping", wakeQueued: false, from },
  commands: [{ type: "sleep" }],
});
const nappingQuietly: Step = { state: { name: "napping" }, commands: [] };
const gone: Step = {
  state: { name: "gone" },
  commands: [{ type: "release", with: "failure", failure: { code: "GONE", message: "the engine no longer has it" } }],
};

/** contract.md "State table", with the states and inputs above; what is not here must change nothing. */
const table: Record<StateName, Partial<Record<InputType, Step>>> = {
  unknown: { looked: napping, deleted: gone },
  napping: {
    wake: starting(0, { type: "start" }),
    started_outside: starting(0, { type: "count_as_used" }, { type: "probe" }),
    sleep: stoppingFrom("asleep"),
    deleted: gone,
  },
  starting: {
    readiness_passed: ready,
    completed: { state: { name: "napping" }, commands: [releaseReady] },
    wake_failed: failed(3, true),
    exited: failed(3, false),
    sleep: stoppingFrom("failed"),
    stopped_outside: stoppedOutside,
    deleted: gone,
  },
  ready: {
    sleep: stoppingFrom("ready"),
    exited: failed(1, false),
    completed: nappingQuietly,
    stopped_outside: nappingQuietly,
    deleted: gone,
  },
  stopping: {
    wake: { state: { name: "stopping", wakeQueued: true, from: "ready" }, commands: [] },
    sleep_done: napping,
    sleep_refused: { state: { name: "ready" }, commands: [releaseReady, { type: "retry_sleep" }] },
    deleted: gone,
  },
  error: {
    wake: starting(2, { type: "start" }),
    readiness_passed: ready,
    sleep: stoppingFrom("failed"),
    exited: { state: { ...states.error, running: false }, commands: [] },
    completed: nappingQuietly,
    stopped_outside: nappingQuietly,
    started_outside: starting(2, { type: "count_as_used" }, { type: "probe" }),
    deleted: gone,
  },
  gone: { found: { state: { name: "unknown" }, commands: [{ type: "look" }] } },
};

describe("every state and input", () => {
  for (const name of stateNames) {
    for (const type of inputTypes) {
      const expected = table[name][type];
      test(`${name} + ${type} → ${expected?.state.name ?? "nothing"}`, () => {
        const before: State = states[name];
        const result = step(before, inputs[type], policy, now);
        if (expected === undefined) {
          assert.equal(result.state, before, "the very same state");
          assert.deepEqual(result.commands, []);
        } else {
          assert.deepEqual(result, expected);
        }
      });
    }
  }
});

describe("what the input says decides", () => {
  const rows: readonly (readonly [string, State, Input, Step | null])[] = [
    ["first look at what has long been up", states.unknown, { type: "looked", power: "running", upMs: 120_001 }, ready],
    [
      "first look at what may still be starting",
      states.unknown,
      { type: "looked", power: "running", upMs: 120_000 },
      starting(0, { type: "probe" }),
    ],
    [
      "a wake of a ready one whose dependency went away",
      states.ready,
      { type: "wake", insist: false, dependenciesReady: false },
      starting(0, { type: "start" }),
    ],
    [
      "a wake failure with nothing running",
      states.starting,
      { type: "wake_failed", failure, running: false },
      failed(3, false),
    ],
    [
      "a stop that ends with a wake queued",
      { ...states.stopping, wakeQueued: true },
      inputs.sleep_done,
      starting(0, { type: "start" }),
    ],
    ["a second wake behind a stop", { ...states.stopping, wakeQueued: true }, inputs.wake, null],
    [
      "a deeper sleep that is refused",
      { ...states.stopping, from: "asleep" },
      inputs.sleep_refused,
      { state: states.napping, commands: [releaseChange, { type: "retry_sleep" }] },
    ],
    [
      "a deeper sleep that is refused with a wake queued",
      { name: "stopping", wakeQueued: true, from: "asleep" },
      inputs.sleep_refused,
      starting(0, { type: "start" }),
    ],
    [
      "a refused stop of what never answered",
      { ...states.stopping, from: "failed" },
      inputs.sleep_refused,
      { ...failed(1, true), commands: [...failed(1, true).commands, { type: "retry_sleep" }] },
    ],
    [
      "a refused stop of what never answered with a wake queued",
      { name: "stopping", wakeQueued: true, from: "failed" },
      inputs.sleep_refused,
      starting(0, { type: "start" }),
    ],
    ["a request within the back-off", { ...states.error, nextTryAt: now + 1 }, inputs.wake, null],
    [
      "a person within the back-off",
      { ...states.error, nextTryAt: now + 1 },
      { type: "wake", insist: true, dependenciesReady: true },
      starting(2, { type: "start" }),
    ],
    ["late readiness of what does not run", { ...states.error, running: false }, inputs.readiness_passed, null],
    ["sleep of a failed one that does not run", { ...states.error, running: false }, inputs.sleep, null],
    ["exit of a failed one that does not run", { ...states.error, running: false }, inputs.exited, null],
  ];
  for (const [title, before, input, expected] of rows) {
    test(title, () => {
      assert.deepEqual(step(before, input, policy, now), expected ?? { state: before, commands: [] });
    });
  }
});

test("the retry back-off doubles from 5 s to 5 min", () => {
  const times = [1, 2, 3, 4, 5, 6, 7, 8, 1000].map(retryBackOffMs);
  assert.deepEqual(times, [5000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 300_000]);
});

const anyInput: fc.Arbitrary<Input> = fc.oneof(
  fc.record({
    type: fc.constant("looked" as const),
    power: fc.constantFrom("running" as const, "stopped" as const),
    upMs: fc.nat(300_000),
  }),
  fc.record({ type: fc.constant("wake" as const), insist: fc.boolean(), dependenciesReady: fc.boolean() }),
  fc.record({ type: fc.constant("wake_failed" as const), failure: fc.constant(failure), running: fc.boolean() }),
  fc.constantFrom<Input>(...inputTypes.map((type) => inputs[type])),
);

const anyRun = fc.array(fc.record({ input: anyInput, afterMs: fc.nat(400_000) }), { maxLength: 60 });

interface Moment extends Step {
  readonly before: State;
  readonly input: Input;
  readonly at: number;
}

/** Everything that happens when a fresh workload meets these inputs, each some time after the one before. */
function play(run: readonly { readonly input: Input; readonly afterMs: number }[]): readonly Moment[] {
  let state: State = { name: "unknown" };
  let at = now;
  return run.map(({ input, afterMs }) => {
    const before = state;
    at += afterMs;
    const result = step(before, input, policy, at);
    state = result.state;
    return { ...result, before, input, at };
  });
}

function forAllMoments(holds: (moment: Moment) => void): void {
  fc.assert(fc.property(anyRun, (run) => play(run).forEach(holds)));
}

const waitingStates = new Set<StateName>(["unknown", "starting", "stopping"]);

describe("invariants (design §9)", () => {
  test("one start in flight: a start or probe begins only with entering `starting`, never during a stop", () => {
    forAllMoments(({ before, state, commands, input }) => {
      const begins = commands.filter(({ type }) => type === "start" || type === "probe").length;
      const entered = state.name === "starting" && before.name !== "starting";
      assert.equal(begins, entered ? 1 : 0);
      if (entered && before.name === "stopping") assert.match(input.type, /^sleep_(done|refused)$/);
    });
  });

  test("no stop while in use: a stop is sent only because a verdict or somebody asked, to what may run", () => {
    forAllMoments(({ before, state, commands, input }) => {
      if (!commands.some(({ type }) => type === "sleep")) return;
      assert.equal(input.type, "sleep");
      assert.equal(state.name, "stopping");
      // What naps may be paused: it goes deeper.
      const mayRun = before.name === "error" ? before.running : /^(starting|ready|napping)$/.test(before.name);
      assert.ok(mayRun, before.name);
    });
  });

  test("every waiter is answered: whoever waits is released when waiting ends, and only then by a failure", () => {
    forAllMoments(({ before, state, commands }) => {
      const releases = commands.filter(({ type }) => type === "release");
      assert.ok(releases.length <= 1, "one change releases once");
      const left = waitingStates.has(before.name) && !waitingStates.has(state.name);
      if (left) assert.equal(releases.length, 1, `${before.name} → ${state.name}`);
      if (waitingStates.has(state.name)) assert.equal(releases.length, 0, "nobody is told before it is over");
    });
  });

  test("what waiters are told is what the state says", () => {
    const toldIn: Partial<Record<StateName, string>> = {
      ready: "ready",
      error: "failure",
      gone: "failure",
      napping: "change",
    };
    forAllMoments(({ before, state, commands, input }) => {
      for (const command of commands) {
        if (command.type !== "release") continue;
        // Stopped under those who waited for it: no mere change to them. Run to its end: what they waited for.
        const isStopped = before.name === "starting" && state.name === "napping";
        const ended = input.type === "completed" ? "ready" : "failure";
        assert.equal(command.with, isStopped ? ended : toldIn[state.name]);
        assert.equal(command.failure !== undefined, command.with === "failure");
      }
    });
  });

  test("`starting` always ends: its clock is never reset, and the wake_timeout always takes it to error", () => {
    forAllMoments(({ before, state, at }) => {
      if (state.name !== "starting") return;
      if (before.name === "starting") assert.equal(state, before);
      else assert.equal(state.startedAt, at);
      const timedOut = step(state, { type: "wake_failed", failure, running: false }, policy, at + policy.wakeTimeoutMs);
      assert.equal(timedOut.state.name, "error");
      assert.deepEqual(timedOut.commands, [releaseFailure]);
    });
  });

  test("no command without a state that explains it", () => {
    const explains: Record<Command["type"], readonly StateName[]> = {
      start: ["starting"],
      probe: ["starting"],
      count_as_used: ["starting"],
      probe_slowly: ["error"],
      sleep: ["stopping"],
      retry_sleep: ["ready", "napping", "error"],
      look: ["unknown"],
      release: ["napping", "ready", "error", "gone"],
    };
    forAllMoments(({ before, state, commands }) => {
      for (const { type } of commands) assert.ok(explains[type].includes(state.name), `${type} in ${state.name}`);
      if (state === before) assert.deepEqual(commands, [], "nothing is sent where nothing changed");
    });
  });

  test("only a successful wake, a stop or a deletion forgets how many wakes failed in a row", () => {
    forAllMoments(({ before, state, at }) => {
      if (before.name === "starting" && state.name === "error") assert.equal(state.failedWakes, before.failedWakes + 1);
      if (before.name === "error" && state.name === "starting") assert.equal(state.failedWakes, before.failedWakes);
      if (state.name === "error" && before.name !== "error") assert.ok(state.nextTryAt > at);
    });
  });
});
