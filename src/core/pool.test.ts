import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createPool } from "./pool.ts";

const filled = () => {
  const pool = createPool<{ n: number }>();
  for (const n of [1, 2, 3]) pool.add(`a${n}`, { n });
  return pool;
};

describe("pool", () => {
  it("gets, replaces and deletes by alias; what is absent is undefined", () => {
    const pool = filled();
    assert.equal(pool.get("a2")?.n, 2);
    assert.equal(pool.get("none"), undefined);
    pool.add("a2", { n: 22 });
    assert.deepEqual([pool.size, pool.get("a2")?.n], [3, 22]);
    assert.equal(pool.delete("a2")?.n, 22);
    assert.equal(pool.delete("a2"), undefined);
    assert.deepEqual([pool.size, pool.get("a2")], [2, undefined]);
    pool.clear();
    assert.deepEqual([pool.size, [...pool]], [0, []]);
  });

  it("is iterated while it changes: each once, as it is when its turn comes", () => {
    const pool = filled();
    const seen: number[] = [];
    for (const { n } of pool) {
      seen.push(n);
      if (n !== 1) continue;
      pool.delete("a1");
      pool.add("a1", { n: 11 });
      pool.add("a4", { n: 4 });
      pool.delete("a2");
      pool.add("a3", { n: 33 });
    }
    assert.deepEqual(seen, [1, 33]);
    assert.deepEqual(
      [...pool].map(({ n }) => n).toSorted((a, b) => a - b),
      [4, 11, 33],
    );
  });
});
