import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fakeClock } from "../../test/support/fake-clock.ts";
import { NodoffError } from "../core/errors.ts";
import type { Counters } from "../core/provider.ts";
import { fakeSubject } from "../../test/support/subject.ts";
import { allowanceBytes, createSamples } from "./samples.ts";
import type { Growth } from "./samples.ts";

const options = { signal: new AbortController().signal };

/** A workload whose counters the test sets. */
function world() {
  const clock = fakeClock();
  const samples = createSamples({ clock });
  const counters = { rxBytes: 0, txBytes: 0, cpuMs: 0 };
  const subject = fakeSubject({ spec: { ref: "blog-web" }, counters: (): Counters => ({ ...counters }) });
  const grown = async (): Promise<Growth | null> => (await samples.take(subject, options)).growth;
  return { clock, samples, counters, subject, grown };
}

describe("samples", () => {
  it("compare with the look before", async () => {
    const { clock, counters, subject, grown } = world();
    assert.equal(await grown(), null);
    Object.assign(counters, { rxBytes: 100, txBytes: 2_000, cpuMs: 50 });
    clock.advance(10_000);
    assert.deepEqual(await grown(), { ms: 10_000, rxBytes: 100, txBytes: 2_000, cpuMs: 50 });
    clock.advance(5_000);
    assert.deepEqual(await grown(), { ms: 5_000, rxBytes: 0, txBytes: 0, cpuMs: 0 });
    assert.deepEqual(new Set(subject.refs), new Set(["blog-web"]));
  });

  it("ask the engine once for all who ask at the same moment", async () => {
    const { clock, subject, grown } = world();
    await Promise.all([grown(), grown(), grown()]);
    clock.advance(249);
    await grown();
    assert.equal(subject.asked, 1);
    clock.advance(1);
    await grown();
    assert.equal(subject.asked, 2);
  });

  it("look further back where the last look was only just now", async () => {
    const { clock, counters, grown } = world();
    await grown();
    clock.advance(10_000);
    await grown();
    counters.txBytes = 1_500;
    clock.advance(300);
    // One packet in 300 ms would be 5 kB/s.
    assert.deepEqual(await grown(), { ms: 10_300, rxBytes: 0, txBytes: 1_500, cpuMs: 0 });
    clock.advance(700);
    assert.equal((await grown())?.ms, 1_000);
  });

  it("begin anew after a counted request, after a wake, and where counters fell", async () => {
    const { clock, counters, subject, grown } = world();
    await grown();
    clock.advance(10_000);
    subject.lastUsedAt = clock.now() - 1;
    counters.txBytes = 1e6;
    assert.equal(await grown(), null);
    clock.advance(10_000);
    assert.equal((await grown())?.txBytes, 0);
    subject.awakeSince = clock.now() + 1;
    clock.advance(10_000);
    assert.equal(await grown(), null);
    counters.txBytes = 0;
    clock.advance(10_000);
    assert.equal(await grown(), null);
    clock.advance(300);
    assert.equal(await grown(), null);
    clock.advance(10_000);
    assert.equal((await grown())?.ms, 10_300);
  });

  it("take off what requests that do not count may have moved, also of one just before the look", async () => {
    const { clock, counters, subject, grown } = world();
    await grown();
    clock.advance(9_000);
    subject.uncounted = 2;
    subject.uncountedAt = clock.now();
    clock.advance(1_000);
    counters.txBytes = 2 * allowanceBytes + 7;
    counters.rxBytes = 5;
    assert.deepEqual(await grown(), { ms: 10_000, rxBytes: 0, txBytes: 7, cpuMs: 0 });
    counters.txBytes += allowanceBytes;
    clock.advance(10_000);
    assert.equal((await grown())?.txBytes, 0);
    counters.txBytes += 300;
    clock.advance(10_000);
    assert.equal((await grown())?.txBytes, 300);
  });

  it("take off what probes of our own moved", async () => {
    const { clock, counters, samples, subject, grown } = world();
    await grown();
    clock.advance(5_000);
    samples.probed(subject);
    clock.advance(5_000);
    counters.txBytes = allowanceBytes + 1;
    assert.equal((await grown())?.txBytes, 1);
  });

  it("say nothing of what the engine does not count", async () => {
    const { clock, subject, grown } = world();
    subject.counters = () => ({ cpuMs: 10 });
    await grown();
    clock.advance(1_000);
    assert.deepEqual(await grown(), { ms: 1_000, rxBytes: null, txBytes: null, cpuMs: 0 });
  });

  it("reject as the engine does, and compare over the gap", async () => {
    const { clock, counters, subject, samples, grown } = world();
    await grown();
    const { counters: count } = subject;
    subject.counters = () => {
      throw new NodoffError("PROVIDER_FORBIDDEN", "GET /containers/{id}/stats is not allowed");
    };
    clock.advance(1_000);
    await assert.rejects(samples.take(subject, options), { code: "PROVIDER_FORBIDDEN" });
    subject.counters = count;
    counters.txBytes = 5;
    clock.advance(1_000);
    assert.deepEqual(await grown(), { ms: 2_000, rxBytes: 0, txBytes: 5, cpuMs: 0 });
  });

  it("give up on an engine that is silent, and let one caller leave without the others", async () => {
    const { clock, subject, samples } = world();
    const answer = Promise.withResolvers<Counters>();
    subject.counters = () => answer.promise;
    const leaving = new AbortController();
    const left = assert.rejects(samples.take(subject, { signal: leaving.signal }), { code: "PROVIDER_UNAVAILABLE" });
    const stayed = samples.take(subject, options);
    leaving.abort();
    await left;
    answer.resolve({ cpuMs: 1 });
    assert.deepEqual((await stayed).counters, { cpuMs: 1 });

    subject.counters = () => new Promise(() => undefined);
    clock.advance(1_000);
    const late = assert.rejects(samples.take(subject, options), { message: "no answer within 5 s" });
    await clock.advanceAsync(5_000);
    await late;
    assert.equal(clock.pending, 0);
  });
});
