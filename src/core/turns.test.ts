import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createTurns } from "./turns.ts";

const all = (): boolean => true;
const take = (next: () => string | null, count: number): string =>
  Array.from({ length: count }, () => next() ?? "-").join("");

describe("turns of several upstreams", () => {
  it("are even, and spread by weight", () => {
    const even = createTurns([
      { url: "a", weight: 1 },
      { url: "b", weight: 1 },
    ]);
    assert.equal(
      take(() => even(all), 6),
      "ababab",
    );
    const weighted = createTurns([
      { url: "a", weight: 2 },
      { url: "b", weight: 1 },
    ]);
    assert.equal(
      take(() => weighted(all), 6),
      "abaaba",
    );
  });

  it("pass over who is not healthy, unless nobody is", () => {
    const next = createTurns([
      { url: "a", weight: 1 },
      { url: "b", weight: 1 },
      { url: "c", weight: 1 },
    ]);
    assert.equal(
      take(() => next((url) => url !== "b"), 4),
      "acac",
    );
    assert.equal(take(() => next(() => false), 3).length, 3);
  });

  it("come to weight 0 only where nothing else is left", () => {
    const next = createTurns([
      { url: "a", weight: 1 },
      { url: "spare", weight: 0 },
    ]);
    assert.equal(
      take(() => next(all), 3),
      "aaa",
    );
    assert.equal(
      next((url) => url === "spare"),
      "spare",
    );
    assert.equal(createTurns([])(all), null);
  });

  it("give each exactly its share of every full round", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 }), (weights) => {
        const next = createTurns(weights.map((weight, i) => ({ url: String(i), weight })));
        const counts = weights.map(() => 0);
        const round = weights.reduce((sum, weight) => sum + weight, 0);
        for (let i = 0; i < round; i++) counts[Number(next(all))]! += 1;
        assert.deepEqual(counts, weights);
      }),
    );
  });
});
