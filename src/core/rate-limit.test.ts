import assert from "node:assert/strict";
import { test } from "node:test";
import { clientKey, createRateLimiter } from "./rate-limit.ts";

void test("gives each key its count per window, then again in the next", () => {
  const limiter = createRateLimiter({ count: 2, perMs: 1000 });
  assert.deepEqual([limiter.take("a", 0), limiter.take("a", 10), limiter.take("a", 20)], [true, true, false]);
  assert.equal(limiter.spent("a", 999), true);
  assert.equal(limiter.take("b", 20), true);
  assert.equal(limiter.spent("a", 1000), false);
  assert.equal(limiter.take("a", 1000), true);
});

void test("asking whether it is spent takes nothing", () => {
  const limiter = createRateLimiter({ count: 1, perMs: 1000 });
  assert.equal(limiter.spent("a", 0), false);
  assert.equal(limiter.take("a", 0), true);
});

void test("forgets the oldest keys above its bound, never the one being counted", () => {
  const limiter = createRateLimiter({ count: 1, perMs: 1000 }, 2);
  for (const key of ["a", "b", "c"]) assert.equal(limiter.take(key, 0), true);
  assert.equal(limiter.take("c", 1), false, "the youngest is still counted");
  assert.equal(limiter.take("a", 1), true, "the oldest was forgotten");
});

void test("counts an IPv6 client by its /64, an IPv4 one by itself", () => {
  for (const [address, key] of [
    ["203.0.113.7", "203.0.113.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
    ["2001:db8::1", "2001:db8:0:0"],
    ["::1", "0:0:0:0"],
    ["2001:db8:1:2::", "2001:db8:1:2"],
  ] as const) {
    assert.equal(clientKey(address), key, address);
  }
});
