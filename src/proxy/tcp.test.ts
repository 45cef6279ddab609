import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import type { Answer } from "../core/gate.ts";
import { fakeClock, settle } from "../../test/support/fake-clock.ts";
import { startKillable } from "../../test/support/killable.ts";
import { open, readUntil } from "../../test/support/proxy-stage.ts";
import { openTcp } from "../../test/support/stream-stage.ts";
import type { StreamOptions } from "../../test/support/stream-stage.ts";
import { dial, readToEnd } from "../../test/support/upgrade-stage.ts";
import { readProxyHeader, toProxyHeader } from "./proxy-protocol.ts";

const allow: Answer = { kind: "allow", decision: "allow" };
const refusal: Answer = { kind: "reply", decision: "quota", status: 429, headers: {}, body: "" };

const echo = (): Server =>
  createServer({ allowHalfOpen: true }, (socket) => {
    // A client that goes for good resets it.
    socket.on("error", () => undefined);
    socket.pipe(socket);
  });

async function openFor(t: TestContext, upstream: Server, options: Partial<StreamOptions> = {}) {
  const at = await open(t, upstream);
  return openTcp(t, { origin: () => `tcp://127.0.0.1:${at}`, ...options });
}

/** Resolves when the other side has ended or cut the connection. */
const gone = async (socket: Socket): Promise<void> => {
  socket.resume().on("end", () => socket.destroy());
  if (!socket.closed) await once(socket, "close");
};

describe("a TCP route", () => {
  it("carries bytes both ways, half-closed too, and is in use while the connection is open", async (t) => {
    const { port, route, asked } = await openFor(t, echo());
    const client = dial(t, port);
    client.write("hello");
    await readUntil(client, /hello/);
    assert.equal(route.inFlight, 1);
    const rest = readToEnd(client);
    client.end(" world");
    assert.equal(await rest, " world");
    await route.idle();
    assert.equal(asked.length, 1);
    assert.equal(asked[0]?.client, "127.0.0.1");
  });

  it("lets the server speak first", async (t) => {
    const { port } = await openFor(
      t,
      createServer((socket) => void socket.write("220 ready\r\n")),
    );
    assert.match(await readUntil(dial(t, port), /ready/), /^220/);
  });

  it("keeps what a client sends until the service is ready, even if it has ended its side", async (t) => {
    const ready = Promise.withResolvers<Answer>();
    const { port, route } = await openFor(t, echo(), { admit: () => ready.promise });
    const client = dial(t, port);
    client.end("first bytes");
    const all = readToEnd(client);
    await settle();
    assert.equal(route.inFlight, 0);
    ready.resolve(allow);
    assert.equal(await all, "first bytes");
  });

  it("does not keep more than 64 kB of a waiting client, and loses nothing of what it sent", async (t) => {
    const ready = Promise.withResolvers<Answer>();
    const { port } = await openFor(t, echo(), { admit: () => ready.promise });
    const client = dial(t, port);
    const size = 16 * 1_048_576;
    client.write(Buffer.alloc(size, "x"));
    client.end();
    await new Promise((resolve) => setTimeout(resolve, 200));
    // What fits into the kernel's buffers is gone, the rest is still here.
    assert.ok(client.writableLength > 0);
    ready.resolve(allow);
    let got = 0;
    client.on("data", (chunk: Buffer) => (got += chunk.length));
    await once(client, "end");
    assert.equal(got, size);
  });

  it("wakes nothing for a scanner that sends nothing, where min_bytes says so", async (t) => {
    const { port, asked } = await openFor(t, echo(), { stream: { minBytes: 4 } });
    const scanner = dial(t, port);
    scanner.end();
    await gone(scanner);
    const short = dial(t, port);
    short.end("abc");
    await gone(short);
    assert.equal(asked.length, 0);
    const client = dial(t, port);
    client.write("ab");
    client.write("cd");
    assert.equal(await readUntil(client, /abcd/), "abcd");
    assert.equal(asked.length, 1);
  });

  it("ends a connection that never sends its first bytes", async (t) => {
    const clock = fakeClock();
    const { port, asked } = await openFor(t, echo(), { stream: { minBytes: 1 }, clock });
    const client = dial(t, port);
    await once(client, "connect");
    while (clock.pending === 0) await settle();
    clock.advance(60_000);
    await gone(client);
    assert.equal(asked.length, 0);
  });

  it("ends a connection the gate refuses, and one nobody decided", async (t) => {
    for (const admit of [
      () => refusal,
      () => {
        throw new Error("defect");
      },
    ]) {
      const { port, route } = await openFor(t, echo(), { admit });
      await gone(dial(t, port));
      assert.equal(route.peak, 0);
    }
  });

  it("does not count what the door says is no use", async (t) => {
    const { port, route } = await openFor(t, echo(), { admit: () => ({ ...allow, counted: false }) as Answer });
    const client = dial(t, port);
    client.write("x");
    await readUntil(client, /x/);
    assert.equal(route.peak, 0);
  });

  it("tells the gate when a waiting client is lost", async (t) => {
    const left = Promise.withResolvers<void>();
    const { port, route } = await openFor(t, echo(), {
      admit: (_facts, { signal }) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () => {
            left.resolve();
            resolve({ kind: "left" });
          });
        }),
    });
    const client = dial(t, port);
    await once(client, "connect");
    client.write("x");
    await settle();
    client.resetAndDestroy();
    await left.promise;
    assert.equal(route.peak, 0);
  });

  it("dials again while nobody listens there yet, and loses no byte", async (t) => {
    const upstream = echo();
    const closed = createServer();
    const at = await open(t, closed);
    closed.close();
    await once(closed, "close");
    let dials = 0;
    const { port } = await openTcp(t, {
      origin() {
        if (++dials === 3) upstream.listen(at, "127.0.0.1");
        return `tcp://127.0.0.1:${at}`;
      },
    });
    t.after(() => void upstream.close());
    const client = dial(t, port);
    client.write("kept");
    assert.equal(await readUntil(client, /kept/), "kept");
    client.destroy();
  });

  it("is cut, noted and looked at where the upstream is not there, or has no address", async (t) => {
    for (const origin of ["tcp://127.0.0.1:1", null, "nonsense"]) {
      const { port, route, lines } = await openTcp(t, { origin: () => origin, hasWorkload: false });
      await gone(dial(t, port));
      assert.equal(lines.filter(({ message }) => message === "upstream failed").length, 1);
      await route.idle();
    }
  });

  it("passes a lost upstream on as a lost connection", async (t) => {
    const upstream = await startKillable(t, `listen(require("node:net").createServer((s) => s.write("up")))`);
    const { port, route } = await openTcp(t, { origin: () => `tcp://127.0.0.1:${upstream.port}` });
    const client = dial(t, port);
    await readUntil(client, /up/);
    upstream.kill();
    await gone(client);
    await route.idle();
  });

  it("lets nobody in but whom allow names", async (t) => {
    const closed = await openFor(t, echo(), { stream: { allow: ["10.0.0.0/8"] } });
    await gone(dial(t, closed.port));
    assert.equal(closed.asked.length, 0);
    const { port } = await openFor(t, echo(), { stream: { allow: ["127.0.0.0/8"] } });
    const client = dial(t, port);
    client.write("in");
    assert.equal(await readUntil(client, /in/), "in");
  });

  it("stops counting a silent connection after stale_after, and counts it again when bytes flow", async (t) => {
    const clock = fakeClock();
    const { port, route } = await openFor(t, echo(), { clock, staleAfterMs: 8_000 });
    const client = dial(t, port);
    client.write("a");
    await readUntil(client, /a/);
    assert.equal(route.inFlight, 1);
    clock.advance(12_000);
    assert.equal(route.inFlight, 0);
    client.write("b");
    await readUntil(client, /b/);
    clock.advance(2_000);
    assert.equal(route.inFlight, 1);
    client.destroy();
    await route.idle();
  });
});

