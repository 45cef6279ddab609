import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fakeClock } from "../../test/support/fake-clock.ts";
import { createRequestsSignal } from "./requests.ts";

const options = { signal: new AbortController().signal };

describe("signal requests", () => {
  it("says when the last counted request came", () => {
    const clock = fakeClock();
    const start = clock.now();
    const signal = createRequestsSignal({ clock, lastUsedAt: (alias) => (alias === "blog" ? start : null) });
    assert.equal(signal.name, "requests");
    assert.equal(signal.covers("blog"), true);
    clock.advance(250_000);
    assert.deepEqual(signal.read("blog", options), {
      kind: "read",
      lastUsedAt: start,
      inUse: false,
      text: "last request 4 m 10 s ago",
    });
    assert.deepEqual(signal.read("wiki", options), {
      kind: "read",
      lastUsedAt: null,
      inUse: false,
      text: "no request yet",
    });
  });
});
