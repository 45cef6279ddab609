import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { createDueQueue } from "./due-queue.ts";

it("the queue gives the soonest first, whatever is added and taken in between", () => {
  const steps = fc.array(fc.option(fc.oneof(fc.integer(), fc.constant(Number.NEGATIVE_INFINITY))), { maxLength: 100 });
  fc.assert(
    fc.property(steps, (all) => {
      const queue = createDueQueue<number>();
      let model: number[] = [];
      for (const at of all) {
        if (at === null) {
          const first = queue.take();
          assert.equal(first?.at, model[0]);
          assert.equal(first?.item, first?.at);
          model = model.slice(1);
        } else {
          queue.add(at, at);
          model = [...model, at].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
        }
        assert.deepEqual([queue.size, queue.next], [model.length, model[0] ?? Number.POSITIVE_INFINITY]);
      }
    }),
  );
});
