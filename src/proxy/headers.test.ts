import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import type { OutgoingHttpHeaders } from "node:http";
import { fetchFrom, openStage, sendRaw } from "../../test/support/proxy-stage.ts";
import type { StageOptions } from "../../test/support/proxy-stage.ts";

type Pairs = readonly (readonly [string, string])[];

/** What the upstream saw, names in lower case, in order. */
async function seen(
  t: TestContext,
  headers: OutgoingHttpHeaders,
  options: Partial<StageOptions> & { readonly path?: string } = {},
) {
  const got: { pairs: Pairs; url: string } = { pairs: [], url: "" };
  const { port, asked } = await openStage(t, {
    ...options,
    upstream: (req, res) => {
      const { rawHeaders } = req;
      got.url = req.url ?? "";
      got.pairs = rawHeaders.flatMap((name, i) =>
        i % 2 === 0 ? [[name.toLowerCase(), rawHeaders[i + 1]!] as const] : [],
      );
      res.end();
    },
  });
  const { status } = await fetchFrom(port, { headers, path: options.path ?? "/" });
  assert.equal(status, 200);
  const of = (name: string) => got.pairs.filter(([key]) => key === name).map(([, value]) => value);
  return { of, url: got.url, facts: asked[0]!, port };
}

const forged = {
  "x-forwarded-for": "6.6.6.6",
  "x-forwarded-proto": "https",
  "x-forwarded-host": "evil.test",
  "x-forwarded-port": "444",
  "x-forwarded-user": "admin",
  "x-forwarded-prefix": "/evil",
  "x-real-ip": "6.6.6.6",
  forwarded: "for=6.6.6.6",
};

