import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fakeClock } from "../../test/support/fake-clock.ts";
import { fakeSubject } from "../../test/support/subject.ts";
import { createInFlightSignal } from "./in-flight.ts";

const options = { signal: new AbortController().signal };

describe("signal proxy", () => {
  it("counts as in use while anything is open, and as used until it closed", () => {
    const clock = fakeClock();
    const counts: Record<string, number> = { blog: 0, wiki: 0 };
    const signal = createInFlightSignal({ clock, inFlight: { count: (alias) => counts[alias] ?? 0 } });
    const blog = fakeSubject({ spec: { alias: "blog" } });
    const wiki = fakeSubject({ spec: { alias: "wiki" } });
    const closed = "no open request through nodoff";
    assert.equal(signal.name, "proxy");
    assert.equal(signal.asks, false);
    assert.deepEqual(signal.read(blog, options), { kind: "read", lastUsedAt: null, inUse: false, text: closed });

    counts["blog"] = 2;
    clock.advance(1_000);
    assert.deepEqual(signal.read(blog, options), {
      kind: "read",
      lastUsedAt: clock.now(),
      inUse: true,
      text: "2 open requests through nodoff",
    });

    counts["blog"] = 1;
    clock.advance(3_600_000);
    const lastSeen = clock.now();
    assert.deepEqual(signal.read(blog, options), {
      kind: "read",
      lastUsedAt: lastSeen,
      inUse: true,
      text: "1 open request through nodoff",
    });

    counts["blog"] = 0;
    clock.advance(5_000);
    assert.deepEqual(signal.read(blog, options), { kind: "read", lastUsedAt: lastSeen, inUse: false, text: closed });
    assert.deepEqual(signal.read(wiki, options), { kind: "read", lastUsedAt: null, inUse: false, text: closed });
  });
});
