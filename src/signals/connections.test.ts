import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fakeClock } from "../../test/support/fake-clock.ts";
import { activitySpec } from "../../test/support/specs.ts";
import { fakeSubject } from "../../test/support/subject.ts";
import { NodoffError } from "../core/errors.ts";
import type { Insight } from "../core/provider.ts";
import type { Reading } from "../core/signal.ts";
import type { WorkloadSpec } from "../core/spec.ts";
import type { CaddyView } from "./caddy-upstreams.ts";
import { createConnectionsSignal } from "./connections.ts";
import { createSamples } from "./samples.ts";
import { createSockets } from "./sockets.ts";

const options = { signal: new AbortController().signal };

interface WorldOptions {
  /** What Caddy answers; left out = not configured. */
  readonly caddy?: { view: CaddyView | null | NodoffError };
  readonly insight?: Insight;
  readonly spec?: Partial<WorkloadSpec>;
}

/** A workload on port 80; the test says who is connected, what moves, and what Caddy carries. */
function world({ caddy, insight, spec }: WorldOptions = {}) {
  const clock = fakeClock();
  const samples = createSamples({ clock });
  const state = { peers: [] as string[], bytes: 0 as number | null, poolIdleMs: 90_000 };
  const counters = { rxBytes: 0, txBytes: 0 };
  const subject = fakeSubject({
    spec: { ref: "blog-web", ...spec },
    insight: insight ?? { connections: async () => state.peers.map((peer) => ({ port: 80, peer })) },
    counters: () => (state.bytes === null ? {} : { ...counters }),
  });
  const signal = createConnectionsSignal({
    clock,
    samples,
    sockets: createSockets({ clock, dialed: { has: (peer) => peer.startsWith("10.9.9.9:") } }),
    caddy: () =>
      caddy === undefined
        ? null
        : {
            view: async () => {
              if (caddy.view instanceof NodoffError) throw caddy.view;
              return caddy.view;
            },
          },
    poolIdleMs: () => state.poolIdleMs,
  });
  /** Lets `seconds` pass, in which the workload moves `bytesPerS` each way; then reads: how, and used how long ago. */
  async function after(seconds: number, bytesPerS = 0) {
    clock.advance(seconds * 1_000);
    counters.rxBytes += bytesPerS * seconds;
    counters.txBytes += bytesPerS * seconds;
    const reading = await signal.read(subject, options);
    assert.ok(reading.kind === "read", JSON.stringify(reading));
    const { inUse, lastUsedAt, text } = reading;
    return { inUse, usedS: lastUsedAt === null ? null : (clock.now() - lastUsedAt) / 1_000, text };
  }
  /** A request that counts, now. */
  const request = (): void => void (subject.lastUsedAt = clock.now());
  return { clock, state, subject, signal, after, request };
}

function unreadable(how: WorldOptions): Promise<Reading> {
  const { signal, subject } = world(how);
  return Promise.resolve(signal.read(subject, options));
}

const caddyView = (open: number): CaddyView => ({ open, isCaddy: (address) => address === "10.0.0.1" });

