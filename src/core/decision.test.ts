import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import type { RequestClass } from "./classify.ts";
import { decide } from "./decision.ts";
import type { Decision, Question } from "./decision.ts";
import type { Strategy } from "./spec.ts";
import { stateNames } from "./state.ts";
import type { StateName } from "./state.ts";

const question: Question = {
  state: "napping",
  dependencyAway: false,
  requestClass: "navigation",
  counts: true,
  strategy: "auto",
  holdMs: 25_000,
  graceMs: 400,
  maxHoldMs: 24_000,
  mayWake: true,
  inBackOff: false,
  overQuota: false,
  hasPublicUrl: true,
  handOver: "url",
};

const classes: readonly RequestClass[] = ["navigation", "other", "no_wake"];
const strategies: readonly Strategy[] = ["auto", "page", "hold", "redirect"];

function wake(holdMs: number, otherwise: "page" | "redirect" | "problem"): Decision {
  return { do: "wake", holdMs, otherwise, count: true, handOver: "url" };
}

const graceThenPage = wake(400, "page");
const holdThenPage = wake(24_000, "page");
const holdThenProblem = wake(24_000, "problem");
const graceThenRedirect = wake(400, "redirect");

/** Design §8.2 with a request that may wake and is within its quota: what each strategy makes of a sleeping one. */
const waking: Record<Strategy, Record<"navigation" | "other", Decision>> = {
  auto: { navigation: graceThenPage, other: holdThenProblem },
  page: { navigation: graceThenPage, other: graceThenPage },
  hold: { navigation: holdThenPage, other: holdThenProblem },
  redirect: { navigation: graceThenRedirect, other: holdThenProblem },
};

const allow: Decision = { do: "allow", count: true };
const firstLook: Decision = { do: "wait_first_look", holdMs: 2000, count: true };

function expected(state: StateName, requestClass: RequestClass, strategy: Strategy): Decision {
  const pageForAll = strategy === "page" && requestClass === "other";
  switch (state) {
    case "ready":
      return allow;
    case "unknown":
      return requestClass === "no_wake" ? { do: "allow", count: false } : firstLook;
    case "gone":
      return { do: "gone", as: requestClass === "navigation" || pageForAll ? "page" : "problem" };
    case "napping":
    case "starting":
    case "stopping":
    case "error":
      return requestClass === "no_wake" ? { do: "asleep" } : waking[strategy][requestClass];
  }
}

describe("every state, class and strategy", () => {
  for (const state of stateNames) {
    for (const requestClass of classes) {
      for (const strategy of strategies) {
        test(`${state}, ${requestClass}, ${strategy}`, () => {
          assert.deepEqual(
            decide({ ...question, state, requestClass, strategy }),
            expected(state, requestClass, strategy),
          );
        });
      }
    }
  }
});

describe("what may not wake", () => {
  const mayNot = { ...question, mayWake: false };
  for (const state of ["napping", "stopping", "error"] as const) {
    test(`${state}: 403, and no_wake is asleep all the same`, () => {
      assert.deepEqual(decide({ ...mayNot, state }), { do: "forbidden", as: "page" });
      assert.deepEqual(decide({ ...mayNot, state, requestClass: "other" }), { do: "forbidden", as: "problem" });
      assert.deepEqual(decide({ ...mayNot, state, requestClass: "no_wake" }), { do: "asleep" });
    });
  }

  test("waits with the others for a wake somebody else caused, and passes when it is ready", () => {
    assert.deepEqual(decide({ ...mayNot, state: "starting" }), graceThenPage);
    assert.deepEqual(decide({ ...mayNot, state: "ready" }), allow);
  });

  test("is refused before the quota is looked at", () => {
    assert.deepEqual(decide({ ...mayNot, overQuota: true }), { do: "forbidden", as: "page" });
  });
});

