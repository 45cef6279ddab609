import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { atMost, hopedFor, information, isMet, isMissed, neverOver } from "./row.ts";
import { percentile, toSpread } from "./stats.ts";

const result = (...figures: Parameters<typeof isMet>[0][]) => ({ figures, notes: [] });

describe("judging", () => {
  it("judges by the median, not by the worst", () => {
    assert.equal(isMet(atMost("x", "ms", [1, 2, 100], 2), false), true);
    assert.equal(isMet(atMost("x", "ms", [1, 3, 3], 2), false), false);
  });

  it("judges by the worst where that is the target", () => {
    assert.equal(isMet(neverOver("x", "ms", [1, 2, 100], 99), false), false);
  });

  it("allows a smoke run half as much again, in either direction", () => {
    assert.equal(isMet(atMost("x", "ms", [14], 10), true), true);
    assert.equal(isMet(atMost("x", "ms", [16], 10), true), false);
    assert.equal(isMet(hopedFor("x", "x", [0.7], { is: "at least", value: 0.9 }), true), true);
    assert.equal(isMet(hopedFor("x", "x", [0.7], { is: "at least", value: 0.9 }), false), false);
  });

  it("fails a run by targets alone, not by what is hoped for or only told", () => {
    const hoped = hopedFor("x", "x", [0.1], { is: "at least", value: 0.9 });
    assert.equal(isMissed(result(hoped, information("x", "ms", [1e9])), false), false);
    assert.equal(isMissed(result(hoped, atMost("x", "ms", [3], 2)), false), true);
  });

  it("never takes a figure that is no number for a good one", () => {
    assert.equal(isMet(atMost("x", "ms", [Number.NaN], 10), false), false);
    assert.throws(() => atMost("x", "ms", [], 10));
  });
});

describe("figures", () => {
  it("takes the middle of an even number of values between the two", () => {
    assert.deepEqual(toSpread([4, 1, 3, 2]), { min: 1, median: 2.5, max: 4 });
    assert.deepEqual(toSpread([9, 1, 5]), { min: 1, median: 5, max: 9 });
  });

  it("finds the 99th percentile by rank, not by sorting as text", () => {
    assert.equal(
      percentile(
        Array.from({ length: 1_000 }, (_, n) => n + 1),
        0.99,
      ),
      990,
    );
    assert.equal(percentile([7], 0.99), 7);
  });
});
