import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { fakeClock } from "../../test/support/fake-clock.ts";
import { createResolve } from "./resolve.ts";

const aRecord = 1;

/** A name server that knows IPv4 addresses, and nothing else (RFC 1035 section 4.1). */
async function nameServer(t: TestContext, addresses: Readonly<Record<string, string>>) {
  const asked: string[] = [];
  const socket = createSocket("udp4", (query, { address, port }) => {
    const labels: string[] = [];
    let at = 12;
    for (let size = query[at] ?? 0; size > 0; size = query[at] ?? 0) {
      labels.push(query.toString("latin1", at + 1, at + 1 + size));
      at += size + 1;
    }
    const name = labels.join(".");
    const isA = query.readUInt16BE(at + 1) === aRecord;
    if (isA) asked.push(name);
    const known = addresses[name];
    const answer = Buffer.from(query.subarray(0, at + 5));
    answer.writeUInt16BE(known === undefined ? 0x8183 : 0x8180, 2);
    answer.writeUInt16BE(0, 8);
    answer.writeUInt16BE(0, 10);
    answer.writeUInt16BE(known !== undefined && isA ? 1 : 0, 6);
    const record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...(known ?? "").split(".").map(Number)];
    socket.send(known !== undefined && isA ? Buffer.concat([answer, Buffer.from(record)]) : answer, port, address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  t.after(() => void socket.close());
  return { asked, servers: [`127.0.0.1:${socket.address().port}`] };
}

describe("resolve", () => {
  it("finds the addresses of a name, and keeps them for a while", async (t) => {
    const addresses: Record<string, string> = { app: "172.17.0.2" };
    const { asked, servers } = await nameServer(t, addresses);
    const clock = fakeClock();
    const resolve = createResolve({ clock, servers });
    const since = clock.now();
    assert.deepEqual(await resolve("app", { since }), ["172.17.0.2"]);
    assert.deepEqual(await resolve("gone", { since }), []);
    addresses["app"] = "172.17.0.3";
    clock.advance(29_999);
    assert.deepEqual(await resolve("app", { since }), ["172.17.0.2"]);
    assert.deepEqual(asked, ["app", "gone"]);
    clock.advance(1);
    assert.deepEqual(await resolve("app", { since }), ["172.17.0.3"]);
  });

  it("asks anew for what woke since: it has another address now, or one at all", async (t) => {
    const addresses: Record<string, string> = {};
    const { servers } = await nameServer(t, addresses);
    const clock = fakeClock();
    const resolve = createResolve({ clock, servers });
    assert.deepEqual(await resolve("app", { since: clock.now() }), []);
    addresses["app"] = "172.17.0.2";
    clock.advance(1_000);
    assert.deepEqual(await resolve("app", { since: clock.now() }), ["172.17.0.2"]);
  });

  it("asks nobody for an address, and is not kept waiting", async (t) => {
    const silent = createSocket("udp4").bind(0, "127.0.0.1");
    await once(silent, "listening");
    t.after(() => void silent.close());
    const clock = fakeClock();
    const resolve = createResolve({ clock, servers: [`127.0.0.1:${silent.address().port}`] });
    assert.deepEqual(await resolve("10.0.0.2", { since: 0 }), ["10.0.0.2"]);
    assert.deepEqual(await resolve("fd00::2", { since: 0 }), ["fd00::2"]);
    assert.deepEqual(await resolve("app", { since: 0 }), []);
  });
});
