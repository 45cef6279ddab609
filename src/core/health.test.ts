import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  type CheckOutcome,
  type HealthInput,
  type HealthPolicy,
  type HealthState,
  type HealthStatus,
  healthStatuses,
  initialHealth,
  nextCheckAt,
  phaseMs,
  retryDelayMs,
  slowedMs,
  stepHealth,
} from "./health.ts";

const policy: HealthPolicy = { fall: 3, rise: 2, retries: 3, startGraceMs: 10_000 };
const at = 1_000;

type Kind = CheckOutcome["kind"];

function inStatus(status: HealthStatus): HealthState {
  return { ...initialHealth(0, false), status };
}

/** Feeds results one after the other, a second apart; returns the status after each. */
function statuses(from: HealthState, kinds: readonly Kind[], rules: HealthPolicy = policy): HealthStatus[] {
  let state = from;
  return kinds.map((kind, n) => {
    ({ state } = stepHealth(state, { type: "checked", outcome: { kind } }, rules, at + n));
    return state.status;
  });
}

/** contract.md "Health table", every cell: status before, results, statuses after each. */
const table: readonly (readonly [HealthStatus, readonly Kind[], readonly HealthStatus[]])[] = [
  ["unknown", ["pass"], ["healthy"]],
  ["unknown", ["fail"], ["unhealthy"]],
  ["unknown", ["error"], ["error"]],
  ["starting", ["pass"], ["healthy"]],
  ["starting", ["fail"], ["unhealthy"]],
  ["starting", ["error"], ["error"]],
  ["healthy", ["pass"], ["healthy"]],
  ["healthy", ["fail", "fail", "fail"], ["healthy", "healthy", "unhealthy"]],
  ["healthy", ["error"], ["error"]],
  ["unhealthy", ["pass", "pass"], ["unhealthy", "healthy"]],
  ["unhealthy", ["fail"], ["unhealthy"]],
  ["unhealthy", ["error"], ["error"]],
  ["error", ["pass", "pass"], ["error", "healthy"]],
  ["error", ["fail", "fail", "fail"], ["error", "error", "unhealthy"]],
  ["error", ["error"], ["error"]],
  ["napping", ["pass"], ["napping"]],
  ["napping", ["fail"], ["napping"]],
  ["napping", ["error"], ["napping"]],
  ["stopped", ["pass"], ["stopped"]],
  ["stopped", ["fail"], ["stopped"]],
  ["stopped", ["error"], ["stopped"]],
];

const lifecycle: readonly (readonly [HealthInput, HealthStatus])[] = [
  [{ type: "watch" }, "unknown"],
  [{ type: "waking" }, "starting"],
  [{ type: "woken" }, "starting"],
  [{ type: "asleep" }, "napping"],
  [{ type: "stopped" }, "stopped"],
  [{ type: "failed", alarm: false }, "error"],
  [{ type: "failed", alarm: true }, "error"],
];

describe("health table", () => {
  it("has a row for each status and result", () => {
    assert.equal(new Set(table.map(([from, [kind]]) => `${from} ${kind}`)).size, healthStatuses.length * 3);
  });
  for (const [from, kinds, expected] of table) {
    it(`${from}, then ${kinds.join(", ")}: ${expected.join(", ")}`, () =>
      assert.deepEqual(statuses(inStatus(from), kinds), expected));
  }

  for (const [input, expected] of lifecycle) {
    it(`any, then ${JSON.stringify(input)}: ${expected}, every row forgotten`, () => {
      for (const from of healthStatuses) {
        const before = { ...inStatus(from), passes: 1, fails: 2, errors: 2, bad: 2 };
        const { state } = stepHealth(before, input, policy, at);
        assert.equal(state.status, expected);
        assert.equal(state.passes + state.fails, 0);
        assert.equal(state.since, from === expected ? 0 : at);
      }
    });
  }

  it("starts a row anew at each result of another kind", () => {
    assert.deepEqual(statuses(inStatus("healthy"), ["fail", "fail", "pass", "fail", "fail"]).at(-1), "healthy");
    assert.deepEqual(statuses(inStatus("unhealthy"), ["pass", "fail", "pass"]).at(-1), "unhealthy");
    assert.deepEqual(statuses(inStatus("error"), ["fail", "fail", "error", "fail", "fail"]).at(-1), "error");
    assert.deepEqual(statuses(inStatus("error"), ["pass", "error", "pass"]).at(-1), "error");
  });

  it("believes an engine that has counted by itself at once", () => {
    const outcome = { kind: "fail", decisive: true } as const;
    const { state, notice } = stepHealth(inStatus("healthy"), { type: "checked", outcome }, policy, at);
    assert.deepEqual([state.status, notice], ["unhealthy", "down"]);
  });

  it("lets nothing fail before the grace is over, but passes and errors count", () => {
    const woken = stepHealth(inStatus("napping"), { type: "woken" }, policy, at).state;
    const check = (kind: Kind, now: number) =>
      stepHealth(woken, { type: "checked", outcome: { kind } }, { ...policy, retries: -1 }, now);
    assert.deepEqual(check("fail", at + 9_999), { state: woken, notice: null });
    assert.equal(check("fail", at + 10_000).state.status, "unhealthy");
    assert.equal(check("fail", at + 10_000).notice, "down");
    assert.equal(check("pass", at + 1).state.status, "healthy");
    assert.equal(check("error", at + 1).state.status, "error");
  });
});

