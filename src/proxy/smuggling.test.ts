import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { sendFrames } from "../../test/support/http2-frames.ts";
import { fetchFrom, openStage, sendRaw } from "../../test/support/proxy-stage.ts";
import type { Stage } from "../../test/support/proxy-stage.ts";

// Two servers in a row that disagree where a request ends let one client put a request into another's mouth.

const head = "POST / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n";
const chunked = `${head}Transfer-Encoding: chunked\r\n`;
const smuggled = "GET /smuggled HTTP/1.1\r\nHost: app.test\r\n\r\n";

describe("request smuggling", () => {
  for (const [what, text] of [
    [
      "CL.TE: Content-Length beside Transfer-Encoding",
      `${head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
    ],
    [
      "TE.CL: Transfer-Encoding beside Content-Length",
      `${head}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n${smuggled}`,
    ],
    ["CL.CL: two lengths", `${head}Content-Length: 4\r\nContent-Length: 5\r\n\r\nbody${smuggled}`],
    ["CL.CL: the same length twice", `${head}Content-Length: 4\r\nContent-Length: 4\r\n\r\nbody`],
    ["CL.CL: a list of lengths", `${head}Content-Length: 4, 4\r\n\r\nbody`],
    ["a signed length", `${head}Content-Length: +4\r\n\r\nbody`],
    ["a negative length", `${head}Content-Length: -1\r\n\r\n${smuggled}`],
    ["a hexadecimal length", `${head}Content-Length: 0x4\r\n\r\nbody${smuggled}`],
    ["a length beyond 64 bits", `${head}Content-Length: 18446744073709551620\r\n\r\nbody${smuggled}`],
    ["a length with something behind it", `${head}Content-Length: 4 4\r\n\r\nbody`],
    [
      "TE.TE: Transfer-Encoding twice",
      `${head}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    [
      "TE.TE: a second one that is none",
      `${head}Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n${smuggled}`,
    ],
    ["TE.TE: another coding before chunked", `${head}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
    ["TE.TE: another coding behind chunked", `${head}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`],
    ["TE.TE: an unknown coding", `${head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
    ["TE.TE: identity beside a length", `${head}Transfer-Encoding: identity\r\nContent-Length: 4\r\n\r\nbody`],
    ["TE.TE: a vertical tab before chunked", `${head}Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n`],
    ["TE.TE: quotes around chunked", `${head}Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n`],
    ["TE.TE: a space before the colon", `${head}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`],
    ["TE.TE: a folded header", `${head}X-A: 1\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ["TE.TE: behind a bare line feed", `${head}X-A: 1\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ["TE.TE: behind a bare carriage return", `${head}X-A: 1\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ["TE.0: chunks in HTTP/1.0", "POST / HTTP/1.0\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    ["a zero byte in a name", `${head}Content-Length\0: 4\r\n\r\nbody`],
    ["a zero byte in a value", `${head}X-A: a\0b\r\n\r\n`],
    ["bare line feeds", "GET / HTTP/1.1\nHost: app.test\n\n"],
    ["a line before the headers without a name", `${head.replace("Host", " Host")}\r\n`],
    ["two hosts", "GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\nhost: other.test\r\n\r\n"],
    ["no host", "GET / HTTP/1.1\r\nConnection: close\r\n\r\n"],
    ["a host that is none", "GET / HTTP/1.1\r\nHost: app.test/../x\r\nConnection: close\r\n\r\n"],
    ["a host with user information", "GET / HTTP/1.1\r\nHost: app.test@evil.test\r\nConnection: close\r\n\r\n"],
    ["a fragment", "GET /a#b HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n"],
    ["a space in the target", "GET /a b HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n"],
    ["a target without host or path", "OPTIONS * HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n"],
    ["another scheme", "GET ftp://app.test/ HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n"],
  ] as const)
    it(`${what}: refused with 400, nobody is asked`, async (t) => {
      const { port, asked, route } = await openStage(t, { upstream: (_req, res) => void res.end("reached") });
      assert.match(await sendRaw(port, text), /^HTTP\/1\.1 400 Bad Request\r\n/);
      assert.equal(asked.length, 0);
      assert.equal(route.peak, 0);
    });

  for (const [what, body] of [
    ["a bare line feed behind a size", "1\nx\r\n0\r\n\r\n"],
    ["bare line feeds behind all", "1\r\nx\n0\n\n"],
    ["a bare carriage return in an extension", `1;a\rb\r\nx\r\n0\r\n\r\n${smuggled}`],
    ["a bare line feed in an extension (TERM.EXT)", `1;\nx\r\n0\r\n\r\n${smuggled}`],
    ["more data than its size says (spill)", `1\r\nxy\r\n0\r\n\r\n${smuggled}`],
    ["no line end behind the data", `1\r\nx0\r\n\r\n${smuggled}`],
    ["a size with 0x", "0x1\r\nx\r\n0\r\n\r\n"],
    ["a signed size", "+1\r\nx\r\n0\r\n\r\n"],
    ["a negative size", `-1\r\n${smuggled}`],
    ["a size beyond 64 bits", `10000000000000001\r\nx\r\n0\r\n\r\n${smuggled}`],
    ["an empty size", "\r\nx\r\n0\r\n\r\n"],
    ["a space before the size", " 1\r\nx\r\n0\r\n\r\n"],
  ] as const)
    it(`bad chunking, ${what}: cut short, the app takes nothing for whole`, async (t) => {
      const { stage, urls, whole } = await openWatched(t);
      const answer = await sendRaw(stage.port, `${chunked}\r\n${body}`);
      assert.match(answer, /^(?:HTTP\/1\.1 4(?:00|13) [^]*)?$/);
      await stage.route.idle();
      assert.deepEqual([urls.includes("/smuggled"), whole()], [false, 0]);
    });

  it("CL.0: a body that looks like a request stays a body, of GET, too", async (t) => {
    const { stage, urls, whole } = await openWatched(t);
    for (const method of ["GET", "POST", "OPTIONS", "DELETE"])
      await sendRaw(
        stage.port,
        `${method} /a HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
      );
    assert.deepEqual([urls, whole()], [["/a", "/a", "/a", "/a"], 4]);
  });

  it("forged headers in trailers reach no app; a length there is refused", async (t) => {
    const { stage, urls, fields } = await openWatched(t);
    const answer = await sendRaw(
      stage.port,
      `${chunked}Trailer: X-Forwarded-For\r\n\r\n1\r\nx\r\n0\r\nX-Forwarded-For: 6.6.6.6\r\nHost: evil.test\r\n\r\n`,
    );
    assert.match(answer, /^HTTP\/1\.1 200 [^]*\{\}$/);
    assert.deepEqual([urls, fields.filter((text) => /6\.6\.6\.6|evil/.test(text))], [["/"], []]);
    const long = await sendRaw(stage.port, `${chunked}\r\n1\r\nx\r\n0\r\nContent-Length: 4\r\n\r\n`);
    assert.match(long, /^HTTP\/1\.1 400 /);
  });

  it("an absolute target names the host, whatever Host says", async (t) => {
    const { port, asked } = await openStage(t, {
      upstream: (req, res) => void res.end(`${req.headers.host} ${req.url}`),
    });
    const answer = await sendRaw(
      port,
      "GET HTTP://app.test?q HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n",
    );
    assert.match(answer, /app\.test \/\?q$/);
    assert.equal(asked[0]?.host, "app.test");
  });

  it("open proxy: neither CONNECT nor an absolute target leads anywhere but to routes", async (t) => {
    const { port, asked } = await openStage(t, { upstream: (_req, res) => void res.end("reached") });
    const tunnel = await sendRaw(port, "CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: app.test\r\n\r\n");
    assert.doesNotMatch(tunnel, / 200 |reached/);
    const other = await sendRaw(
      port,
      "GET http://127.0.0.1:22/ HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n",
    );
    assert.match(other, /^HTTP\/1\.1 404 /);
    assert.equal(asked.length, 0);
  });
});

describe("request smuggling by HTTP/2 that becomes HTTP/1.1", () => {
  const get = [":method", "GET", ":scheme", "http", ":authority", "app.test", ":path", "/"];
  const post = [":method", "POST", ...get.slice(2)];
  const withPath = (path: string): string[] => [...get.slice(0, 7), path];

  it("is judged by a head that is sound", async (t) => {
    const { stage, urls } = await openWatched(t);
    assert.equal((await sendFrames(stage.port, { headers: get })).status, "200");
    assert.deepEqual(urls, ["/"]);
  });

  for (const [what, headers, body] of [
    ["H2.TE: Transfer-Encoding", [...post, "transfer-encoding", "chunked"], `0\r\n\r\n${smuggled}`],
    ["H2.TE: in capitals", [...post, "Transfer-Encoding", "chunked"], `0\r\n\r\n${smuggled}`],
    ["a line end in the path", withPath("/ HTTP/1.1\r\nHost: evil.test\r\n\r\nGET /smuggled")],
    ["a space in the path", withPath("/smuggled HTTP/1.1 x")],
    ["a path without its slash", withPath("smuggled")],
    ["a request as method", [":method", "GET /smuggled HTTP/1.1\r\nx:", ...get.slice(2)]],
    ["a host in :authority that is none", [...get.slice(0, 5), "app.test\r\nx: y", ":path", "/"]],
    ["a second :authority", [...get, ":authority", "evil.test"]],
    ["a second :path", [...get, ":path", "/smuggled"]],
    ["a host beside :authority", [...get, "host", "evil.test"]],
    ["Connection", [...get, "connection", "x-forwarded-for"]],
    ["an upgrade", [...get, "upgrade", "websocket"]],
    ["two lengths", [...post, "content-length", "4", "content-length", "40"], "body"],
  ] as const)
    it(`${what}: reaches no app`, async (t) => {
      const { stage, urls } = await openWatched(t);
      const reply = await sendFrames(stage.port, { headers, ...(body !== undefined && { body }) });
      assert.ok(reply.isReset || reply.status === "400", JSON.stringify(reply));
      assert.deepEqual(urls, []);
    });

  for (const [what, headers] of [
    ["a line end in a value", [...get, "x-a", "1\r\nTransfer-Encoding: chunked"]],
    ["a line feed in a value", [...get, "x-a", "1\nHost: evil.test"]],
    ["a line end in a name", [...get, "x-a: 1\r\nhost", "evil.test"]],
    ["a colon in a name", [...get, "transfer-encoding: chunked\r\nx", "1"]],
    ["a zero byte in a value", [...get, "x-a", "a\0b"]],
  ] as const)
    it(`${what}: the field is dropped`, async (t) => {
      const { stage, urls, fields } = await openWatched(t);
      await sendFrames(stage.port, { headers });
      assert.deepEqual([urls, fields.filter((text) => /evil|transfer-encoding|x-a|^x$/i.test(text))], [["/"], []]);
    });

  it("open proxy: CONNECT leads nowhere", async (t) => {
    const { stage, urls } = await openWatched(t);
    for (const to of ["127.0.0.1:22", "app.test"]) {
      const reply = await sendFrames(stage.port, { headers: [":method", "CONNECT", ":authority", to] });
      assert.notEqual(reply.status, "200");
    }
    assert.deepEqual(urls, []);
  });

  for (const [what, length] of [
    ["shorter", "0"],
    ["longer", "400"],
  ] as const)
    it(`H2.CL: a length ${what} than the body puts no second request into the connection`, async (t) => {
      const { stage, urls, whole } = await openWatched(t);
      await sendFrames(stage.port, { headers: [...post, "content-length", length], body: smuggled });
      await stage.route.idle();
      assert.equal((await fetchFrom(stage.port, { path: "/next" })).status, 200);
      assert.equal(urls.includes("/smuggled"), false);
      assert.ok(whole() <= (length === "0" ? 2 : 1));
    });
});

interface Watched {
  readonly stage: Stage;
  /** Of each request the app saw a head of. */
  readonly urls: readonly string[];
  /** Their names and values. */
  readonly fields: readonly string[];
  /** How many it took for whole. */
  whole(): number;
}

/** An app that notes what reaches it, and answers with the trailers it got. */
async function openWatched(t: TestContext): Promise<Watched> {
  const urls: string[] = [];
  const fields: string[] = [];
  let whole = 0;
  const stage = await openStage(t, {
    upstream(req, res) {
      urls.push(req.url ?? "");
      fields.push(...req.rawHeaders);
      req.on("error", () => undefined).resume();
      req.on("end", () => {
        whole++;
        res.end(JSON.stringify(req.trailers));
      });
    },
  });
  return { stage, urls, fields, whole: () => whole };
}
