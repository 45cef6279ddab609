import assert from "node:assert/strict";
import { it } from "node:test";
import { createLookBudget } from "./look-budget.ts";

it("gives out moments at the rate, at once where it has rested", () => {
  const budget = createLookBudget(200);
  assert.deepEqual([1_000, 1_000, 1_000].map(budget.reserve), [1_000, 1_005, 1_010]);
  assert.equal(budget.reserve(1_012), 1_015);
  assert.equal(budget.reserve(9_000), 9_000);
});