describe("flapping", () => {
  const thresholds = [1, 2, 3, 5];
  for (const fall of thresholds) {
    for (const rise of thresholds) {
      it(`changes nothing as long as no row reaches fall ${fall} or rise ${rise}`, () => {
        const rules = { ...policy, fall, rise, retries: fall };
        const wave = (kind: Kind, length: number): Kind[] => Array.from({ length }, () => kind);
        const other = (kind: Kind): Kind => (kind === "pass" ? "fail" : "pass");
        for (const [from, kind, limit] of [
          ["healthy", "fail", fall],
          ["unhealthy", "pass", rise],
        ] as const) {
          // One short of the threshold, broken by one of the other kind, again and again.
          const almost = Array.from({ length: 10 }, () => [...wave(kind, limit - 1), other(kind)]).flat();
          assert.deepEqual(new Set(statuses(inStatus(from), almost, rules)), new Set([from]));
          assert.notEqual(statuses(inStatus(from), wave(kind, limit), rules).at(-1), from);
        }
      });
    }
  }
});

const outcome: fc.Arbitrary<CheckOutcome> = fc.oneof(
  fc.record({ kind: fc.constantFrom("pass", "error") }),
  fc.record({ kind: fc.constant("fail" as const), decisive: fc.boolean() }),
);
const input: fc.Arbitrary<HealthInput> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constant("checked" as const), outcome }) },
  fc.record({ type: fc.constantFrom("watch", "waking", "woken", "asleep", "stopped") }),
  fc.record({ type: fc.constant("failed" as const), alarm: fc.boolean() }),
);
const anyPolicy: fc.Arbitrary<HealthPolicy> = fc.record({
  fall: fc.integer({ min: 1, max: 4 }),
  rise: fc.integer({ min: 1, max: 4 }),
  retries: fc.integer({ min: -1, max: 5 }),
  startGraceMs: fc.integer({ min: 0, max: 5_000 }),
});

