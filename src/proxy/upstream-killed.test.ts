import assert from "node:assert/strict";
import { once } from "node:events";
import { request as startRequest } from "node:http";
import type { ClientRequest, IncomingMessage } from "node:http";
import { describe, it } from "node:test";
import { WebSocket } from "ws";
import { startKillable } from "../../test/support/killable.ts";
import { openStage } from "../../test/support/proxy-stage.ts";
import type { Stage } from "../../test/support/proxy-stage.ts";

// The stage fails every test here after which anything is still counted as in flight.
describe("an upstream killed", () => {
  it("mid-response: the client's connection is cut, never ended as if it were the whole", async (t) => {
    for (const head of ["{}", '{ "content-length": 1000000 }']) {
      const upstream = await startKillable(
        t,
        `listen(createServer((req, res) => { res.writeHead(200, ${head}); res.write("first"); }))`,
      );
      const stage = await openStage(t, { upstream: null, origin: () => `http://127.0.0.1:${upstream.port}` });
      const req = send(stage, { method: "GET" });
      req.end();
      const [res] = (await once(req, "response")) as [IncomingMessage];
      const failure = once(res, "error");
      res.once("data", () => upstream.kill());
      const [error] = (await failure) as [NodeJS.ErrnoException];
      assert.equal(error.code, "ECONNRESET");
      assert.equal(res.complete, false);
      await stage.route.idle();
      assert.equal(stage.route.rechecks, 1);
    }
  });

  it("mid-upload: 502, and the client may finish what it sends", async (t) => {
    const upstream = await startKillable(
      t,
      `listen(createServer((req) => { req.once("data", () => process.kill(process.pid, "SIGKILL")); }))`,
    );
    const stage = await openStage(t, { upstream: null, origin: () => `http://127.0.0.1:${upstream.port}` });
    const req = send(stage, { method: "POST", headers: { "content-length": 32 * 1_048_576 } });
    const chunk = Buffer.alloc(1_048_576);
    for (let i = 0; i < 32; i++) req.write(chunk);
    req.end();
    const [res] = (await once(req, "response")) as [IncomingMessage];
    assert.equal(res.statusCode, 502);
    res.resume();
    await once(res, "end");
    await stage.route.idle();
  });

  it("by h2c, mid-response and mid-upload: cut, and 502", async (t) => {
    const upstream = await startKillable(
      t,
      `listen(require("node:http2").createServer((req, res) => {
         if (req.method === "POST") return void req.once("data", () => process.kill(process.pid, "SIGKILL"));
         res.writeHead(200); res.write("first");
       }))`,
    );
    const stage = await openStage(t, {
      upstream: null,
      hasWorkload: false,
      scheme: "h2c",
      origin: () => `h2c://127.0.0.1:${upstream.port}`,
    });
    const req = send(stage, { method: "GET" });
    req.end();
    const [res] = (await once(req, "response")) as [IncomingMessage];
    const failure = once(res, "error");
    res.resume();
    const upload = send(stage, { method: "POST", headers: { "content-length": 32 * 1_048_576 } });
    for (let i = 0; i < 32; i++) upload.write(Buffer.alloc(1_048_576));
    upload.end();
    const [refused] = (await once(upload, "response")) as [IncomingMessage];
    assert.equal(refused.statusCode, 502);
    const ended = once(refused.resume(), "end");
    const [error] = (await failure) as [NodeJS.ErrnoException];
    assert.deepEqual([error.code, res.complete], ["ECONNRESET", false]);
    await ended;
    await stage.route.idle();
  });

  it("mid-WebSocket: the socket closes abnormally (1006)", async (t) => {
    const upstream = await startKillable(
      t,
      `const { WebSocketServer } = require(${JSON.stringify(import.meta.resolve("ws").replace("file://", "").replace("wrapper.mjs", "index.js"))});
       const server = createServer();
       new WebSocketServer({ server }).on("connection", (socket) => socket.send("up"));
       listen(server);`,
    );
    const stage = await openStage(t, { upstream: null, origin: () => `http://127.0.0.1:${upstream.port}` });
    const socket = new WebSocket(`ws://127.0.0.1:${stage.port}/`, { headers: { host: "app.test" } });
    socket.on("error", () => undefined);
    await once(socket, "message");
    assert.equal(stage.route.inFlight, 1);
    const closed = once(socket, "close");
    upstream.kill();
    assert.deepEqual((await closed)[0], 1006);
    await stage.route.idle();
  });

  it("before its answer, with more requests waiting on the same connection pool: each gets its 502", async (t) => {
    const upstream = await startKillable(
      t,
      `let n = 0; listen(createServer(() => { if (++n === 8) process.kill(process.pid, "SIGKILL"); }))`,
    );
    const stage = await openStage(t, {
      upstream: null,
      hasWorkload: false,
      origin: () => `http://127.0.0.1:${upstream.port}`,
    });
    const statuses = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const req = send(stage, { method: "GET" });
        req.end();
        const [res] = (await once(req, "response")) as [IncomingMessage];
        res.resume();
        return res.statusCode;
      }),
    );
    assert.deepEqual(
      statuses,
      Array.from({ length: 8 }, () => 502),
    );
    await stage.route.idle();
  });
});

function send({ port }: Stage, options: { readonly method: string; readonly headers?: object }): ClientRequest {
  const req = startRequest({
    host: "127.0.0.1",
    port,
    agent: false,
    method: options.method,
    headers: { host: "app.test", ...options.headers },
  });
  return req.on("error", () => undefined);
}