describe("PROXY protocol at a TCP route", () => {
  const header = toProxyHeader({
    client: { address: "203.0.113.7", port: 40_000 },
    server: { address: "10.0.0.1", port: 443 },
  });

  it("is read from a trusted peer, however it is cut, and not passed on", async (t) => {
    const { port, asked } = await openFor(t, echo(), { stream: { acceptProxy: true }, trusted: true });
    const client = dial(t, port);
    client.write(header.subarray(0, 5));
    await new Promise((resolve) => setTimeout(resolve, 20));
    client.write(Buffer.concat([header.subarray(5), Buffer.from("after")]));
    assert.equal(await readUntil(client, /after/), "after");
    assert.equal(asked[0]?.client, "203.0.113.7");
  });

  it("of a stranger is only bytes: nobody forges an address past allow", async (t) => {
    const options = { stream: { acceptProxy: true, allow: ["203.0.113.0/24"] } };
    const { port, asked } = await openFor(t, echo(), options);
    const client = dial(t, port);
    client.write(header);
    await gone(client);
    assert.equal(asked.length, 0);
    const trusted = await openFor(t, echo(), { ...options, trusted: true });
    const known = dial(t, trusted.port);
    known.write(Buffer.concat([header, Buffer.from("in")]));
    assert.equal(await readUntil(known, /in/), "in");
  });

  it("that is none ends the connection of a trusted peer", async (t) => {
    const { port, asked } = await openFor(t, echo(), { stream: { acceptProxy: true }, trusted: true });
    const client = connect(port, "127.0.0.1");
    client.on("error", () => undefined).write("GET / HTTP/1.1\r\n\r\n");
    await gone(client);
    assert.equal(asked.length, 0);
  });

  it("is written before the client's first byte where the route says so", async (t) => {
    const { port } = await openFor(t, echo(), { stream: { sendProxy: true } });
    const client = dial(t, port);
    client.write("data!");
    const got = Buffer.from(await readUntil(client, /data!/), "latin1");
    const read = readProxyHeader(got);
    assert.ok(read.kind === "client");
    assert.equal(read.address, "127.0.0.1");
    assert.equal(got.subarray(read.bytes).toString(), "data!");
  });
});
