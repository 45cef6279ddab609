import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { constants, createServer as createHttp2 } from "node:http2";
import type { ClientHttp2Session, ServerHttp2Stream } from "node:http2";
import { request as startRequest } from "node:https";
import type { IncomingMessage } from "node:http";
import { describe, it } from "node:test";
import { connect as connectTls } from "node:tls";
import { WebSocket, WebSocketServer } from "ws";
import { createServer } from "node:http";
import { fetchFrom, openStage } from "../../test/support/proxy-stage.ts";
import { ask, openSecureStage, openSession, readAnswer } from "../../test/support/secure-stage.ts";

describe("HTTP/2 over TLS", () => {
  it("carries a GET, its headers and its answer, with one Host and one Cookie", async (t) => {
    const body = randomBytes(100_000);
    let raw: readonly string[] = [];
    const { port, route, asked } = await openSecureStage(t, {
      upstream: (req, res) => {
        raw = req.rawHeaders;
        res
          .writeHead(200, "Fine", { "content-length": body.length, "set-cookie": ["a=1", "b=2"], "x-app": "yes" })
          .end(body);
      },
    });
    const session = await openSession(t, port);
    const headers = { ":path": "/a/b?c=d%20e", cookie: ["a=1", "b=2"], accept: "*/*", te: "trailers" };
    const got = await ask(session, headers);
    assert.equal(got.status, 200);
    assert.deepEqual(got.body, body);
    assert.deepEqual(got.headers["set-cookie"], ["a=1", "b=2"]);
    assert.equal(got.headers["x-app"], "yes");
    assert.equal(got.headers["connection"], undefined);
    const seen = Object.fromEntries(raw.flatMap((name, i) => (i % 2 === 0 ? [[name.toLowerCase(), raw[i + 1]]] : [])));
    delete seen["connection"];
    assert.deepEqual(seen, {
      host: "app.test",
      cookie: "a=1; b=2",
      accept: "*/*",
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-proto": "https",
      "x-forwarded-host": "app.test",
      "x-forwarded-port": "443",
      "x-real-ip": "127.0.0.1",
    });
    await route.idle();
    assert.equal(route.peak, 1);
    const [facts] = asked;
    assert.deepEqual(
      [facts?.method, facts?.host, facts?.path, facts?.query, facts?.proto, facts?.client, facts?.upgrade],
      ["GET", "app.test", "/a/b", "?c=d%20e", "https", "127.0.0.1", false],
    );
  });

  it("carries bodies whole, of known and of unknown length, and none", async (t) => {
    const body = randomBytes(3_000_000);
    const lengths: unknown[] = [];
    const { port, route } = await openSecureStage(t, {
      upstream: (req, res) => {
        lengths.push([req.method, req.headers["content-length"], req.headers["transfer-encoding"]]);
        req.pipe(res);
      },
    });
    const session = await openSession(t, port);
    const post = { ":method": "POST", "content-length": body.length };
    assert.ok((await ask(session, post, body)).body.equals(body));
    assert.ok((await ask(session, { ":method": "PUT" }, body)).body.equals(body));
    assert.equal((await ask(session, { ":method": "POST" })).body.length, 0);
    assert.equal((await ask(session, { ":method": "DELETE" }, "abc")).body.toString(), "abc");
    assert.deepEqual(lengths, [
      ["POST", String(body.length), undefined],
      ["PUT", undefined, "chunked"],
      ["POST", "0", undefined],
      ["DELETE", undefined, "chunked"],
    ]);
    await route.idle();
  });

  it("answers HEAD, 204 and 304 without a body", async (t) => {
    const { port, route } = await openSecureStage(t, {
      upstream: (req, res) => {
        if (req.url === "/204") res.writeHead(204, { "x-a": "1" }).end();
        else if (req.url === "/304") res.writeHead(304, { etag: '"e"' }).end();
        else res.writeHead(200, { "content-length": "5" }).end("hello");
      },
    });
    const session = await openSession(t, port);
    const head = await ask(session, { ":method": "HEAD" });
    assert.deepEqual([head.status, head.headers["content-length"], head.body.length], [200, "5", 0]);
    assert.deepEqual([(await ask(session, { ":path": "/204" })).status], [204]);
    const same = await ask(session, { ":path": "/304" });
    assert.deepEqual([same.status, same.headers.etag, same.body.length], [304, '"e"', 0]);
    await route.idle();
  });

  it("passes trailers, from HTTP/1.1 and from h2c, and answers that are a head alone", async (t) => {
    const plain = await openSecureStage(t, {
      upstream: (_req, res) => {
        res.writeHead(200, { trailer: "x-sum" }).write("body");
        res.addTrailers({ "x-sum": "42" });
        res.end();
      },
    });
    const first = await ask(await openSession(t, plain.port));
    assert.deepEqual(
      [first.body.toString(), first.headers["trailer"], first.trailers?.["x-sum"]],
      ["body", "x-sum", "42"],
    );

    const server = createHttp2();
    server.on("stream", (stream: ServerHttp2Stream, headers) => {
      const te = headers["te"];
      if (headers[":path"] === "/head") return stream.respond({ "grpc-status": "5", "x-te": te }, { endStream: true });
      stream.respond({ "content-type": "application/grpc", "x-te": te }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end("body");
    });
    server.on("session", (session) => t.after(() => session.destroy()));
    const { port } = await openSecureStage(t, { upstream: server, scheme: "h2c" });
    const session = await openSession(t, port);
    const whole = await ask(session, { te: "trailers" });
    assert.deepEqual(
      [whole.body.toString(), whole.trailers?.["grpc-status"], whole.headers["x-te"], whole.headOnly],
      ["body", "0", "trailers", false],
    );
    const head = await ask(session, { ":path": "/head", te: "trailers" });
    assert.deepEqual([head.headers["grpc-status"], head.headOnly], ["5", true]);
  });

  it("passes each piece on at once, both ways at the same time", async (t) => {
    const { port } = await openSecureStage(t, {
      upstream: (req, res) => {
        res.writeHead(200).flushHeaders();
        req.on("data", (chunk: Buffer) => void res.write(`<${chunk.toString()}>`));
        req.on("end", () => res.end());
      },
    });
    const session = await openSession(t, port);
    const stream = session.request({ ":authority": "app.test", ":path": "/", ":method": "POST" });
    stream.write("1");
    await once(stream, "response");
    for (const piece of ["1", "2", "3"]) {
      if (piece !== "1") stream.write(piece);
      const [chunk] = (await once(stream, "data")) as [Buffer];
      assert.equal(chunk.toString(), `<${piece}>`);
    }
    stream.end();
    stream.resume();
    await once(stream, "close");
  });

  it("tells the upstream when the client resets its stream, and counts nothing afterwards", async (t) => {
    const reached = Promise.withResolvers<IncomingMessage>();
    const { port, route } = await openSecureStage(t, {
      upstream: (req, res) => {
        res.writeHead(200).write("begun");
        reached.resolve(req);
      },
    });
    const session = await openSession(t, port);
    const stream = session.request({ ":authority": "app.test", ":path": "/" });
    const req = await reached.promise;
    const gone = new Promise<void>((resolve) => void req.socket.once("close", () => resolve()));
    stream.close(constants.NGHTTP2_CANCEL);
    await gone;
    await route.idle();
    assert.equal((await ask(await openSession(t, port), { ":authority": "other.test" })).status, 404);
  });

  it("ends with an error what the upstream cut, and answers 502 where nothing was sent", async (t) => {
    const { port, route } = await openSecureStage(t, {
      upstream: (req, res) => {
        if (req.url === "/at-once") return void req.socket.destroy();
        res.writeHead(200, { "content-length": 10 }).write("half");
        setImmediate(() => req.socket.destroy());
      },
      hasWorkload: false,
    });
    const session = await openSession(t, port);
    const half = await ask(session);
    assert.deepEqual([half.status, half.body.toString(), half.code], [200, "half", constants.NGHTTP2_INTERNAL_ERROR]);
    const none = await ask(session, { ":path": "/at-once", accept: "text/html" });
    assert.equal(none.status, 502);
    assert.match(none.body.toString(), /<h1>/);
    await route.idle();
  });

  it("holds a request with its body unread, then hands it over whole", async (t) => {
    const release = Promise.withResolvers<void>();
    const body = randomBytes(1_000_000);
    const { port, route } = await openSecureStage(t, {
      upstream: (req, res) => void req.pipe(res),
      admit: async () => {
        await release.promise;
        return { kind: "allow", decision: "hold_allow" };
      },
    });
    const session = await openSession(t, port);
    const held = ask(session, { ":method": "POST" }, body);
    const answer = ask(session, { ":authority": "other.test" }, Buffer.alloc(100));
    assert.equal((await answer).status, 404, "others on the same connection are answered meanwhile");
    release.resolve();
    assert.ok((await held).body.equals(body));
    await route.idle();
  });

  it("says 100 only when the body is wanted", async (t) => {
    const { port } = await openSecureStage(t, { upstream: (req, res) => void req.pipe(res) });
    const session = await openSession(t, port);
    const stream = session.request({
      ":authority": "app.test",
      ":path": "/",
      ":method": "POST",
      expect: "100-continue",
    });
    await once(stream, "continue");
    stream.end("now");
    assert.equal((await readAnswer(stream)).body.toString(), "now");
  });

  it("gives what is below /.nodoff/ to the page channel", async (t) => {
    const { port } = await openSecureStage(t, {
      upstream: null,
      reserved: (req, res, of) => void res.end(`${of.route.spec.alias} ${req.method} ${req.url} ${of.client}`),
    });
    const got = await ask(await openSession(t, port), { ":path": "/.nodoff/wait?route=app" });
    assert.equal(got.body.toString(), "app GET /.nodoff/wait?route=app 127.0.0.1");
  });

  it("serves files with ranges", async (t) => {
    const root = new URL("../../test/support/", import.meta.url).pathname;
    const files = { root, index: [], spa: false, dotfiles: false };
    const { port } = await openSecureStage(t, { upstream: null, spec: { kind: "files", files } });
    const session = await openSession(t, port);
    const got = await ask(session, { ":path": "/certificates.ts", range: "bytes=0-2" });
    assert.deepEqual([got.status, got.body.toString()], [206, "/**"]);
    assert.equal((await ask(session, { ":path": "/none" })).status, 404);
  });

  for (const [what, headers] of [
    ["two hosts", { host: "evil.test" }],
    ["a path that is none", { ":path": "*", ":method": "OPTIONS" }],
    ["a fragment", { ":path": "/a#b" }],
    ["a host that is none", { ":authority": "app.test:x" }],
  ] as const)
    it(`refuses ${what}`, async (t) => {
      const { port, asked } = await openSecureStage(t, { upstream: (_req, res) => void res.end("reached") });
      assert.equal((await ask(await openSession(t, port), headers)).status, 400);
      assert.equal(asked.length, 0);
    });

  it("refuses a long head with 431, and resets a longer one", async (t) => {
    const upstream = createServer({ maxHeaderSize: 100_000 }, (_req, res) => void res.end("ok"));
    const { port, asked } = await openSecureStage(t, { upstream });
    const session = await openSession(t, port);
    assert.equal((await ask(session, { "x-long": "x".repeat(40_000) })).status, 200);
    assert.equal((await ask(session, { "x-long": "x".repeat(66_000) })).status, 431);
    const reset = await ask(session, { "x-long": "x".repeat(200_000) });
    assert.equal(reset.status, undefined);
    assert.equal((await ask(await openSession(t, port))).status, 200);
    assert.equal(asked.length, 2);
  });

  it("takes 128 streams of a connection at a time", async (t) => {
    const { port } = await openSecureStage(t, { upstream: null, hasWorkload: false });
    const session = await openSession(t, port);
    await ask(session);
    assert.equal(session.remoteSettings.maxConcurrentStreams, 128);
  });

  it("ends a connection that opens and resets streams without end (CVE-2023-44487)", async (t) => {
    const { port, route, asked } = await openSecureStage(t, { upstream: () => undefined });
    const session = await openSession(t, port);
    const closed = new Promise<void>((resolve) => void session.once("close", () => resolve()));
    flood(session);
    await closed;
    assert.ok(asked.length < 20_000, `${asked.length} got through`);
    await route.idle();
  });

  it("closes: says so to idle connections, lets a request finish", async (t) => {
    const finish = Promise.withResolvers<() => void>();
    const { port, proxy } = await openSecureStage(t, {
      upstream: (_req, res) => finish.resolve(() => void res.end("late")),
    });
    const idle = await openSession(t, port);
    const busy = await openSession(t, port);
    const late = ask(busy);
    const end = await finish.promise;
    const closing = proxy.close({ graceMs: 5_000 });
    await once(idle, "close");
    end();
    assert.equal((await late).body.toString(), "late");
    await closing;
  });

  it("cuts what is open when the grace is over", async (t) => {
    const reached = Promise.withResolvers<void>();
    const { port, proxy, route } = await openSecureStage(t, { upstream: () => reached.resolve() });
    const session = await openSession(t, port);
    const cut = ask(session);
    await reached.promise;
    const raw = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols: ["h2"] });
    raw.on("error", () => undefined);
    await once(raw, "secureConnect");
    await proxy.close({ graceMs: 50 });
    assert.equal((await cut).status, undefined);
    await route.idle();
  });
});

