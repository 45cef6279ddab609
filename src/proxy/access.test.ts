import { deepEqual, equal, ok } from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import type { AccessEntry } from "../core/access.ts";
import { fetchFrom, openStage, readUntil, sendRaw } from "../../test/support/proxy-stage.ts";
import type { StageOptions } from "../../test/support/proxy-stage.ts";

async function openLogged(t: TestContext, options: StageOptions) {
  const entries: AccessEntry[] = [];
  let tell = (): void => undefined;
  const accessLog = {
    note(entry: AccessEntry) {
      entries.push(entry);
      tell();
    },
  };
  const stage = await openStage(t, { accessLog, ...options });
  const noted = async (count: number): Promise<readonly AccessEntry[]> => {
    while (entries.length < count) await new Promise<void>((resolve) => (tell = resolve));
    return entries;
  };
  return { ...stage, noted };
}

describe("what our own proxy notes of requests", () => {
  it("answers with status, bytes of the body, route and who asked", async (t) => {
    const { port, noted } = await openLogged(t, {
      upstream: (_req, res) => {
        res.write("héllo");
        res.end(Buffer.alloc(100));
      },
      trusted: true,
    });
    await fetchFrom(port, {
      path: "/a?b=1",
      headers: { "user-agent": "me", referer: "http://r/", "x-forwarded-for": "198.51.100.9" },
    });
    const [entry] = await noted(1);
    ok(entry !== undefined && entry.durationMs >= 0 && entry.at > 0);
    deepEqual(entry, {
      at: entry.at,
      durationMs: entry.durationMs,
      client: "198.51.100.9",
      method: "GET",
      target: "/a?b=1",
      protocol: "HTTP/1.1",
      host: "app.test",
      status: 200,
      bytes: 106,
      route: "app",
      referer: "http://r/",
      userAgent: "me",
    });
  });

  it("refusals, pages of our own and HEAD", async (t) => {
    const { port, noted } = await openLogged(t, { upstream: (_req, res) => void res.end("body") });
    await fetchFrom(port, { headers: { host: "no.test" } });
    await fetchFrom(port, { path: "/.nodoff/ping" });
    await fetchFrom(port, { method: "HEAD" });
    await sendRaw(port, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n");
    deepEqual(
      (await noted(4)).map(({ status, route, method, bytes }) => [status, route, method, bytes > 0]),
      [
        [404, null, "GET", true],
        [200, "app", "GET", true],
        [200, "app", "HEAD", false],
        [400, null, "GET", true],
      ],
    );
  });

  it("a client that leaves before its answer as 499", async (t) => {
    let arrived = (): void => undefined;
    const asked = new Promise<void>((resolve) => (arrived = resolve));
    const { port, noted } = await openLogged(t, { upstream: () => arrived() });
    const socket = connect(port, "127.0.0.1");
    socket.write("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
    await asked;
    socket.destroy();
    equal((await noted(1))[0]?.status, 499);
  });

  it("a tunnel once it ends, with all it carried; a refused upgrade with its status", async (t) => {
    const { port, noted } = await openLogged(t, {
      upstream: (req, res) => void (req.url === "/no" ? res.writeHead(403).end() : res.end()),
    });
    const refused = await sendRaw(
      port,
      "GET /no HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n",
    );
    ok(refused.startsWith("HTTP/1.1 403"));
    const upstream = createServer();
    upstream.on("upgrade", (_req, socket) => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
      socket.pipe(socket);
    });
    const tunnel = await openLogged(t, { upstream });
    const socket = connect(tunnel.port, "127.0.0.1");
    socket.write("GET / HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
    await readUntil(socket, /\r\n\r\n/);
    socket.write("hello");
    await readUntil(socket, /hello/);
    socket.end();
    await once(socket.resume(), "close");
    const [entry] = await tunnel.noted(1);
    equal(entry?.status, 101);
    ok((entry?.bytes ?? 0) > 5);
    equal((await noted(1))[0]?.status, 403);
  });

  it("holds nothing back that docker-gateway's wrapper does: events pass one by one, a WebSocket opens", async (t) => {
    const more = Promise.withResolvers<void>();
    const { port } = await openLogged(t, {
      upstream: (_req, res) => {
        res.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n");
        void more.promise.then(() => res.end("data: 2\n\n"));
      },
    });
    const socket = connect(port, "127.0.0.1");
    socket.write("GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n");
    await readUntil(socket, /data: 1/);
    more.resolve();
    await readUntil(socket, /data: 2/);
    const echo = createServer();
    new WebSocketServer({ server: echo }).on("connection", (ws) => ws.on("message", (data) => ws.send(data)));
    const logged = await openLogged(t, { upstream: echo });
    const ws = new WebSocket(`ws://127.0.0.1:${logged.port}/`, { headers: { host: "app.test" } });
    await once(ws, "open");
    ws.send("hello");
    equal(String((await once(ws, "message"))[0]), "hello");
    ws.close();
    const [entry] = await logged.noted(1);
    deepEqual([entry?.status, entry?.route], [101, "app"]);
  });
});
