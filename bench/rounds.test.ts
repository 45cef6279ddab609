import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isNoisy, ratioOfTotals, ratiosOf, runRounds, type Sample, valuesOf } from "./rounds.ts";

const sample = (cpuUs: number): Sample => ({ cpuUs, rps: 1_000, p99Ms: 1 });

/** A variant that measures these figures one after the other, and notes when it was asked. */
function scripted(name: string, figures: readonly number[], asked: string[] = []) {
  let next = 0;
  return {
    name,
    settle: () => Promise.resolve(),
    measure() {
      asked.push(name);
      return Promise.resolve(sample(figures[next++ % figures.length]!));
    },
  };
}

describe("runRounds", () => {
  it("measures the base at both ends of a round and draws the order of the others", async () => {
    const asked: string[] = [];
    const lots = [0.1, 0.2, 0.9, 0.3];
    await runRounds(scripted("base", [10], asked), [scripted("a", [1], asked), scripted("b", [1], asked)], {
      count: 2,
      random: () => lots.shift() ?? 0,
    });
    assert.deepEqual(asked, ["base", "a", "b", "base", "base", "b", "a", "base"]);
  });

  it("throws a round away whose two base figures differ by more than a quarter", async () => {
    // Rounds: 10 and 20 (noise), 10 and 12 (kept).
    const rounds = await runRounds(scripted("base", [10, 20, 10, 12]), [scripted("a", [99, 22])], { count: 1 });
    assert.equal(rounds.thrownAway, 1);
    assert.deepEqual(valuesOf(rounds, "a", "cpuUs"), [22]);
    assert.deepEqual(ratiosOf(rounds, "a", "cpuUs"), [2]);
  });

  it("fails on a machine that is never quiet, rather than judging by what is left", async () => {
    await assert.rejects(runRounds(scripted("base", [10, 20]), [scripted("a", [1])], { count: 2 }), /quiet/);
  });

  it("pairs two variants within a round", async () => {
    const rounds = await runRounds(scripted("base", [10]), [scripted("a", [8, 30]), scripted("b", [16, 20])], {
      count: 2,
      random: () => 0,
    });
    assert.deepEqual(ratiosOf(rounds, "a", "cpuUs", "b"), [0.5, 1.5]);
  });
});

describe("ratioOfTotals", () => {
  it("counts what is rare and dear, which a median does not see", async () => {
    const rounds = await runRounds(scripted("base", [10]), [scripted("a", [10, 10, 40])], { count: 3 });
    assert.deepEqual(ratiosOf(rounds, "a", "cpuUs"), [1, 1, 4]);
    assert.equal(ratioOfTotals(rounds, "a"), 2);
  });
});

describe("isNoisy", () => {
  it("compares with the smaller figure, whichever came first", () => {
    assert.equal(isNoisy(sample(10), sample(12.5)), false);
    assert.equal(isNoisy(sample(10), sample(12.6)), true);
    assert.equal(isNoisy(sample(12.6), sample(10)), true);
  });
});
