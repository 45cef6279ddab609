import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fakeClock } from "../../test/support/fake-clock.ts";
import { activitySpec } from "../../test/support/specs.ts";
import { fakeSubject } from "../../test/support/subject.ts";
import { NodoffError } from "../core/errors.ts";
import type { Reading, Signal } from "../core/signal.ts";
import type { ActivitySpec } from "../core/spec.ts";
import { createCpuSignal } from "./cpu.ts";
import { createNetworkSignal } from "./network.ts";
import { createSamples } from "./samples.ts";

const options = { signal: new AbortController().signal };

function world(activity: Partial<ActivitySpec> = {}) {
  const clock = fakeClock();
  const samples = createSamples({ clock });
  const counters = { rxBytes: 0, txBytes: 0, cpuMs: 0 };
  const subject = fakeSubject({ spec: { activity: activitySpec(activity) }, counters: () => ({ ...counters }) });
  const network = createNetworkSignal({ clock, samples });
  const cpu = createCpuSignal({ clock, samples });
  /** Moves and works for 10 s, then reads. */
  async function after(signal: Signal, { tx = 0, cpuMs = 0 }: { tx?: number; cpuMs?: number }): Promise<Reading> {
    clock.advance(10_000);
    counters.txBytes += tx;
    counters.cpuMs += cpuMs;
    return signal.read(subject, options);
  }
  return { clock, subject, network, cpu, after };
}

describe("signal network", () => {
  it("is in use from the floor on, and shows the background it measured below", async () => {
    const { clock, network, subject, after } = world();
    assert.deepEqual(await network.read(subject, options), {
      kind: "read",
      lastUsedAt: null,
      inUse: false,
      text: "tx is measured from now on",
    });
    assert.deepEqual(await after(network, { tx: 100 }), {
      kind: "read",
      lastUsedAt: null,
      inUse: false,
      text: "tx 10 B/s (background 10 B/s, floor 256 B/s)",
    });
    // A fifth of the difference.
    const quiet = await after(network, { tx: 600 });
    assert.equal(quiet.kind === "read" && quiet.text, "tx 60 B/s (background 20 B/s, floor 256 B/s)");
    assert.deepEqual(await after(network, { tx: 2_560 }), {
      kind: "read",
      lastUsedAt: clock.now(),
      inUse: true,
      text: "tx 256 B/s (background 20 B/s, floor 256 B/s)",
    });
    const usedAt = clock.now();
    assert.deepEqual(await after(network, { tx: 2_550 }), {
      kind: "read",
      lastUsedAt: usedAt,
      inUse: false,
      text: "tx 255 B/s (background 67 B/s, floor 256 B/s)",
    });
  });

  it("with a floor of 0 is in use by any byte, not by none", async () => {
    const { network, subject, after } = world({ network: { required: false, floorBytesPerS: 0 } });
    await network.read(subject, options);
    const none = await after(network, { tx: 0 });
    assert.equal(none.kind === "read" && none.inUse, false);
    const one = await after(network, { tx: 1 });
    assert.equal(one.kind === "read" && one.inUse, true);
  });

  it("counts as in use before it can tell, where it is required", async () => {
    const { network, subject, after } = world({ network: { required: true, floorBytesPerS: 256 } });
    assert.equal(network.required(subject), true);
    const first = await network.read(subject, options);
    assert.deepEqual(first, { kind: "read", lastUsedAt: null, inUse: true, text: "tx is measured from now on" });
    const second = await after(network, {});
    assert.equal(second.kind === "read" && second.inUse, false);
  });

  it("is unreadable where nothing is counted or the right is missing, and says what would help", async () => {
    const { clock, network, subject } = world();
    subject.counters = () => ({ cpuMs: 1 });
    assert.deepEqual(await network.read(subject, options), {
      kind: "unreadable",
      why: "the engine counts no traffic of its own for it (shared, host or no network)",
    });
    clock.advance(1_000);
    subject.counters = () => {
      throw new NodoffError("PROVIDER_FORBIDDEN", "stats are not allowed");
    };
    assert.deepEqual(await network.read(subject, options), {
      kind: "unreadable",
      why: "stats are not allowed; let the socket proxy allow GET /containers/{id}/stats",
    });
    clock.advance(1_000);
    assert.equal((await network.read(subject, { signal: AbortSignal.abort() })).kind, "unreadable");
  });

  it("looks where it is switched on, and leaves a group to its members", () => {
    const { network, cpu } = world();
    const off = fakeSubject({ spec: { activity: activitySpec({ network: null, cpu: null }) } });
    for (const signal of [network, cpu]) {
      assert.equal(signal.covers(fakeSubject()), true);
      assert.equal(signal.covers(off), false);
      assert.equal(signal.required(off), false);
      for (const kind of ["group", "compose"] as const)
        assert.equal(signal.covers(fakeSubject({ spec: { kind } })), false);
    }
  });
});

describe("signal cpu", () => {
  it("is in use from its floor on", async () => {
    const { clock, cpu, subject, after } = world({ cpu: { required: false, floorPercent: 5 } });
    await cpu.read(subject, options);
    assert.deepEqual(await after(cpu, { cpuMs: 499 }), {
      kind: "read",
      lastUsedAt: null,
      inUse: false,
      text: "CPU 5 % of a core (floor 5 %)",
    });
    const busy = await after(cpu, { cpuMs: 15_000 });
    assert.deepEqual(busy, {
      kind: "read",
      lastUsedAt: clock.now(),
      inUse: true,
      text: "CPU 150 % of a core (floor 5 %)",
    });
    const usedAt = clock.now();
    const over = await after(cpu, { cpuMs: 123 });
    assert.deepEqual(over, { kind: "read", lastUsedAt: usedAt, inUse: false, text: "CPU 1.2 % of a core (floor 5 %)" });
  });

  it("is unreadable where no CPU time is counted", async () => {
    const { cpu, subject } = world();
    subject.counters = () => ({});
    assert.deepEqual(await cpu.read(subject, options), {
      kind: "unreadable",
      why: "the engine counts no CPU time for it",
    });
  });
});
