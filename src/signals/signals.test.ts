import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fakeClock } from "../../test/support/fake-clock.ts";
import { fakeSubject } from "../../test/support/subject.ts";
import { createDialed } from "../net/dialed.ts";
import { createSignals } from "./signals.ts";
import type { SignalSettings } from "./signals.ts";

const options = { signal: new AbortController().signal };

function world() {
  const clock = fakeClock();
  const state: { settings: SignalSettings } = { settings: { caddy: null, poolIdleMs: 90_000 } };
  const signals = createSignals({
    clock,
    inFlight: { count: () => 0 },
    dialed: createDialed({ clock }),
    settings: () => state.settings,
  });
  return { state, signals };
}

describe("signals", () => {
  it("are these, and each names the right it needs", () => {
    assert.deepEqual(
      world().signals.map(({ name, asks, needs }) => [name, asks, needs]),
      [
        ["requests", false, null],
        ["proxy", false, null],
        ["connections", true, "host /proc or exec"],
        ["network", true, "stats"],
        ["cpu", true, "stats"],
        ["exec_sessions", true, "exec (read)"],
        ["probe", true, null],
        ["probe", true, "exec"],
      ],
    );
  });

  it("share one call of the counters", async () => {
    const { signals } = world();
    const subject = fakeSubject({
      insight: { connections: () => Promise.resolve([]), sessions: () => Promise.resolve([]) },
      counters: () => ({ rxBytes: 0, txBytes: 0, cpuMs: 0 }),
    });
    const covering = signals.filter((signal) => signal.covers(subject));
    const readings = await Promise.all(covering.map(async (signal) => signal.read(subject, options)));
    assert.deepEqual(
      readings.map(({ kind }) => kind),
      ["read", "read", "read", "read", "read", "read"],
    );
    assert.equal(subject.asked, 1);
  });

  it("follow a reload", async () => {
    const { state, signals } = world();
    const connections = signals.find(({ name }) => name === "connections");
    assert.ok(connections !== undefined);
    const group = fakeSubject({ spec: { kind: "group" }, origins: ["http://10.0.0.2"] });
    assert.equal(connections.covers(group), false);
    state.settings = { ...state.settings, caddy: { adminUrl: "http://127.0.0.1:1" } };
    assert.equal(connections.covers(group), true);
    const reading = await connections.read(group, options);
    assert.match(reading.kind === "unreadable" ? reading.why : "", /127\.0\.0\.1:1.*ECONNREFUSED/);
  });

  it("never reject, whatever an engine does", async () => {
    const { signals } = world();
    const broken = (): never => {
      throw new Error("broken");
    };
    const subject = fakeSubject({ insight: { connections: broken, sessions: broken }, counters: broken });
    for (const signal of signals.filter(({ asks, covers }) => asks && covers(subject))) {
      const reading = await signal.read(subject, options);
      assert.equal(reading.kind, "unreadable", signal.name);
    }
  });
});