describe("over the wake quota", () => {
  const over = { ...question, overQuota: true };
  for (const state of ["napping", "stopping", "error"] as const) {
    test(`${state}: 429 for all but no_wake`, () => {
      assert.deepEqual(decide({ ...over, state }), { do: "quota", as: "page" });
      assert.deepEqual(decide({ ...over, state, requestClass: "other" }), { do: "quota", as: "problem" });
      assert.deepEqual(decide({ ...over, state, requestClass: "no_wake" }), { do: "asleep" });
    });
  }

  test("costs nothing where no start is caused", () => {
    assert.deepEqual(decide({ ...over, state: "starting" }), graceThenPage);
    assert.deepEqual(decide({ ...over, state: "ready" }), allow);
    assert.deepEqual(decide({ ...over, state: "error", inBackOff: true }), { do: "failed", as: "page" });
  });
});

describe("in error", () => {
  test("inside the back-off the failure is shown, and no_wake stays asleep", () => {
    const failing = { ...question, state: "error", inBackOff: true } as const;
    assert.deepEqual(decide(failing), { do: "failed", as: "page" });
    assert.deepEqual(decide({ ...failing, requestClass: "other" }), { do: "failed", as: "problem" });
    assert.deepEqual(decide({ ...failing, requestClass: "no_wake" }), { do: "asleep" });
  });
});

describe("ready, but a dependency is away", () => {
  const away = { ...question, state: "ready", dependencyAway: true } as const;
  test("is woken like a sleeping one, under the same conditions", () => {
    assert.deepEqual(decide(away), graceThenPage);
    assert.deepEqual(decide({ ...away, requestClass: "other" }), holdThenProblem);
    assert.deepEqual(decide({ ...away, requestClass: "no_wake" }), { do: "asleep" });
    assert.deepEqual(decide({ ...away, mayWake: false }), { do: "forbidden", as: "page" });
  });
});

test("redirect without public_url shows the page", () => {
  assert.deepEqual(decide({ ...question, strategy: "redirect", hasPublicUrl: false }), graceThenPage);
});

test("hand-over and count are passed on", () => {
  const decision = decide({ ...question, handOver: "docker", counts: false });
  assert.deepEqual(decision, { do: "wake", holdMs: 400, otherwise: "page", count: false, handOver: "docker" });
  assert.deepEqual(decide({ ...question, state: "ready", counts: false }), { do: "allow", count: false });
});

const anyQuestion: fc.Arbitrary<Question> = fc.record({
  state: fc.constantFrom(...stateNames),
  dependencyAway: fc.boolean(),
  requestClass: fc.constantFrom(...classes),
  counts: fc.boolean(),
  strategy: fc.constantFrom(...strategies),
  holdMs: fc.nat(60_000),
  graceMs: fc.nat(60_000),
  maxHoldMs: fc.nat(60_000),
  mayWake: fc.boolean(),
  inBackOff: fc.boolean(),
  overQuota: fc.boolean(),
  hasPublicUrl: fc.boolean(),
  handOver: fc.constantFrom("url" as const, "docker" as const),
});

describe("for every question", () => {
  test("nobody is held longer than the proxy in front allows", () => {
    fc.assert(
      fc.property(anyQuestion, (asked) => {
        const decision = decide(asked);
        if ("holdMs" in decision) assert.ok(decision.holdMs <= asked.maxHoldMs);
      }),
    );
  });

  test("no_wake never wakes, is never held and never counts", () => {
    fc.assert(
      fc.property(anyQuestion, (asked) => {
        const decision = decide({ ...asked, requestClass: "no_wake", counts: false });
        assert.ok(["allow", "asleep", "gone"].includes(decision.do), decision.do);
        if (decision.do === "allow") assert.equal(decision.count, false);
      }),
    );
  });

  test("what may not wake wakes nothing: at most it waits for a start that is under way", () => {
    fc.assert(
      fc.property(anyQuestion, (asked) => {
        if (decide({ ...asked, mayWake: false }).do === "wake") assert.equal(asked.state, "starting");
      }),
    );
  });

  test("programs never get a redirect, and only with strategy page a page", () => {
    fc.assert(
      fc.property(anyQuestion, (asked) => {
        const decision = decide({ ...asked, requestClass: "other" });
        const shown = "as" in decision ? decision.as : decision.do === "wake" ? decision.otherwise : "problem";
        assert.notEqual(shown, "redirect");
        if (asked.strategy !== "page") assert.equal(shown, "problem");
      }),
    );
  });
});