function flood(session: ClientHttp2Session): void {
  let left = 20_000;
  const more = (): void => {
    for (let n = 0; n < 100 && left > 0 && !session.destroyed; n++, left--) {
      const stream = session.request({ ":authority": "app.test", ":path": "/" });
      stream.on("error", () => undefined).close(constants.NGHTTP2_CANCEL);
    }
    if (left > 0 && !session.destroyed) setImmediate(more);
  };
  more();
}

describe("HTTP/1.1 over TLS", () => {
  it("is served to who wants it, by the same limits", async (t) => {
    const { port, route } = await openSecureStage(t, {
      upstream: (req, res) =>
        void res.end([req.headers["x-forwarded-proto"], req.headers["x-forwarded-port"]].join(" ")),
    });
    const sent = startRequest({
      port,
      host: "127.0.0.1",
      servername: "app.test",
      rejectUnauthorized: false,
      headers: { host: "app.test:8443" },
      agent: false,
    });
    sent.end();
    const [res] = (await once(sent, "response")) as [IncomingMessage];
    assert.equal((await res.setEncoding("utf8").toArray()).join(""), "https 8443");
    await route.idle();
    for (const [head, status] of [
      ["GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n", "400"],
      [`GET / HTTP/1.1\r\nHost: app.test\r\nX: ${"x".repeat(70_000)}\r\n\r\n`, "431"],
    ] as const) {
      const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
      socket.write(head);
      const [chunk] = (await once(socket, "data")) as [Buffer];
      assert.match(chunk.toString("latin1"), new RegExp(`^HTTP/1.1 ${status} `));
      socket.destroy();
    }
  });

  it("cuts a head that takes too long", async (t) => {
    const { port } = await openSecureStage(t, { upstream: null, timeouts: { headersMs: 100, checkMs: 50 } });
    const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
    socket.write("GET / HTTP/1.1\r\nHost: app.test\r\n");
    const [chunk] = (await once(socket, "data")) as [Buffer];
    assert.match(chunk.toString(), /^HTTP\/1\.1 408 /);
  });

  it("becomes a WebSocket", async (t) => {
    const server = createServer();
    const sockets = new WebSocketServer({ server });
    sockets.on("connection", (socket) => socket.on("message", (data) => socket.send(data)));
    const { port, route } = await openSecureStage(t, { upstream: server });
    const socket = new WebSocket(`wss://127.0.0.1:${port}/`, {
      headers: { host: "app.test" },
      rejectUnauthorized: false,
    });
    await once(socket, "open");
    socket.send("hello");
    const [data] = (await once(socket, "message")) as [Buffer];
    assert.equal(data.toString(), "hello");
    assert.equal(route.inFlight, 1);
    socket.close();
    await route.idle();
  });

  it("shows the certificate of the host that is asked for", async (t) => {
    const { port } = await openSecureStage(t, { upstream: null });
    for (const [servername, subject] of [
      ["app.test", "app.test"],
      ["a.wild.test", "wild"],
      ["", "app.test"],
      ["other.test", "app.test"],
    ] as const) {
      const socket = connectTls({ port, host: "127.0.0.1", servername, rejectUnauthorized: false });
      await once(socket, "secureConnect");
      assert.equal(socket.getPeerCertificate().subject.CN, subject);
      socket.destroy();
    }
  });

  it("is not spoken in the clear", async (t) => {
    const { port } = await openSecureStage(t, { upstream: null });
    await assert.rejects(fetch(`http://127.0.0.1:${port}/`));
  });
});

