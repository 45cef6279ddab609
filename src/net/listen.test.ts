import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttp } from "node:http";
import { connect, createServer } from "node:net";
import { describe, it } from "node:test";
import { fakeClock } from "../../test/support/fake-clock.ts";
import { NodoffError } from "../core/errors.ts";
import { closeServer, listen, parseListenAddress } from "./listen.ts";

describe("parseListenAddress", () => {
  it("reads every form that has a port", () => {
    assert.deepEqual(parseListenAddress(":8080"), { host: null, port: 8080 });
    assert.deepEqual(parseListenAddress("127.0.0.1:8090"), { host: "127.0.0.1", port: 8090 });
    assert.deepEqual(parseListenAddress("[::1]:8090"), { host: "::1", port: 8090 });
    assert.deepEqual(parseListenAddress("localhost:0"), { host: "localhost", port: 0 });
  });

  it("refuses the rest", () => {
    for (const text of [
      "",
      "8080",
      "::1:8080",
      "[::1]",
      "127.0.0.1",
      "a:b",
      ":70000",
      "http://a:80",
      "a :80",
      "[a]:80",
    ])
      assert.equal(parseListenAddress(text), null, text);
  });
});

describe("listen", () => {
  it("tells the real port and accepts", async (t) => {
    const server = createServer((socket) => void socket.end());
    const { host, port } = await listen(server, { host: "::1", port: 0 });
    t.after(() => void server.close());
    assert.equal(host, "::1");
    assert.ok(port > 0);
    await once(connect(port, "::1"), "connect");
  });

  it("listens on IPv4 and IPv6 where no host is given", async (t) => {
    const server = createServer((socket) => void socket.end());
    const { port } = await listen(server, { host: null, port: 0 });
    t.after(() => void server.close());
    await once(connect(port, "127.0.0.1"), "connect");
    await once(connect(port, "::1"), "connect");
  });

  it("names the address and the reason when it is taken", async (t) => {
    const first = createServer();
    const { port } = await listen(first, { host: "127.0.0.1", port: 0 });
    t.after(() => void first.close());
    await assert.rejects(listen(createServer(), { host: "127.0.0.1", port }), (error) => {
      assert.ok(error instanceof NodoffError);
      assert.equal(error.code, "LISTEN_FAILED");
      assert.equal(error.message, `cannot listen on 127.0.0.1:${port}: another program listens there already`);
      return true;
    });
  });

  it("refuses an address of another machine, and what is none", async () => {
    await assert.rejects(listen(createServer(), { host: "203.0.113.1", port: 0 }), { code: "LISTEN_FAILED" });
  });
});

describe("closeServer", () => {
  it("ends idle connections at once and waits for the busy one", async (t) => {
    const clock = fakeClock();
    const answering = Promise.withResolvers<() => void>();
    const server = createHttp((req, res) => {
      if (req.url === "/slow") answering.resolve(() => void res.end("done"));
      else res.end("quick");
    });
    const { port } = await listen(server, { host: "127.0.0.1", port: 0 });
    const idle = connect(port, "127.0.0.1").setEncoding("utf8");
    const busy = connect(port, "127.0.0.1").setEncoding("utf8");
    t.after(() => {
      idle.destroy();
      busy.destroy();
    });
    idle.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await once(idle, "data");
    busy.write("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    const answer = await answering.promise;
    let closed = false;
    const closing = closeServer(server, { clock, graceMs: 1_000 }).then(() => (closed = true));
    await once(idle.resume(), "close");
    assert.equal(closed, false);
    answer();
    const [text] = (await once(busy, "data")) as [string];
    assert.match(text, /done/);
    // Its keep-alive must not hold the server: at the next look it is idle and ended.
    const busyClosed = once(busy, "close");
    await clock.advanceAsync(100);
    await busyClosed;
    await closing;
  });

  it("cuts what is still busy after the grace", async (t) => {
    const clock = fakeClock();
    const server = createHttp(() => undefined);
    const { port } = await listen(server, { host: "127.0.0.1", port: 0 });
    const client = connect(port, "127.0.0.1");
    t.after(() => void client.destroy());
    client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await once(server, "request");
    const closing = closeServer(server, { clock, graceMs: 500 });
    await clock.advanceAsync(499);
    assert.equal(client.destroyed, false);
    const cut = once(client.resume(), "close");
    await clock.advanceAsync(1);
    await closing;
    await cut;
    assert.equal(clock.pending, 0);
  });

  it("is done at once for a server that does not listen", async () => {
    await closeServer(createServer(), { clock: fakeClock(), graceMs: 1_000 });
  });
});
