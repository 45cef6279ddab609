import assert from "node:assert/strict";
import { it } from "node:test";
import { fakeClock } from "../../test/support/fake-clock.ts";
import { routeSpec } from "../../test/support/specs.ts";
import { createInFlight } from "./in-flight.ts";
import type { Route } from "./route.ts";

function routeOf(alias: string, workload: string | null): Route {
  const none = { allow: 0, hold_allow: 0, hand_over: 0, page: 0, redirect: 0, waking: 0, asleep: 0 };
  const decisions = { ...none, failed: 0, forbidden: 0, quota: 0, reserved: 0 };
  const spec = routeSpec({ alias, workload });
  return {
    spec,
    workload: null,
    upstream: () => null,
    decisions,
    requestsTotal: 0,
    lastUsedAt: Number.NEGATIVE_INFINITY,
    inFlight: 0,
    door: spec.door,
    headerName: null,
  };
}

void it("sums what all doors of a workload carry, and counts each end once", () => {
  const inFlight = createInFlight(fakeClock());
  const [a, b, other] = [routeOf("a", "db"), routeOf("b", "db"), routeOf("c", null)];
  const ends = [inFlight.carry(a), inFlight.carry(a), inFlight.carry(b), inFlight.carry(other)];
  assert.equal(inFlight.count("db"), 3);
  assert.deepEqual([a.inFlight, b.inFlight, other.inFlight], [2, 1, 1]);
  ends[0]?.();
  ends[0]?.();
  assert.equal(inFlight.count("db"), 2);
  assert.equal(a.inFlight, 1);
  for (const end of ends) end();
  assert.equal(inFlight.count("db"), 0);
});