describe("headers to the upstream", () => {
  it("keep Host, order, repetition and whatever is the app's own", async (t) => {
    const { of } = await seen(t, {
      host: "APP.test:8080",
      cookie: "a=1",
      authorization: "Bearer x",
      "x-twice": ["1", "2"],
    });
    assert.deepEqual(of("host"), ["APP.test:8080"]);
    assert.deepEqual(of("cookie"), ["a=1"]);
    assert.deepEqual(of("authorization"), ["Bearer x"]);
    assert.deepEqual(of("x-twice"), ["1", "2"]);
  });

  it("keep nodoff's own session from the app: ports of one host share cookies", async (t) => {
    assert.deepEqual((await seen(t, { cookie: "a=1; nodoff_session=secret; b=2" })).of("cookie"), ["a=1; b=2"]);
    assert.deepEqual((await seen(t, { cookie: "nodoff_session=secret" })).of("cookie"), []);
  });

  it("get the route's own Host where it has one", async (t) => {
    const { of } = await seen(t, {}, { spec: { hostHeader: "inner.local" } });
    assert.deepEqual(of("host"), ["inner.local"]);
    assert.deepEqual(of("x-forwarded-host"), ["app.test"]);
  });

  it("forged X-Forwarded-*, Forwarded and X-Real-IP, also with underscores: replaced or dropped, unless the peer is trusted", async (t) => {
    const { of, facts } = await seen(t, { ...forged, X_Forwarded_For: "6.6.6.6", X_Real_IP: "6.6.6.6" });
    assert.deepEqual(of("x-forwarded-for"), ["127.0.0.1"]);
    assert.deepEqual(of("x-forwarded-proto"), ["http"]);
    assert.deepEqual(of("x-forwarded-host"), ["app.test"]);
    assert.deepEqual(of("x-forwarded-port"), ["80"]);
    assert.deepEqual(of("x-real-ip"), ["127.0.0.1"]);
    for (const name of ["forwarded", "x-forwarded-user", "x-forwarded-prefix", "x_forwarded_for", "x_real_ip"])
      assert.deepEqual(of(name), [], name);
    assert.equal(facts.client, "127.0.0.1");
    assert.equal(facts.proto, "http");
  });

  it("append to what a trusted peer says", async (t) => {
    const { of, facts } = await seen(t, { ...forged, "x-forwarded-for": "6.6.6.6, 203.0.113.7" }, { trusted: true });
    assert.deepEqual(of("x-forwarded-for"), ["6.6.6.6, 203.0.113.7, 127.0.0.1"]);
    assert.deepEqual(of("x-forwarded-proto"), ["https"]);
    assert.deepEqual(of("x-forwarded-host"), ["evil.test"]);
    assert.deepEqual(of("x-forwarded-port"), ["444"]);
    assert.deepEqual(of("x-forwarded-user"), ["admin"]);
    assert.deepEqual(of("forwarded"), ["for=6.6.6.6, for=127.0.0.1"]);
    assert.equal(facts.client, "203.0.113.7");
    assert.equal(facts.proto, "https");
  });

  it("name the port the client used", async (t) => {
    const { of } = await seen(t, { host: "app.test:8443" });
    assert.deepEqual(of("x-forwarded-port"), ["8443"]);
    const secure = await seen(t, { "x-forwarded-proto": "wss" }, { trusted: true });
    assert.deepEqual(secure.of("x-forwarded-port"), ["443"]);
    assert.equal(secure.facts.proto, "https");
  });

  it("hop-by-hop abuse: lose what belongs to one connection, and what Connection names, but never ours", async (t) => {
    const { of } = await seen(t, {
      connection: "close, X-Private, X-Forwarded-For, Cookie",
      "x-private": "1",
      cookie: "a=1",
      "keep-alive": "timeout=5",
      "proxy-connection": "keep-alive",
      "proxy-authorization": "Basic x",
      te: "trailers",
      "http2-settings": "AAMAAABk",
      "x-kept": "1",
    });
    for (const name of [
      "x-private",
      "cookie",
      "keep-alive",
      "proxy-connection",
      "proxy-authorization",
      "te",
      "http2-settings",
    ])
      assert.deepEqual(of(name), [], name);
    assert.deepEqual(of("x-forwarded-for"), ["127.0.0.1"]);
    assert.deepEqual(of("x-kept"), ["1"]);
  });

  it("let Connection take the length away without losing the body", async (t) => {
    const { port } = await openStage(t, { upstream: (req, res) => void req.pipe(res) });
    const answer = await sendRaw(
      port,
      "POST / HTTP/1.1\r\nHost: app.test\r\nConnection: close, content-length, host\r\nContent-Length: 4\r\n\r\nbody",
    );
    assert.match(answer, /200 OK[^]*body/);
  });

  it("go with the path without its prefix where the route says so", async (t) => {
    const spec = { path: "/blog", stripPath: true };
    for (const [path, url] of [
      ["/blog", "/"],
      ["/blog?x=1", "/?x=1"],
      ["/blog/", "/"],
      ["/blog/a%2Fb?x=/blog/", "/a%2Fb?x=/blog/"],
    ] as const) {
      const got = await seen(t, { "x-forwarded-prefix": "/evil" }, { spec, path });
      assert.equal(got.url, url);
      assert.deepEqual(got.of("x-forwarded-prefix"), ["/blog"]);
      assert.equal(got.facts.path, path.split("?")[0]);
    }
    const behind = await seen(t, { "x-forwarded-prefix": "/outer" }, { spec, path: "/blog/a", trusted: true });
    assert.deepEqual(behind.of("x-forwarded-prefix"), ["/outer/blog"]);
    assert.equal((await seen(t, {}, { spec: { path: "/blog" }, path: "/blog/a" })).url, "/blog/a");
  });
});

describe("headers to the client", () => {
  it("lose what belongs to one connection and keep the rest", async (t) => {
    const { port } = await openStage(t, {
      upstream: (_req, res) =>
        void res
          .writeHead(200, {
            connection: "keep-alive, X-Private",
            "x-private": "1",
            "keep-alive": "timeout=99",
            upgrade: "h2",
            "proxy-authenticate": "Basic",
            "x-kept": ["1", "2"],
            "content-length": 2,
          })
          .end("ok"),
    });
    const { headers, body } = await fetchFrom(port);
    for (const name of ["x-private", "upgrade", "proxy-authenticate"]) assert.equal(headers[name], undefined, name);
    assert.notEqual(headers["keep-alive"], "timeout=99");
    assert.equal(headers["x-kept"], "1, 2");
    assert.equal(body.toString(), "ok");
  });
});
