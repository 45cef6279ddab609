import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttp } from "node:http";
import { createServer } from "node:net";
import { createServer as createHttps } from "node:https";
import { describe, it } from "node:test";
import { fetchFrom, hastyClock, open, openStage } from "../../test/support/proxy-stage.ts";
import { selfSigned } from "../../test/support/self-signed.ts";

describe("an upstream that fails", () => {
  it("before its answer: 502, a look at the workload, a log line without the client's share", async (t) => {
    const upstream = createServer((socket) => socket.once("data", () => socket.resetAndDestroy()));
    const { port, route, lines } = await openStage(t, { upstream });
    const got = await fetchFrom(port, { method: "POST" }, "body");
    assert.equal(got.status, 502);
    const problem = JSON.parse(got.body.toString()) as Record<string, unknown>;
    assert.equal(problem.code, "UPSTREAM_FAILED");
    assert.equal(problem.route, "app");
    assert.doesNotMatch(got.body.toString(), /127\.0\.0\.1|ECONN/);
    assert.equal(route.rechecks, 1);
    assert.equal(lines.filter(({ message }) => message === "upstream failed").length, 1);
    await route.idle();
  });

  const navigate = { accept: "text/html,*/*;q=0.8", "sec-fetch-mode": "navigate" };
  for (const [what, method, headers, isPage] of [
    ["a navigation", "GET", navigate, true],
    ["one over plain http, without Sec-Fetch", "GET", { accept: "text/html" }, true],
    ["a form that is sent", "POST", navigate, true],
    ["fetch() of a page's script, whatever it accepts", "GET", { ...navigate, "sec-fetch-mode": "cors" }, false],
    ["htmx", "GET", { accept: "text/html, */*", "hx-request": "true" }, false],
    ["an API call", "GET", { accept: "application/json" }, false],
    ["curl", "GET", { accept: "*/*" }, false],
  ] as const)
    it(`tells ${what} by ${isPage ? "a page" : "problem+json"}`, async (t) => {
      const upstream = createServer((socket) => void socket.end("nonsense\r\n\r\n"));
      const { port, route } = await openStage(t, { upstream });
      const got = await fetchFrom(port, { method, headers });
      assert.deepEqual([got.status, got.headers["cache-control"]], [502, "no-store"]);
      if (isPage) assert.match(got.body.toString(), /Try again/);
      else assert.equal(got.headers["content-type"], "application/problem+json");
      await route.idle();
    });

  it("after its head: the connection is cut, so that nobody takes the half for the whole", async (t) => {
    const upstream = createServer((socket) =>
      socket.once("data", () => {
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", () => socket.resetAndDestroy());
      }),
    );
    const { port, route } = await openStage(t, { upstream });
    await assert.rejects(fetchFrom(port), { code: "ECONNRESET" });
    await route.idle();
    const chunked = createServer((socket) =>
      socket.once("data", () => void socket.end("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")),
    );
    const second = await openStage(t, { upstream: chunked });
    await assert.rejects(fetchFrom(second.port), { code: "ECONNRESET" });
    await second.route.idle();
  });

  it("never gets a second try once anything was sent", async (t) => {
    let connections = 0;
    const upstream = createServer((socket) => {
      connections++;
      socket.once("data", () => socket.destroy());
    });
    const { port } = await openStage(t, { upstream });
    assert.equal((await fetchFrom(port)).status, 502);
    assert.equal(connections, 1);
  });

  it("is dialled again while it does not listen yet, then gets the request once, with its body", async (t) => {
    const bodies: string[] = [];
    const upstream = createHttp((req, res) => {
      let body = "";
      req
        .on("data", (chunk: Buffer) => (body += chunk.toString()))
        .on("end", () => {
          bodies.push(body);
          res.end("up");
        });
    });
    const closed = createServer();
    const at = await open(t, closed);
    closed.close();
    await once(closed, "close");
    let dials = 0;
    const { port, route } = await openStage(t, {
      upstream: null,
      origin() {
        // The third look finds it listening.
        if (++dials === 3) upstream.listen(at, "127.0.0.1");
        return `http://127.0.0.1:${at}`;
      },
    });
    t.after(() => void upstream.close());
    const got = await fetchFrom(port, { method: "POST" }, "precious");
    assert.equal(got.body.toString(), "up");
    assert.deepEqual(bodies, ["precious"]);
    assert.ok(dials >= 3);
    await route.idle();
  });

  it("is given up after about two seconds, and at once where there is nothing to wake", async (t) => {
    const { port, route } = await openStage(t, { upstream: null, clock: hastyClock });
    assert.equal((await fetchFrom(port)).status, 502);
    assert.equal(route.rechecks, 1);
    let dials = 0;
    const still = await openStage(t, {
      upstream: null,
      hasWorkload: false,
      origin() {
        dials++;
        return "http://127.0.0.1:1";
      },
    });
    assert.equal((await fetchFrom(still.port)).status, 502);
    assert.equal(dials, 1);
  });

  it("has no address, or none that can be used", async (t) => {
    for (const origin of [null, "nonsense", "ftp://127.0.0.1"]) {
      const { port, route } = await openStage(t, { upstream: null, origin: () => origin });
      assert.equal((await fetchFrom(port)).status, 502);
      await route.idle();
    }
  });

  it("shows a certificate nobody signed: refused unless the route says not to look", async (t) => {
    const options = {
      upstream: createHttps(selfSigned, (_req, res) => void res.end("secret")),
      scheme: "https",
    } as const;
    const strict = await openStage(t, options);
    assert.equal((await fetchFrom(strict.port)).status, 502);
    const https = createHttps(selfSigned, (req, res) => void res.end(req.headers.host));
    const lax = await openStage(t, { upstream: https, scheme: "https", spec: { tlsVerify: false } });
    assert.equal((await fetchFrom(lax.port)).body.toString(), "app.test");
  });

  it("answers before it has read the body: the answer arrives whole, and the client may finish", async (t) => {
    const upstream = createServer((socket) =>
      socket.once("data", () => void socket.write("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")),
    );
    const { port, route } = await openStage(t, { upstream });
    const body = Buffer.alloc(8 * 1_048_576);
    const got = await fetchFrom(port, { method: "POST", headers: { "content-length": body.length } }, body);
    assert.equal(got.status, 413);
    assert.equal(got.body.toString(), "big");
    await route.idle();
  });
});
