import assert from "node:assert/strict";
import { test } from "node:test";
import { createWaiterBudget } from "./waiter-budget.ts";

test("a full workload refuses, and leaves room for others until all is full", () => {
  const budget = createWaiterBudget({ perWorkload: 2, total: 3 });
  assert.ok(budget.enter("blog"));
  assert.ok(budget.enter("blog"));
  assert.equal(budget.enter("blog"), null);
  assert.ok(budget.enter("shop"));
  assert.equal(budget.enter("wiki"), null);
  assert.deepEqual([budget.total, budget.count("blog"), budget.count("shop"), budget.count("wiki")], [3, 2, 1, 0]);
});

test("a place is given back once, however often it is left", () => {
  const budget = createWaiterBudget({ perWorkload: 2, total: 2 });
  const leave = budget.enter("blog");
  budget.enter("blog");
  leave?.();
  leave?.();
  assert.deepEqual([budget.total, budget.count("blog")], [1, 1]);
  assert.ok(budget.enter("blog"));
  assert.equal(budget.enter("blog"), null);
});
