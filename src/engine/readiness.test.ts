import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Prober, ProbeResult, ProbeTarget } from "../core/prober.ts";
import { fakeClock, settle } from "../../test/support/fake-clock.ts";
import { probeGapMs, probePatienceMs, probeUntilReady } from "./readiness.ts";

const target: ProbeTarget = { kind: "tcp", host: "10.0.0.2", port: 80 };

/** Probes that hang until the test answers them. */
function hangingProber() {
  const open: { readonly patienceMs: number; answer(ok: boolean): void; readonly signal: AbortSignal }[] = [];
  const prober: Prober = {
    probe(_target, { patienceMs, signal }) {
      const { promise, resolve } = Promise.withResolvers<ProbeResult>();
      open.push({ patienceMs, signal, answer: (ok) => resolve({ ok, detail: ok ? "200" : "silent" }) });
      return promise;
    },
  };
  return { prober, open };
}

void describe("pace", () => {
  void it("follows design §13: 5 % of elapsed, 20 to 250 ms for 30 s, then 1 s", () => {
    assert.deepEqual([0, 400, 1_000, 5_000, 29_999, 30_000].map(probeGapMs), [20, 20, 50, 250, 250, 1_000]);
    assert.deepEqual([20, 50, 250, 1_000].map(probePatienceMs), [150, 150, 750, 3_000]);
  });

  void it("probes some 60 times in the first 3 s, not hundreds", async () => {
    const clock = fakeClock();
    let probes = 0;
    const prober: Prober = { probe: () => (probes++, Promise.resolve({ ok: false, detail: "refused" })) };
    const end = new AbortController();
    void probeUntilReady(target, { clock, prober }, { pace: "eager", signal: end.signal });
    await clock.advanceAsync(3_000);
    end.abort();
    assert.ok(probes > 20 && probes <= 65, `${probes} probes`);
    await clock.advanceAsync(3_000);
    assert.equal(clock.pending, 0, "nothing goes on after the end");
  });
});

void describe("overlap", () => {
  void it("never waits for a silent probe, keeps at most 4 in flight, and the first success ends the rest", async () => {
    const clock = fakeClock();
    const { prober, open } = hangingProber();
    const done = probeUntilReady(target, { clock, prober }, { pace: "eager", signal: new AbortController().signal });
    await clock.advanceAsync(1_000);
    assert.equal(open.length, 4);
    open[0]?.answer(false);
    await settle();
    assert.equal(open.length, 5, "the place of a failed one is taken at once");
    open[2]?.answer(true);
    assert.equal(await done, true);
    assert.ok(open.every(({ signal }) => signal.aborted));
    await clock.advanceAsync(5_000);
    assert.equal(open.length, 5);
  });

  void it("ends with false when told to, without another probe", async () => {
    const clock = fakeClock();
    const { prober, open } = hangingProber();
    const end = new AbortController();
    const done = probeUntilReady(target, { clock, prober }, { pace: "eager", signal: end.signal });
    end.abort();
    assert.equal(await done, false);
    await clock.advanceAsync(1_000);
    assert.equal(open.length, 1);
    assert.equal(await probeUntilReady(target, { clock, prober }, { pace: "eager", signal: end.signal }), false);
    assert.equal(open.length, 1);
  });

  void it("asks every 5 s when slow", async () => {
    const clock = fakeClock();
    let probes = 0;
    const prober: Prober = { probe: () => (probes++, Promise.resolve({ ok: probes === 4, detail: "" })) };
    const done = probeUntilReady(target, { clock, prober }, { pace: "slow", signal: new AbortController().signal });
    await clock.advanceAsync(14_900);
    assert.equal(probes, 3);
    await clock.advanceAsync(200);
    assert.equal(await done, true);
  });
});
