import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { describe, it } from "node:test";
import { hastyClock, openStage, readUntil } from "../../test/support/proxy-stage.ts";
import type { Answer } from "../core/gate.ts";
import { askUpgrade, dial, readToEnd, switching } from "../../test/support/upgrade-stage.ts";

describe("an upgrade that is not let through", () => {
  const page: Answer = {
    kind: "reply",
    decision: "waking",
    status: 503,
    headers: { "retry-after": "3" },
    body: "asleep",
  };

  it("gets the gate's answer as plain HTTP, and the connection ends", async (t) => {
    const { port, route } = await openStage(t, { upstream: null, admit: () => page });
    const socket = dial(t, port);
    socket.write(askUpgrade());
    const answer = await readToEnd(socket);
    assert.match(answer, /^HTTP\/1\.1 503 Service Unavailable\r\n/);
    assert.match(answer, /^retry-after: 3\r$/m);
    assert.match(answer, /asleep$/);
    assert.equal(route.peak, 0);
  });

  it("gets 404 for an unknown host, 400 for a request that is none, and the page channel", async (t) => {
    const { port } = await openStage(t, { upstream: null, reserved: (req, res) => void res.end(`channel ${req.url}`) });
    for (const [text, expected] of [
      [askUpgrade().replace("app.test", "other.test"), /^HTTP\/1\.1 404 /],
      [askUpgrade().replace("app.test", "app.test@evil"), /^HTTP\/1\.1 400 /],
      [askUpgrade("/.nodoff/wait?route=app"), /^HTTP\/1\.1 200 OK[^]*channel \/\.nodoff\/wait/],
    ] as const) {
      const socket = dial(t, port);
      socket.write(text);
      assert.match(await readToEnd(socket), expected);
    }
  });

  it("gets 502 where the upstream is not there, and another try before that", async (t) => {
    let dials = 0;
    const { port, route, lines } = await openStage(t, {
      upstream: null,
      clock: hastyClock,
      origin() {
        dials++;
        return "http://127.0.0.1:1";
      },
    });
    const socket = dial(t, port);
    socket.write(askUpgrade());
    assert.match(await readToEnd(socket), /^HTTP\/1\.1 502 [^]*UPSTREAM_FAILED/);
    assert.ok(dials > 2);
    assert.equal(route.rechecks, 1);
    assert.equal(lines.length, 1);
    await route.idle();
  });

  it("gets 502 where the network refuses at once, or the upstream hangs up", async (t) => {
    // A connect to the broadcast address fails within the call: the error comes before anybody could be asked.
    const nowhere = await openStage(t, {
      upstream: null,
      hasWorkload: false,
      origin: () => "http://255.255.255.255:9",
    });
    const hanging = await openStage(t, {
      upstream: createServer((socket) => socket.once("data", () => socket.destroy())),
    });
    for (const { port, route } of [nowhere, hanging]) {
      const socket = dial(t, port);
      socket.write(askUpgrade());
      assert.match(await readToEnd(socket), /^HTTP\/1\.1 502 /);
      await route.idle();
    }
  });

  it("ends when its client leaves: while held, and while the upstream thinks", async (t) => {
    const held = Promise.withResolvers<AbortSignal>();
    const waiting = await openStage(t, {
      upstream: null,
      admit: (_facts, { signal }) => {
        held.resolve(signal);
        return once(signal, "abort").then((): Answer => ({ kind: "left" }));
      },
    });
    const first = dial(t, waiting.port);
    first.write(askUpgrade());
    const signal = await held.promise;
    // Only its half: a client that says no more before it was answered has left.
    first.end();
    await once(signal, "abort");
    assert.equal(waiting.route.peak, 0);

    const arrived = Promise.withResolvers<Socket>();
    const thinking = await openStage(t, {
      upstream: createServer((socket) => void socket.once("data", () => arrived.resolve(socket))),
    });
    const second = dial(t, thinking.port);
    second.write(askUpgrade());
    const upstream = await arrived.promise;
    const closed = new Promise<void>((resolve) => void upstream.on("close", resolve));
    second.destroy();
    await closed;
    await thinking.route.idle();
    assert.equal(thinking.lines.length, 0);
  });

  it("goes on as a plain request where one before it is not answered yet", async (t) => {
    const held = Promise.withResolvers<() => void>();
    const { port, route } = await openStage(t, {
      upstream: (req, res) => {
        if (req.url === "/1") held.resolve(() => void res.end("first"));
        else res.end(`second ${req.headers.upgrade}`);
      },
    });
    const socket = dial(t, port);
    socket.write("GET /1 HTTP/1.1\r\nHost: app.test\r\n\r\n");
    const end = await held.promise;
    socket.write(askUpgrade("/2"));
    await new Promise((resolve) => void setImmediate(resolve));
    end();
    assert.match(await readUntil(socket, /second/), /first[^]*second undefined/);
    socket.destroy();
    await route.idle();
  });

  it("h2c smuggling: goes on as a plain request where it is h2c or has a body", async (t) => {
    const { port, asked } = await openStage(t, {
      upstream: (req, res) => {
        res.write(`upgrade=${req.headers.upgrade} settings=${String(req.headers["http2-settings"])} `);
        req.pipe(res);
      },
    });
    const close = "Connection: Upgrade, HTTP2-Settings, close\r\nHTTP2-Settings: AAMAAABk\r\nUpgrade: h2c\r\n";
    const h2c = dial(t, port);
    h2c.end(`GET / HTTP/1.1\r\nHost: app.test\r\n${close}\r\n`.replace(", close", ""));
    const bodied = dial(t, port);
    bodied.write(
      "POST / HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 4\r\n\r\nbody",
    );
    assert.match(await readUntil(bodied, /body/), /200 OK[^]*upgrade=undefined settings=undefined/);
    assert.equal(
      asked.some(({ upgrade }) => upgrade),
      false,
    );
  });

  it("is ended when the proxy closes, also where it is open", async (t) => {
    const { server, next } = switching(t);
    const { port, proxy, route } = await openStage(t, { upstream: server });
    const client = dial(t, port);
    client.write(askUpgrade());
    await readUntil(client, /\r\n\r\n/);
    await next;
    const ended = readToEnd(client);
    await proxy.close({ graceMs: 60_000 });
    await ended;
    client.destroy();
    await route.idle();
  });
});