describe("signal connections", () => {
  it("counts a proxy's young idle connection as in use, not as used", async () => {
    const { state, after, request } = world();
    request();
    state.peers = ["10.0.0.1:4000"];
    assert.deepEqual(await after(20), {
      inUse: true,
      usedS: null,
      text: "1 open connection from 10.0.0.1, silent: perhaps a proxy's idle pool, 1 m 35 s more at most",
    });
    assert.equal((await after(60)).inUse, true);
    state.peers = [];
    assert.deepEqual(await after(10), { inUse: false, usedS: null, text: "no open connection" });
  });

  it("is sure of a silent one that a pool would have closed", async () => {
    const { state, after, request } = world();
    request();
    state.peers = ["10.0.0.1:4000", "10.0.0.2:4000", "10.0.0.3:4000"];
    await after(10);
    assert.deepEqual(await after(110), {
      inUse: true,
      usedS: 0,
      text: "3 open connections from 10.0.0.1, 10.0.0.2, …",
    });
    state.peers = [];
    assert.deepEqual(await after(30), { inUse: false, usedS: 30, text: "no open connection" });
  });

  it("is sure while bytes move, either way, over the floor", async () => {
    const { state, after, request } = world();
    request();
    state.peers = ["10.0.0.1:4000"];
    await after(10);
    assert.equal((await after(10, 127)).usedS, null);
    assert.equal((await after(10, 128)).usedS, 0);
    // The pool's time counts from then.
    assert.deepEqual([(await after(90)).usedS, (await after(10)).usedS], [90, 0]);
  });

  it("takes the floor of the network signal", async () => {
    const activity = activitySpec({ network: { required: false, floorBytesPerS: 10_000 } });
    const { state, after, request } = world({ spec: { activity } });
    request();
    state.peers = ["10.0.0.1:4000"];
    await after(10);
    assert.equal((await after(10, 4_999)).usedS, null);
    assert.equal((await after(10, 5_000)).usedS, 0);
  });

  it("leaves out nodoff's own, and is not fooled by the bytes they move", async () => {
    const { state, after, request } = world();
    request();
    state.peers = ["10.9.9.9:4000"];
    await after(100);
    assert.deepEqual(await after(100, 10_000), { inUse: false, usedS: null, text: "no open connection" });
  });

  it("forgets a silent one after stale_after, where bytes are counted", async () => {
    const activity = activitySpec({ connections: { required: false, staleAfterMs: 600_000 } });
    const { state, after } = world({ spec: { activity } });
    state.peers = ["10.0.0.1:4000"];
    await after(0);
    assert.equal((await after(600)).inUse, true);
    assert.deepEqual(await after(1), {
      inUse: false,
      usedS: 1,
      text: "1 open connection, silent for longer than stale_after",
    });
    assert.equal((await after(10, 1_000)).inUse, true);

    const blind = world({ spec: { activity } });
    blind.state.bytes = null;
    blind.state.peers = ["10.0.0.1:4000"];
    await blind.after(0);
    assert.equal((await blind.after(3_600)).inUse, true);
  });

  it("begins anew with each wake", async () => {
    const { clock, state, subject, after } = world();
    state.peers = ["10.0.0.1:4000"];
    await after(0);
    assert.equal((await after(200)).usedS, 0);
    subject.awakeSince = clock.now() + 1;
    assert.equal((await after(50)).usedS, 50);
  });

  it("tells what Caddy carries", async () => {
    const caddy = { view: caddyView(2) };
    const { state, after, request } = world({ caddy });
    request();
    state.peers = ["10.0.0.1:4000", "10.0.0.1:4001"];
    assert.deepEqual(await after(10), { inUse: true, usedS: 0, text: "2 open requests through Caddy" });
    caddy.view = caddyView(0);
    assert.deepEqual(await after(10), { inUse: false, usedS: 10, text: "2 idle connections of Caddy" });
    state.peers.push("10.0.0.7:4000");
    const [first, second] = [await after(10), await after(10)];
    // It came without a request: no pool.
    assert.deepEqual([first.inUse, first.usedS], [true, 20]);
    assert.deepEqual(second, { inUse: true, usedS: 0, text: "1 open connection from 10.0.0.7" });
  });

  it("does not take a monitor's request that Caddy carries just now for use", async () => {
    const caddy = { view: caddyView(1) };
    const { clock, subject, after } = world({ caddy });
    subject.uncountedAt = clock.now();
    const { inUse, usedS } = await after(4);
    assert.deepEqual([inUse, usedS], [true, null]);
    caddy.view = caddyView(2);
    assert.equal((await after(0.5)).usedS, 0);
    caddy.view = caddyView(1);
    assert.equal((await after(2)).usedS, 0);
  });

  it("goes by connections where Caddy does not answer, and says so", async () => {
    const caddy = { view: new NodoffError("PROVIDER_UNAVAILABLE", "Caddy's admin endpoint: refused") };
    const { state, after, request } = world({ caddy });
    request();
    assert.deepEqual(await after(10), {
      inUse: false,
      usedS: null,
      text: "no open connection (Caddy's admin endpoint: refused)",
    });
    state.peers = ["10.0.0.1:4000"];
    // Longer than Traefik's 90 s: Caddy keeps its own for two minutes.
    assert.equal((await after(100)).usedS, null);
    assert.equal((await after(20)).usedS, 0);
  });

  it("goes by Caddy alone where connections cannot be seen", async () => {
    const caddy = { view: caddyView(0) };
    const insight: Insight = {
      connections: () => Promise.reject(new NodoffError("PROVIDER_FORBIDDEN", "exec is not allowed")),
    };
    const { after } = world({ caddy, insight });
    assert.deepEqual(await after(10), { inUse: false, usedS: null, text: "no open request through Caddy" });
    caddy.view = caddyView(1);
    assert.deepEqual(await after(10), { inUse: true, usedS: 0, text: "1 open request through Caddy" });
  });

  it("is unreadable where neither can tell, and says what would help", async () => {
    const why =
      "exec is not allowed; mount the host's /proc or run with pid: host, or let the socket proxy allow exec, or set signals.caddy";
    const insight: Insight = {
      connections: () => Promise.reject(new NodoffError("PROVIDER_FORBIDDEN", "exec is not allowed")),
    };
    assert.deepEqual(await unreadable({ insight }), { kind: "unreadable", why });
    assert.deepEqual(await unreadable({ insight, caddy: { view: null } }), {
      kind: "unreadable",
      why: `Caddy has no upstream at its address; ${why}`,
    });
    const view = new NodoffError("PROVIDER_UNAVAILABLE", "Caddy is down");
    assert.deepEqual(await unreadable({ insight: {}, caddy: { view } }), {
      kind: "unreadable",
      why: "Caddy is down; provider local cannot tell who is connected",
    });
  });

  it("covers what is switched on; of a group only what Caddy carries", async () => {
    const off = { activity: activitySpec({ connections: null }) };
    const { signal, subject } = world();
    assert.equal(signal.covers(subject), true);
    assert.equal(signal.covers(fakeSubject({ spec: off })), false);
    assert.equal(signal.required(fakeSubject({ spec: off })), false);
    const required = { activity: activitySpec({ connections: { required: true, staleAfterMs: null } }) };
    assert.equal(signal.required(fakeSubject({ spec: required })), true);
    assert.equal(signal.covers(fakeSubject({ spec: { kind: "group" } })), false);
    const caddy = { view: caddyView(1) };
    const group = world({
      caddy,
      spec: { kind: "group" },
      insight: { connections: () => Promise.reject(new Error("asked")) },
    });
    assert.equal(group.signal.covers(group.subject), true);
    assert.equal((await group.after(0)).inUse, true);
    assert.equal(group.subject.asked, 0);
  });
});