describe("the plain port, where it redirects", () => {
  it("sends everybody to the same address over https, by 308", async (t) => {
    const { port, asked } = await openStage(t, { upstream: null, redirectPort: 8443 });
    for (const [method, host, path] of [
      ["GET", "app.test", "/a?b=c"],
      ["POST", "app.test:8080", "/"],
    ] as const) {
      const got = await fetchFrom(port, { method, path, headers: { host } }, method === "POST" ? "body" : undefined);
      assert.deepEqual([got.status, got.headers.location], [308, `https://app.test:8443${path}`]);
    }
    const upgrade = { connection: "Upgrade", upgrade: "websocket" };
    assert.equal((await fetchFrom(port, { headers: upgrade })).status, 308);
    assert.equal((await fetchFrom(port, { headers: { host: "other.test" } })).status, 404);
    assert.equal(asked.length, 0);
  });

  it("names no port where it is the usual one, and serves who came by https already", async (t) => {
    const { port } = await openStage(t, {
      upstream: (_req, res) => void res.end("served"),
      trusted: true,
      redirectPort: 443,
    });
    assert.equal((await fetchFrom(port)).headers.location, "https://app.test/");
    assert.equal((await fetchFrom(port, { headers: { "x-forwarded-proto": "https" } })).body.toString(), "served");
  });
});
