import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createServer as createHttp2 } from "node:http2";
import { connect } from "node:net";
import { describe, it } from "node:test";
import { fetchFrom, openStage, readUntil, sendRaw } from "../../test/support/proxy-stage.ts";

describe("proxy", () => {
  it("carries a GET and its answer, and counts it from start to end", async (t) => {
    const body = randomBytes(1024);
    const { port, route, asked } = await openStage(t, {
      upstream: (req, res) => {
        assert.equal(req.url, "/a/b?c=d%20e");
        res
          .writeHead(200, "Fine", { "content-length": body.length, "set-cookie": ["a=1", "b=2"], "x-app": "yes" })
          .end(body);
      },
    });
    const got = await fetchFrom(port, { path: "/a/b?c=d%20e" });
    assert.equal(got.status, 200);
    assert.equal(got.message, "Fine");
    assert.deepEqual(got.body, body);
    assert.deepEqual(got.headers["set-cookie"], ["a=1", "b=2"]);
    assert.equal(got.headers["x-app"], "yes");
    assert.equal(got.headers["content-length"], "1024");
    await route.idle();
    assert.equal(route.peak, 1);
    assert.equal(route.touches, 2);
    const [facts] = asked;
    assert.equal(facts?.method, "GET");
    assert.equal(facts?.host, "app.test");
    assert.equal(facts?.path, "/a/b");
    assert.equal(facts?.query, "?c=d%20e");
    assert.equal(facts?.upgrade, false);
    assert.equal(facts?.probe, false);
  });

  it("does not count what is no use of the service", async (t) => {
    const { port, route } = await openStage(t, {
      upstream: (_req, res) => void res.end("x"),
      admit: () => ({ kind: "allow", decision: "allow", counted: false }),
    });
    assert.equal((await fetchFrom(port)).status, 200);
    assert.equal(route.peak, 0);
    assert.equal(route.touches, 0);
  });

  it("carries bodies whole: 1 MB with a length, and chunked", async (t) => {
    const body = randomBytes(1_048_576);
    const lengths: unknown[] = [];
    const { port, route } = await openStage(t, {
      upstream: (req, res) => {
        lengths.push([req.headers["content-length"], req.headers["transfer-encoding"]]);
        req.pipe(res);
      },
    });
    assert.ok(
      (await fetchFrom(port, { method: "POST", headers: { "content-length": body.length } }, body)).body.equals(body),
    );
    const chunked = await fetchFrom(port, { method: "PUT", headers: { "transfer-encoding": "chunked" } }, body);
    assert.ok(chunked.body.equals(body));
    assert.deepEqual(lengths, [
      [String(body.length), undefined],
      [undefined, "chunked"],
    ]);
    await route.idle();
  });

  it("keeps a POST without body and a DELETE with one apart", async (t) => {
    const { port } = await openStage(t, {
      upstream: (req, res) => {
        res.write(`${req.method} ${req.headers["content-length"]} `);
        req.pipe(res);
      },
    });
    assert.equal((await fetchFrom(port, { method: "POST" })).body.toString(), "POST 0 ");
    const headers = { "content-length": 3 };
    assert.equal((await fetchFrom(port, { method: "DELETE", headers }, "abc")).body.toString(), "DELETE 3 abc");
    assert.equal((await fetchFrom(port, { method: "GET", headers }, "abc")).body.toString(), "GET 3 abc");
  });

  it("answers HEAD, 204 and 304 without a body and with their headers", async (t) => {
    const { port, route } = await openStage(t, {
      upstream: (req, res) => {
        if (req.url === "/204") res.writeHead(204, { "x-a": "1" }).end();
        else if (req.url === "/304") res.writeHead(304, { etag: '"e"', "content-length": "7" }).end();
        else res.writeHead(200, { "content-length": "5" }).end("hello");
      },
    });
    const head = await fetchFrom(port, { method: "HEAD" });
    assert.deepEqual([head.status, head.headers["content-length"], head.body.length], [200, "5", 0]);
    const none = await fetchFrom(port, { path: "/204" });
    assert.deepEqual([none.status, none.headers["x-a"], none.headers["content-length"]], [204, "1", undefined]);
    const same = await fetchFrom(port, { path: "/304" });
    assert.deepEqual([same.status, same.headers.etag, same.body.length], [304, '"e"', 0]);
    await route.idle();
  });

  it("passes ranges and their answers through", async (t) => {
    const { port } = await openStage(t, {
      upstream: (req, res) => {
        assert.equal(req.headers.range, "bytes=2-4");
        assert.equal(req.headers["if-range"], '"v1"');
        res.writeHead(206, { "content-range": "bytes 2-4/10", "content-length": "3" }).end("cde");
      },
    });
    const got = await fetchFrom(port, { headers: { range: "bytes=2-4", "if-range": '"v1"' } });
    assert.deepEqual([got.status, got.headers["content-range"], got.body.toString()], [206, "bytes 2-4/10", "cde"]);
  });

  it("passes trailers and interim answers do not end the request", async (t) => {
    const { port } = await openStage(t, {
      upstream: (_req, res) => {
        res.writeEarlyHints({ link: "</a.css>; rel=preload" });
        res.writeHead(200, { trailer: "x-sum" });
        res.write("body");
        res.addTrailers({ "x-sum": "42" });
        res.end();
      },
    });
    const got = await fetchFrom(port);
    assert.deepEqual([got.body.toString(), got.headers.trailer, got.trailers["x-sum"]], ["body", "x-sum", "42"]);
  });

  it("speaks HTTP/1.0 to who does: no chunks, and the end of the connection ends the body", async (t) => {
    const { port, route } = await openStage(t, {
      upstream: (_req, res) => {
        res.writeHead(200, { trailer: "x-sum" });
        res.write("one ");
        res.end("two");
      },
    });
    const answer = await sendRaw(port, "GET / HTTP/1.0\r\nHost: app.test\r\n\r\n");
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
    assert.doesNotMatch(answer, /transfer-encoding|trailer/i);
    assert.match(answer, /\r\n\r\none two$/);
    await route.idle();
  });

  it("keeps the connection for the next request, pipelined ones in their order", async (t) => {
    const { port, route } = await openStage(t, { upstream: (req, res) => void res.end(`<${req.url}>`) });
    const one = (path: string, more = ""): string => `GET ${path} HTTP/1.1\r\nHost: app.test\r\n${more}\r\n`;
    const answer = await sendRaw(port, one("/1") + one("/2") + one("/3", "Connection: close\r\n"));
    assert.deepEqual(answer.match(/<[^>]*>/g), ["</1>", "</2>", "</3>"]);
    await route.idle();
  });

  it("forgets pipelined requests whose client has left", async (t) => {
    const held = Promise.withResolvers<void>();
    const { port, route } = await openStage(t, { upstream: () => held.resolve() });
    const socket = connect(port, "127.0.0.1");
    socket.write("GET /1 HTTP/1.1\r\nHost: app.test\r\n\r\nGET /2 HTTP/1.1\r\nHost: app.test\r\n\r\n");
    await held.promise;
    socket.destroy();
    await route.idle();
    assert.equal(route.peak, 1);
  });

  it("speaks HTTP/2 to an h2c upstream", async (t) => {
    const server = createHttp2((req, res) => {
      res.writeHead(200, { "x-version": req.httpVersion });
      req.pipe(res);
    });
    server.on("session", (session) => t.after(() => session.destroy()));
    const { port, route } = await openStage(t, { upstream: server, scheme: "h2c" });
    const got = await fetchFrom(
      port,
      { method: "POST", headers: { "content-length": 4, connection: "x-a", "x-a": "1" } },
      "ping",
    );
    assert.deepEqual([got.status, got.headers["x-version"], got.body.toString()], [200, "2.0", "ping"]);
    await route.idle();
  });

  it("answers 404 where no route is served, as a page to browsers", async (t) => {
    const { port, asked } = await openStage(t, { upstream: null });
    const got = await fetchFrom(port, { headers: { host: "other.test" } });
    assert.equal(got.status, 404);
    assert.equal(got.headers["content-type"], "application/problem+json");
    assert.equal((JSON.parse(got.body.toString()) as { code: string }).code, "UNKNOWN_ROUTE");
    const page = await fetchFrom(port, { headers: { host: "other.test", accept: "text/html,*/*" } });
    assert.equal(page.status, 404);
    assert.match(page.body.toString(), /<h1>Nothing is served at this address<\/h1>/);
    assert.equal(asked.length, 0);
  });

  it("serves no route that is excluded or belongs to another proxy", async (t) => {
    for (const spec of [{ served: false }, { excluded: true }]) {
      const { port, asked } = await openStage(t, { upstream: (_req, res) => void res.end(), spec });
      assert.equal((await fetchFrom(port)).status, 404);
      assert.equal((await fetchFrom(port, { path: "/.nodoff/ping?route=app" })).status, 404);
      assert.equal(asked.length, 0);
    }
  });

  it("gives what is below /.nodoff/ to the page channel, for routes of this host alone", async (t) => {
    const { port, route, asked } = await openStage(t, {
      upstream: null,
      spec: { path: "/blog" },
      reserved: (req, res, of) => void res.end(`${of.route.spec.alias} ${req.url}`),
    });
    const got = await fetchFrom(port, { path: "/.nodoff/wait?route=app&since=napping" });
    assert.equal(got.body.toString(), "app /.nodoff/wait?route=app&since=napping");
    assert.equal((await fetchFrom(port, { path: "/.nodoff/wait" })).status, 404);
    const foreign = { path: "/.nodoff/wait?route=app", headers: { host: "other.test" } };
    assert.equal((await fetchFrom(port, foreign)).status, 404);
    assert.equal(asked.length, 0);
    assert.equal(route.decisions.reserved, 1);
    assert.equal(route.peak, 0);
  });

  it("closes: ends idle connections and upgraded sockets, lets a request finish", async (t) => {
    const finish = Promise.withResolvers<() => void>();
    const { port, proxy } = await openStage(t, { upstream: (_req, res) => finish.resolve(() => void res.end("late")) });
    const socket = connect(port, "127.0.0.1");
    socket.write("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
    const end = await finish.promise;
    const closing = proxy.close({ graceMs: 5_000 });
    end();
    assert.match(await readUntil(socket, /late/), /200 OK/);
    await closing;
    await assert.rejects(fetchFrom(port), { code: "ECONNREFUSED" });
  });
});
