import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import type { RemoteInfo, Socket } from "node:dgram";
import { once } from "node:events";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import type { Answer } from "../core/gate.ts";
import { fakeClock, settle } from "../../test/support/fake-clock.ts";
import { openUdp } from "../../test/support/stream-stage.ts";
import type { StreamOptions } from "../../test/support/stream-stage.ts";

const allow: Answer = { kind: "allow", decision: "allow" };

async function bind(t: TestContext, port = 0): Promise<Socket> {
  const socket = createSocket("udp4");
  t.after(() => void socket.close());
  socket.bind(port, "127.0.0.1");
  await once(socket, "listening");
  return socket;
}

/** Answers each datagram with its text in capitals. */
function answer(socket: Socket): Socket {
  return socket.on("message", (text, from) => {
    socket.send(text.toString().toUpperCase(), from.port, from.address);
  });
}

const sendTo = (socket: Socket, text: string, port: number, host: string): Promise<void> =>
  new Promise((resolve) => {
    socket.send(text, port, host, () => resolve());
  });

async function openFor(t: TestContext, options: Partial<StreamOptions> = {}) {
  const upstream = answer(await bind(t));
  const stage = await openUdp(t, { origin: () => `udp://127.0.0.1:${upstream.address().port}`, ...options });
  return { ...stage, upstream };
}

const receive = async (socket: Socket): Promise<string> => {
  const [text] = (await once(socket, "message")) as [Buffer, RemoteInfo];
  return text.toString();
};

describe("a UDP route", () => {
  it("carries datagrams both ways, and keeps its clients apart", async (t) => {
    const { port, route, door, asked } = await openFor(t);
    const one = await bind(t);
    const two = await bind(t);
    const answers = [receive(one), receive(two)];
    one.send("one", port, "127.0.0.1");
    two.send("two", port, "127.0.0.1");
    assert.deepEqual(await Promise.all(answers), ["ONE", "TWO"]);
    assert.equal(door.sessions, 2);
    assert.equal(route.inFlight, 2);
    assert.deepEqual(
      asked.map(({ client }) => client),
      ["127.0.0.1", "127.0.0.1"],
    );
  });

  it("keeps the first datagrams until the service is ready", async (t) => {
    const ready = Promise.withResolvers<Answer>();
    const { port, asked } = await openFor(t, { admit: () => ready.promise });
    const client = await bind(t);
    const got: string[] = [];
    const all = new Promise<void>((resolve) => {
      client.on("message", (text) => void (got.push(text.toString()) === 2 && resolve()));
    });
    client.send("a", port, "127.0.0.1");
    client.send("b", port, "127.0.0.1");
    while (asked.length === 0) await settle();
    ready.resolve(allow);
    await all;
    assert.deepEqual(got, ["A", "B"]);
    assert.equal(asked.length, 1);
  });

  it("keeps no more than 64 of a waiting client", async (t) => {
    const ready = Promise.withResolvers<Answer>();
    const { port, upstream } = await openFor(t, { admit: () => ready.promise });
    let seen = 0;
    const last = Promise.withResolvers<void>();
    upstream.on("message", (message) => {
      seen++;
      if (message.toString() === "last") last.resolve();
    });
    const client = await bind(t);
    for (let i = 0; i < 100; i++) await sendTo(client, `${i}`, port, "127.0.0.1");
    for (let i = 0; i < 50; i++) await settle();
    ready.resolve(allow);
    client.send("last", port, "127.0.0.1");
    await last.promise;
    assert.ok(seen > 0 && seen <= 65, String(seen));
  });

  it("sends again what a service refused that was not listening yet", async (t) => {
    const early = createSocket("udp4").bind(0, "127.0.0.1");
    await once(early, "listening");
    const at = early.address().port;
    early.close();
    let dials = 0;
    const { port } = await openUdp(t, {
      origin() {
        if (++dials === 3) void bind(t, at).then(answer);
        return `udp://127.0.0.1:${at}`;
      },
    });
    const client = await bind(t);
    const got = receive(client);
    client.send("kept", port, "127.0.0.1");
    assert.equal(await got, "KEPT");
    assert.ok(dials >= 3);
  });

  it("keeps the first datagrams for a service that takes longer to listen than a session may be silent", async (t) => {
    const clock = fakeClock();
    const early = createSocket("udp4").bind(0, "127.0.0.1");
    await once(early, "listening");
    const at = early.address().port;
    early.close();
    const { port } = await openUdp(t, {
      origin: () => `udp://127.0.0.1:${at}`,
      clock,
      stream: { sessionTimeoutMs: 1_000 },
    });
    const client = await bind(t);
    const got = receive(client);
    client.send("kept", port, "127.0.0.1");
    // A refusal comes back over loopback at once.
    for (const end = clock.now() + 20_000; clock.now() < end; clock.advance(20)) await settle();
    await bind(t, at).then(answer);
    clock.advance(400);
    assert.equal(await got, "KEPT");
  });

  it("ends a session so long after its last datagram, in either direction", async (t) => {
    const clock = fakeClock();
    const { port, door, route } = await openFor(t, { clock, stream: { sessionTimeoutMs: 10_000 } });
    const client = await bind(t);
    for (let i = 0; i < 3; i++) {
      const got = receive(client);
      client.send("x", port, "127.0.0.1");
      await got;
      clock.advance(8_000);
      assert.equal(door.sessions, 1);
      assert.equal(route.inFlight, 1);
    }
    clock.advance(2_000);
    assert.equal(door.sessions, 0);
    assert.equal(route.inFlight, 0);
  });

  it("asks again, and goes to the new address, once the service slept or moved", async (t) => {
    const servers = [answer(await bind(t)), (await bind(t)).on("message", () => undefined)];
    const [first, second] = servers.map((server) => `udp://127.0.0.1:${server.address().port}`);
    let origin = second;
    const { port, asked, door } = await openUdp(t, { origin: () => origin ?? null });
    const client = await bind(t);
    await sendTo(client, "lost", port, "127.0.0.1");
    await once(servers[1]!, "message");
    origin = first;
    const got = receive(client);
    client.send("found", port, "127.0.0.1");
    assert.equal(await got, "FOUND");
    assert.equal(asked.length, 2);
    assert.equal(door.sessions, 1);
  });

  it("forgets who is refused, or not allowed", async (t) => {
    const refused = await openFor(t, {
      admit: () => ({ kind: "reply", decision: "quota", status: 429, headers: {}, body: "" }),
    });
    const client = await bind(t);
    client.send("x", refused.port, "127.0.0.1");
    while (refused.asked.length === 0 || refused.door.sessions > 0) await settle();
    assert.equal(refused.route.peak, 0);
    const closed = await openFor(t, { stream: { allow: ["10.0.0.0/8"] } });
    await sendTo(client, "x", closed.port, "127.0.0.1");
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(closed.asked.length, 0);
    assert.equal(closed.door.sessions, 0);
  });

  it("ends the session and has the workload looked at where nobody ever listens", async (t) => {
    const { port, door, route, lines } = await openUdp(t, { origin: () => "udp://127.0.0.1:1", hasWorkload: false });
    const client = await bind(t);
    client.send("x", port, "127.0.0.1");
    while (!lines.some(({ message }) => message === "upstream failed")) await settle();
    assert.equal(door.sessions, 0);
    await route.idle();
  });
});
