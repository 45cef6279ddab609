import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { fakeClock } from "../../test/support/fake-clock.ts";
import { createDialed } from "./dialed.ts";

async function pair(t: TestContext, host: string): Promise<{ readonly ours: Socket; readonly peer: string }> {
  const server: Server = createServer().listen(0, host);
  await once(server, "listening");
  t.after(() => void server.close());
  const accepted = once(server, "connection") as Promise<[Socket]>;
  const ours = connect((server.address() as AddressInfo).port, host);
  await once(ours, "connect");
  const [theirs] = await accepted;
  t.after(() => void theirs.destroy());
  theirs.on("error", () => undefined);
  const { remoteAddress, remotePort } = theirs;
  return { ours, peer: host === "::1" ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}` };
}

describe("dialed connections", () => {
  it("are known by what the other side sees, until a little after they are closed", async (t) => {
    const clock = fakeClock();
    const dialed = createDialed({ clock });
    const { ours, peer } = await pair(t, "127.0.0.1");
    assert.equal(dialed.has(peer), false);
    dialed.add(ours);
    assert.equal(dialed.has(peer), true);
    clock.advance(3_600_000);
    assert.equal(dialed.has(peer), true);

    ours.destroy();
    await once(ours, "close");
    clock.advance(30_000);
    assert.equal(dialed.has(peer), true);
    clock.advance(1);
    assert.equal(dialed.has(peer), false);
  });

  it("have IPv6 in brackets", async (t) => {
    const dialed = createDialed({ clock: fakeClock() });
    const { ours, peer } = await pair(t, "::1");
    dialed.add(ours);
    t.after(() => void ours.destroy());
    assert.match(peer, /^\[::1\]:\d+$/);
    assert.equal(dialed.has(peer), true);
  });

  it("ignore what is closed already", () => {
    const dialed = createDialed({ clock: fakeClock() });
    const { promise, resolve } = Promise.withResolvers<void>();
    const socket = connect(1, "127.0.0.1")
      .on("error", () => undefined)
      .on("close", resolve);
    socket.destroy();
    dialed.add(socket);
    return promise;
  });
});
