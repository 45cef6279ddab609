import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fakeClock } from "../../test/support/fake-clock.ts";
import type { Route } from "../core/route.ts";
import { createRedial } from "./redial.ts";

const refused = Object.assign(new Error("refused"), { code: "ECONNREFUSED" });
const woken = { workload: {} } as Route;

describe("createRedial", () => {
  it("tries for two seconds from the first failure, with growing gaps, and then no more", () => {
    const clock = fakeClock();
    const redial = createRedial(woken, clock);
    const start = clock.now();
    const tries: number[] = [];
    let isGivenUp = false;
    const dial = (): void => {
      tries.push(clock.now() - start);
      if (!redial.again(refused, "http://a", dial)) isGivenUp = true;
    };
    dial();
    clock.advance(10_000);
    assert.equal(isGivenUp, true);
    assert.deepEqual(tries, [0, 25, 75, 175, 375, 775, 1175, 1575, 1975]);
    assert.equal(clock.pending, 0);
    assert.deepEqual([...(redial.passed ?? [])], ["http://a"]);
  });

  it("does not try again for what trying cannot mend, or where nothing was woken", () => {
    const clock = fakeClock();
    const never = (): void => assert.fail("dialled again");
    const expired = Object.assign(new Error("x"), { code: "CERT_HAS_EXPIRED" });
    const nothingWoken = createRedial({ workload: null, spec: {} } as Route, clock);
    assert.equal(createRedial(woken, clock).again(expired, "http://a", never), false);
    assert.equal(nothingWoken.again(refused, "http://a", never), false);
    assert.equal(nothingWoken.passed, undefined);
    clock.advance(10_000);
  });
});
