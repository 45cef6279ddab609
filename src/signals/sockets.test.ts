import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fakeClock } from "../../test/support/fake-clock.ts";
import { fakeSubject } from "../../test/support/subject.ts";
import type { OpenConnection } from "../core/provider.ts";
import { createSockets } from "./sockets.ts";

const options = { signal: new AbortController().signal };

function world() {
  const clock = fakeClock();
  const own = new Set<string>();
  const sockets = createSockets({ clock, dialed: { has: (peer) => own.has(peer) } });
  let open: readonly OpenConnection[] = [];
  const subject = fakeSubject({ insight: { connections: async () => open } });
  /** Lets `seconds` pass, then looks at these. */
  async function look(seconds: number, peers: readonly string[], port = 80) {
    clock.advance(seconds * 1_000);
    open = peers.map((peer) => ({ port, peer }));
    return (await sockets.look(subject, options)).sockets;
  }
  return { clock, own, sockets, subject, look };
}

describe("sockets", () => {
  it("are followed from look to look", async () => {
    const { clock, look } = world();
    const start = clock.now();
    const one = { port: 80, host: "10.0.0.2", firstSeenAt: start, isUnasked: false };
    assert.deepEqual(await look(0, ["10.0.0.2:4000"]), [one]);
    const six = { port: 80, host: "fd00::1", firstSeenAt: start + 10_000, isUnasked: true };
    assert.deepEqual(await look(10, ["10.0.0.2:4000", "[fd00::1]:4001"]), [one, six]);
    assert.deepEqual(await look(10, ["[fd00::1]:4001"]), [six]);
    // The same port again is another connection.
    const again = { ...one, firstSeenAt: start + 30_000, isUnasked: true };
    assert.deepEqual(await look(10, ["10.0.0.2:4000"]), [again]);
  });

  it("came without a request only where none was made since well before the look that lacked them", async () => {
    const { clock, subject, look } = world();
    await look(0, []);
    subject.lastUsedAt = clock.now() + 500;
    const [asked] = await look(1, ["10.0.0.2:1"]);
    assert.equal(asked?.isUnasked, false);
    const [, soon] = await look(1, ["10.0.0.2:1", "10.0.0.2:2"]);
    assert.equal(soon?.isUnasked, false);
    const [, , unasked] = await look(1, ["10.0.0.2:1", "10.0.0.2:2", "10.0.0.2:3"]);
    assert.equal(unasked?.isUnasked, true);
    subject.uncountedAt = clock.now() + 500;
    const [byMonitor] = await look(1, ["10.0.0.2:4"]);
    assert.equal(byMonitor?.isUnasked, false);
  });

  it("are not compared with a look from before the wake", async () => {
    const { clock, subject, look } = world();
    await look(0, []);
    clock.advance(1_000);
    subject.awakeSince = clock.now();
    const [first] = await look(10, ["10.0.0.2:1"]);
    assert.equal(first?.isUnasked, false);
  });

  it("are those of others to its ports", async () => {
    const { own, subject, look } = world();
    own.add("10.0.0.9:4000");
    assert.equal((await look(0, ["10.0.0.9:4000", "10.0.0.9:4001"])).length, 1);
    subject.portList = [80];
    assert.equal((await look(1, ["10.0.0.2:1"])).length, 1);
    assert.equal((await look(1, ["10.0.0.2:1"], 9090)).length, 0);
  });

  it("are not known where the provider cannot tell", async () => {
    const { sockets } = world();
    await assert.rejects(sockets.look(fakeSubject({ insight: {} }), options), {
      message: "provider local cannot tell who is connected",
    });
  });
});