describe("notices", () => {
  for (const [retries, failures] of [
    [-1, 1],
    [0, 1],
    [1, 1],
    [3, 3],
  ] as const) {
    it(`retries ${retries}: down once, at failure ${failures}, up at the first pass that makes it healthy`, () => {
      let state = inStatus("healthy");
      const told: (string | null)[] = [];
      const feed = (kind: Kind): void => {
        const step = stepHealth(state, { type: "checked", outcome: { kind } }, { ...policy, retries, rise: 2 }, at);
        state = step.state;
        told.push(step.notice);
      };
      for (let n = 0; n < 6; n++) feed("fail");
      assert.equal(told.indexOf("down"), failures - 1);
      assert.equal(told.filter((notice) => notice !== null).length, 1);
      feed("pass");
      feed("pass");
      feed("pass");
      assert.deepEqual(told.slice(6), [null, "up", null]);
    });
  }

  it("counts errors and failures together, whatever their order", () => {
    let state = inStatus("healthy");
    const told = (["fail", "error", "fail"] as const).map((kind) => {
      const step = stepHealth(state, { type: "checked", outcome: { kind } }, policy, at);
      state = step.state;
      return step.notice;
    });
    assert.deepEqual(told, [null, null, "down"]);
  });

  it("tells of the up also after it slept in between, and after a restart", () => {
    const down = { ...inStatus("unhealthy"), down: true };
    const asleep = stepHealth(down, { type: "asleep" }, policy, at).state;
    const woken = stepHealth(asleep, { type: "woken" }, policy, at).state;
    for (const state of [woken, initialHealth(at, true)])
      assert.equal(stepHealth(state, { type: "checked", outcome: { kind: "pass" } }, policy, at).notice, "up");
  });

  it("alternate down, up, down …, beginning with down, whatever happens", () => {
    fc.assert(
      fc.property(anyPolicy, fc.array(fc.tuple(input, fc.nat(3_000)), { maxLength: 80 }), (rules, inputs) => {
        let state = initialHealth(0, false);
        let now = 0;
        const told: string[] = [];
        for (const [next, laterMs] of inputs) {
          now += laterMs;
          const step = stepHealth(state, next, rules, now);
          state = step.state;
          if (step.notice !== null) told.push(step.notice);
          assert.equal(state.down, told.at(-1) === "down");
          if (step.notice === "up") assert.equal(state.status, "healthy");
          if (next.type === "asleep" || next.type === "stopped") assert.equal(step.notice, null);
        }
        assert.deepEqual(
          told,
          told.map((_, n) => (n % 2 === 0 ? "down" : "up")),
        );
      }),
      { numRuns: 500 },
    );
  });

  it("follow the thresholds: status and notice never change before their rows are full", () => {
    fc.assert(
      fc.property(anyPolicy, fc.array(outcome, { maxLength: 60 }), (rules, outcomes) => {
        let state: HealthState = { ...initialHealth(0, false), status: "healthy" };
        for (const each of outcomes) {
          const before = state;
          const step = stepHealth(before, { type: "checked", outcome: each }, rules, 0);
          state = step.state;
          if (before.status !== "unhealthy" && state.status === "unhealthy")
            assert.ok(state.fails >= rules.fall || (each.kind === "fail" && each.decisive === true));
          if (before.status !== "healthy" && state.status === "healthy") assert.ok(state.passes >= rules.rise);
        }
      }),
    );
  });
});

describe("pace", () => {
  it("slows down from the fifth error in a row on, and is back at once", () => {
    assert.deepEqual(
      [0, 1, 4].map((errors) => slowedMs(errors, 30_000)),
      [0, 0, 0],
    );
    assert.deepEqual(
      [5, 6, 7, 8, 99].map((errors) => slowedMs(errors, 30_000)),
      [60_000, 120_000, 240_000, 300_000, 300_000],
    );
    assert.equal(slowedMs(9, 600_000), 600_000, "never faster than usual");
  });

  it("doubles between the first tries after a wake, up to the cap, then stops", () => {
    const retry = { max: 6, initialMs: 500, capMs: 8_000 };
    const delays = [1, 2, 3, 4, 5, 6, 7].map((attempt) => retryDelayMs(retry, attempt));
    assert.deepEqual(delays, [500, 1_000, 2_000, 4_000, 8_000, 8_000, null]);
    assert.equal(retryDelayMs({ ...retry, max: 0 }, 1), null);
  });

  it("checks each route at its own place of the interval, at least half of one after the first", () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1_000, max: 600_000 }), fc.nat(1e9), (alias, intervalMs, now) => {
        const phase = phaseMs(alias, intervalMs);
        const first = nextCheckAt(now, intervalMs, phase);
        assert.ok(first - now >= intervalMs / 2 && first - now < intervalMs * 1.5);
        assert.equal(nextCheckAt(first, intervalMs, phase), first + intervalMs);
      }),
    );
  });

  it("spreads ten thousand routes over the interval", () => {
    const perSecond = Array.from({ length: 30 }, () => 0);
    for (let n = 0; n < 10_000; n++) {
      const second = Math.floor(phaseMs(`app${n}`, 30_000) / 1_000);
      perSecond[second] = (perSecond[second] ?? 0) + 1;
    }
    assert.ok(Math.max(...perSecond) < 450 && Math.min(...perSecond) > 230, perSecond.join(" "));
  });
});
