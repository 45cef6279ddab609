import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { createServer as createHttp2 } from "node:http2";
import { createServer as createHttps } from "node:https";
import type { AddressInfo, Server, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { fakeClock, settle } from "../../test/support/fake-clock.ts";
import { selfSigned } from "../../test/support/self-signed.ts";
import { createDialed } from "./dialed.ts";
import { createOriginPools } from "./origin-pools.ts";
import type { OriginPool, OriginPools } from "./origin-pools.ts";

const verified = { tlsVerify: true };

async function open(t: TestContext, server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => void server.close());
  return (server.address() as AddressInfo).port;
}

function opened(t: TestContext, clock = fakeClock()): OriginPools {
  const pools = createOriginPools({ clock });
  t.after(() => pools.close({ graceMs: 0 }));
  return pools;
}

/** The body of a GET, or the error; and a turn of the loop, after which the connection may be used again. */
async function ask(pool: OriginPool, host = "app.test"): Promise<string> {
  const body = await askOnce(pool, host);
  await settle();
  return body;
}

function askOnce(pool: OriginPool, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let body = "";
    pool.dispatch(
      { method: "GET", path: "/", headers: ["host", host], body: null },
      {
        onRequestStart: () => undefined,
        onResponseStart: () => undefined,
        onResponseData: (_controller, chunk) => void (body += chunk.toString()),
        onResponseEnd: () => resolve(body),
        onResponseError: (_controller, error) => reject(error),
      },
    );
  });
}

describe("origin pools", () => {
  it("keep one pool per origin and connections in it", async (t) => {
    let connections = 0;
    const server = createServer((_req, res) => void res.end("hi"));
    server.on("connection", () => connections++);
    const origin = `http://127.0.0.1:${await open(t, server)}`;
    const pools = opened(t);
    for (let i = 0; i < 3; i++) assert.equal(await ask(pools.get(origin, verified)), "hi");
    assert.equal(connections, 1);
    assert.equal(pools.size, 1);
    pools.get("http://127.0.0.1:2", verified);
    pools.get(origin, { tlsVerify: false });
    assert.equal(pools.size, 3);
  });

  it("close what was not used for a minute, but nothing that carries a request", async (t) => {
    const clock = fakeClock();
    const answer = Promise.withResolvers<() => void>();
    const server = createServer((_req, res) => answer.resolve(() => void res.end("late")));
    const origin = `http://127.0.0.1:${await open(t, server)}`;
    const pools = opened(t, clock);
    pools.get("http://127.0.0.1:2", verified);
    const asking = ask(pools.get(origin, verified));
    const finish = await answer.promise;
    clock.advance(50_000);
    assert.equal(pools.size, 2);
    clock.advance(60_000);
    assert.equal(pools.size, 1);
    finish();
    assert.equal(await asking, "late");
    await settle();
    clock.advance(60_000);
    assert.equal(pools.size, 0);
    assert.equal(clock.pending, 0);
  });

  it("verify certificates by origin, whatever Host the client sent, on one connection", async (t) => {
    const names: unknown[] = [];
    const server = createHttps(selfSigned, (req, res) => {
      names.push((req.socket as TLSSocket).servername);
      res.end(req.headers.host);
    });
    let connections = 0;
    server.on("secureConnection", () => connections++);
    const port = await open(t, server);
    const pools = opened(t);
    await assert.rejects(ask(pools.get(`https://localhost:${port}`, verified)), {
      code: "DEPTH_ZERO_SELF_SIGNED_CERT",
    });
    const before = connections;
    const lax = pools.get(`https://localhost:${port}`, { tlsVerify: false });
    assert.equal(await ask(lax, "one.test"), "one.test");
    assert.equal(await ask(lax, "two.test"), "two.test");
    assert.equal(connections - before, 1);
    assert.deepEqual(names, ["localhost", "localhost"]);
    // An address has no place in SNI.
    assert.equal(await ask(pools.get(`https://127.0.0.1:${port}`, { tlsVerify: false })), "app.test");
    assert.equal(names.at(-1), false);
  });

  it("speak HTTP/2 by prior knowledge to h2c, many requests on one connection", async (t) => {
    let sessions = 0;
    const server = createHttp2((req, res) => void res.end(req.httpVersion));
    server.on("session", (session) => {
      sessions++;
      t.after(() => session.destroy());
    });
    const pools = opened(t);
    const pool = pools.get(`h2c://127.0.0.1:${await open(t, server)}`, verified);
    assert.equal(await ask(pool), "2.0");
    assert.deepEqual(await Promise.all(Array.from({ length: 20 }, () => ask(pool))), Array(20).fill("2.0"));
    assert.equal(sessions, 1);
  });

  it("tell of the connections they make", async (t) => {
    const clock = fakeClock();
    const dialed = createDialed({ clock });
    const pools = createOriginPools({ clock, dialed });
    t.after(() => pools.close({ graceMs: 0 }));
    const peers: string[] = [];
    const see = (socket: Socket): void => void peers.push(`${socket.remoteAddress}:${socket.remotePort}`);
    const plain = createServer((_req, res) => void res.end("hi")).on("connection", see);
    const h2 = createHttp2((_req, res) => void res.end("hi")).on("connection", see);
    const tls = createHttps(selfSigned, (_req, res) => void res.end("hi")).on("connection", see);
    await ask(pools.get(`http://127.0.0.1:${await open(t, plain)}`, verified));
    await ask(pools.get(`h2c://127.0.0.1:${await open(t, h2)}`, verified));
    await ask(pools.get(`https://127.0.0.1:${await open(t, tls)}`, { tlsVerify: false }));
    assert.equal(peers.length, 3);
    for (const peer of peers) assert.equal(dialed.has(peer), true, peer);
    await assert.rejects(ask(pools.get("http://127.0.0.1:1", verified)), { code: "ECONNREFUSED" });
  });

  it("refuse what is no origin", (t) => {
    const pools = opened(t);
    for (const origin of ["", "app", "ftp://127.0.0.1"])
      assert.throws(() => pools.get(origin, verified), { code: "UPSTREAM_FAILED" });
    assert.equal(pools.size, 0);
  });

  it("report a refused connection instead of throwing", async (t) => {
    await assert.rejects(ask(opened(t).get("http://127.0.0.1:1", verified)), { code: "ECONNREFUSED" });
  });

  it("wait for what is under way when closed, then cut it", async (t) => {
    const clock = fakeClock();
    const arrived = Promise.withResolvers<void>();
    const server = createServer(() => arrived.resolve());
    const pools = createOriginPools({ clock });
    const asking = ask(pools.get(`http://127.0.0.1:${await open(t, server)}`, verified));
    await arrived.promise;
    const cut = assert.rejects(asking);
    const closing = pools.close({ graceMs: 1_000 });
    await clock.advanceAsync(1_000);
    await cut;
    await closing;
    assert.equal(pools.size, 0);
  });
});
