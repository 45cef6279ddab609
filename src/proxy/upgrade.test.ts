import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttp } from "node:http";
import type { Socket } from "node:net";
import { describe, it } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { openStage, readUntil } from "../../test/support/proxy-stage.ts";
import type { Answer } from "../core/gate.ts";
import { askUpgrade, dial, readToEnd, switching } from "../../test/support/upgrade-stage.ts";

describe("WebSocket through the proxy", () => {
  it("echoes text and binary, negotiates, closes with its code, and is counted while open", async (t) => {
    const upstream = createHttp();
    const sockets = new WebSocketServer({ server: upstream, handleProtocols: () => "chat" });
    sockets.on("connection", (ws, req) => {
      assert.equal(req.url, "/ws?x=1");
      assert.equal(req.headers.host, "app.test");
      assert.equal(req.headers["x-forwarded-for"], "127.0.0.1");
      ws.on("message", (message, isBinary) => ws.send(message, { binary: isBinary }));
    });
    t.after(() => sockets.close());
    const { port, route, asked } = await openStage(t, { upstream });
    const ws = new WebSocket(`ws://127.0.0.1:${port}/ws?x=1`, "chat", { headers: { host: "app.test" } });
    await once(ws, "open");
    assert.equal(ws.protocol, "chat");
    assert.equal(asked[0]?.upgrade, true);
    assert.equal(route.inFlight, 1);
    for (const message of ["hello", "ü".repeat(100_000)]) {
      ws.send(message);
      const [echo] = (await once(ws, "message")) as [Buffer];
      assert.equal(echo.toString(), message);
    }
    ws.send(Buffer.from([0, 255]));
    const [bytes, isBinary] = (await once(ws, "message")) as [Buffer, boolean];
    assert.deepEqual([[...bytes], isBinary], [[0, 255], true]);
    ws.close(4001, "bye");
    const [code] = (await once(ws, "close")) as [number];
    assert.equal(code, 4001);
    await route.idle();
    assert.equal(route.peak, 1);
    assert.equal(route.touches, 2);
  });

  it("is told of as a connection of our own", async (t) => {
    const upstream = switching(t);
    const dialed: Socket[] = [];
    const { port } = await openStage(t, {
      upstream: upstream.server,
      dialed: { add: (link) => void dialed.push(link) },
    });
    dial(t, port).write(askUpgrade());
    const { socket } = await upstream.next;
    assert.deepEqual(
      dialed.map(({ localPort }) => localPort),
      [socket.remotePort],
    );
  });

  it("WebSocket smuggling: an upstream that will not switch answers in plain HTTP, and nothing sent behind gets past", async (t) => {
    const urls: (string | undefined)[] = [];
    const { port, route } = await openStage(t, {
      upstream: (req, res) => {
        urls.push(req.url);
        res.writeHead(426, { "x-app": "yes" });
        res.write("no ");
        res.end("switch");
      },
    });
    const socket = dial(t, port);
    socket.write(`${askUpgrade("/ws")}GET /smuggled HTTP/1.1\r\nHost: app.test\r\n\r\n`);
    const answer = await readToEnd(socket);
    assert.match(answer, /^HTTP\/1\.1 426 Upgrade Required\r\n/);
    assert.match(answer, /^x-app: yes\r$/m);
    assert.match(answer, /^Connection: close\r$/im);
    assert.match(answer, /no [^]*switch/);
    assert.deepEqual(urls, ["/ws"]);
    await route.idle();
  });
});

describe("any other upgrade", () => {
  it("gets the switch with filtered headers, then bytes both ways", async (t) => {
    const { server, next } = switching(t);
    const { port, route } = await openStage(t, { upstream: server });
    const client = dial(t, port);
    client.write(askUpgrade("/", "X-Forwarded-For: 6.6.6.6\r\nTE: trailers\r\n"));
    const head = await readUntil(client, /\r\n\r\n/);
    assert.match(head, /^HTTP\/1\.1 101 Switching Protocols\r\n/);
    assert.match(head, /^Connection: Upgrade\r\nUpgrade: test\r$/m);
    assert.match(head, /^X-App: yes\r$/m);
    assert.doesNotMatch(head, /X-Hop/i);
    const { req, socket: upstream } = await next;
    assert.equal(req.headers["x-forwarded-for"], "127.0.0.1");
    assert.equal(req.headers.te, undefined);
    assert.equal(req.headers.upgrade, "test");
    upstream.write("from upstream");
    assert.equal(await readUntil(client, /upstream/), "from upstream");
    client.write("from client");
    assert.equal(await readUntil(upstream, /client/), "from client");
    assert.equal(route.inFlight, 1);
    client.end();
    upstream.end();
    await route.idle();
  });

  it("keeps half of it open when one side ends, in both directions", async (t) => {
    for (const first of ["client", "upstream"] as const) {
      const { server, next } = switching(t);
      const { port, route } = await openStage(t, { upstream: server });
      const client = dial(t, port);
      client.write(askUpgrade());
      await readUntil(client, /\r\n\r\n/);
      const { socket: upstream } = await next;
      const [ender, other] = first === "client" ? [client, upstream] : [upstream, client];
      ender.end("last words");
      assert.equal(await readToEnd(other), "last words");
      assert.equal(route.inFlight, 1);
      other.end("answer after the end");
      assert.equal(await readToEnd(ender), "answer after the end");
      await route.idle();
    }
  });

  it("ends on both sides when one is lost", async (t) => {
    for (const first of ["client", "upstream"] as const) {
      const { server, next } = switching(t);
      const { port, route } = await openStage(t, { upstream: server });
      const client = dial(t, port);
      client.write(askUpgrade());
      await readUntil(client, /\r\n\r\n/);
      const { socket: upstream } = await next;
      const [loser, other] = first === "client" ? [client, upstream] : [upstream, client];
      const closed = new Promise<void>((resolve) => void other.resume().on("close", resolve));
      loser.resetAndDestroy();
      await closed;
      await route.idle();
    }
  });

  it("does not keep the upstream waiting for bytes sent ahead, once it has switched", async (t) => {
    const { server, next } = switching(t);
    const ready = Promise.withResolvers<Answer>();
    const held = Promise.withResolvers<void>();
    const { port } = await openStage(t, {
      upstream: server,
      admit: () => {
        held.resolve();
        return ready.promise;
      },
    });
    const client = dial(t, port);
    client.write(`${askUpgrade()}early `);
    await held.promise;
    client.write("bird");
    ready.resolve({ kind: "allow", decision: "hold_allow" });
    assert.equal(await readUntil((await next).socket, /bird/), "early bird");
  });

  it("passes back-pressure", async (t) => {
    const { server, next } = switching(t);
    const { port } = await openStage(t, { upstream: server });
    const client = dial(t, port);
    client.write(askUpgrade());
    await readUntil(client, /\r\n\r\n/);
    const { socket: upstream } = await next;
    const chunk = Buffer.alloc(65_536);
    let sent = 0;
    // Nobody reads: what fits on the way is all that may leave.
    const push = (): void => {
      while (sent < 64 * 1_048_576 && upstream.write(chunk)) sent += chunk.length;
    };
    upstream.on("drain", push);
    push();
    const settled = Promise.withResolvers<void>();
    let last = -1;
    const timer = setInterval(() => {
      if (sent === last) settled.resolve();
      last = sent;
    }, 100);
    await settled.promise;
    clearInterval(timer);
    assert.ok(sent < 32 * 1_048_576, `the proxy took ${sent} bytes for a client that reads none`);
  });
});
