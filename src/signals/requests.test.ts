import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fakeClock } from "../../test/support/fake-clock.ts";
import { fakeSubject } from "../../test/support/subject.ts";
import { createRequestsSignal } from "./requests.ts";

const options = { signal: new AbortController().signal };

describe("signal requests", () => {
  it("says when the last counted request came, and is never in use", () => {
    const clock = fakeClock();
    const signal = createRequestsSignal({ clock });
    const subject = fakeSubject();
    assert.equal(signal.name, "requests");
    assert.equal(signal.asks, false);
    assert.deepEqual(signal.read(subject, options), {
      kind: "read",
      lastUsedAt: null,
      inUse: false,
      text: "no request yet",
    });
    const usedAt = clock.now();
    subject.lastUsedAt = usedAt;
    clock.advance(250_000);
    assert.deepEqual(signal.read(subject, options), {
      kind: "read",
      lastUsedAt: usedAt,
      inUse: false,
      text: "last request 4 m 10 s ago",
    });
  });
});
