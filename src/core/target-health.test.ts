import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createTargetHealth } from "./target-health.ts";

describe("targets", () => {
  it("start healthy; an unknown one is unhealthy and its results are dropped", () => {
    const targets = createTargetHealth({ fall: 2, rise: 2 });
    assert.equal(targets.sync(["a", "b"]), true);
    assert.deepEqual(targets.healthy(), ["a", "b"]);
    assert.equal(targets.isHealthy("c"), false);
    assert.equal(targets.stats("c"), undefined);
    assert.equal(targets.record("c", true), false);
    assert.deepEqual(targets.all(), ["a", "b"]);
  });

  it("leave after fall failures in a row and come back after rise passes, told once each", () => {
    const targets = createTargetHealth({ fall: 2, rise: 3 });
    targets.sync(["a", "b"]);
    const feed = (...oks: boolean[]): boolean[] => oks.map((ok) => targets.record("a", ok));
    assert.deepEqual(feed(false, true, false, false, false), [false, false, false, true, false]);
    assert.deepEqual(targets.unhealthy(), ["a"]);
    assert.deepEqual(targets.healthy(), ["b"]);
    assert.deepEqual(feed(true, true, false, true, true, true, true), [false, false, false, false, false, true, false]);
    assert.deepEqual(targets.stats("a"), { healthy: true, passes: 4, fails: 0 });
  });

  it("tell when the set itself changes", () => {
    const targets = createTargetHealth({ fall: 1, rise: 1 });
    targets.sync(["a", "b"]);
    assert.equal(targets.sync(["b", "a"]), false, "the same in another order");
    assert.equal(targets.sync(["a", "b", "c"]), true);
    targets.record("c", false);
    assert.equal(targets.sync(["a", "b"]), false, "one that got no traffic left");
    assert.equal(targets.sync(["a"]), true);
    assert.equal(targets.sync([]), true, "an empty list empties it");
    assert.deepEqual(targets.all(), []);
    assert.equal(targets.sync([]), false);
  });

  it("keep what is known of those that stay, and forget those that left", () => {
    const targets = createTargetHealth({ fall: 1, rise: 1 });
    targets.sync(["a", "b"]);
    targets.record("a", false);
    targets.record("b", false);
    targets.sync(["a"]);
    targets.sync(["a", "b"]);
    assert.deepEqual([targets.isHealthy("a"), targets.isHealthy("b")], [false, true]);
  });

  it("take thresholds below 1 as 1", () => {
    const targets = createTargetHealth({ fall: 0, rise: -1 });
    targets.sync(["a"]);
    assert.equal(targets.record("a", false), true);
    assert.equal(targets.record("a", true), true);
  });

  it("say that the healthy set changed exactly when it did", () => {
    const step = fc.oneof(
      fc.record({ id: fc.constantFrom("a", "b", "c", "d"), ok: fc.boolean() }),
      fc.uniqueArray(fc.constantFrom("a", "b", "c", "d")),
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4 }),
        fc.integer({ min: 0, max: 4 }),
        fc.array(step),
        (fall, rise, steps) => {
          const targets = createTargetHealth({ fall, rise });
          for (const each of steps) {
            const before = targets.healthy().toSorted();
            const changed = Array.isArray(each) ? targets.sync(each) : targets.record(each.id, each.ok);
            const after = targets.healthy().toSorted();
            assert.equal(changed, before.join() !== after.join());
            assert.deepEqual([...targets.healthy(), ...targets.unhealthy()].toSorted(), targets.all().toSorted());
          }
        },
      ),
    );
  });
});
