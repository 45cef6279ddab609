import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { describe, it } from "node:test";
import fc from "fast-check";
import { greeting, pingFrame, toFrame, toHead } from "../../test/support/http2-frames.ts";
import { openStage } from "../../test/support/proxy-stage.ts";

// 100,000 for a release; a taste of it with every check.
const cases = Number(process.env["FUZZ_CASES"] ?? 600);
const atOnce = 100;
const patienceMs = 150;

const eol = fc.oneof(
  { weight: 120, arbitrary: fc.constant("\r\n") },
  fc.constantFrom("\n", "\r", "\r\r\n", "\n\r", " \r\n", "\0\r\n"),
);
const odd = fc.string({ unit: "binary", maxLength: 12 });
const method = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom("GET", "POST", "PUT") },
  fc.constantFrom("GET", "POST", "HEAD", "PUT", "OPTIONS", "CONNECT", "TRACE", "get"),
  odd,
);
const target = fc.oneof(
  { weight: 8, arbitrary: fc.constant("/") },
  fc.constantFrom(
    "/",
    "/a?b",
    "*",
    "http://app.test/x",
    "//evil.test/",
    "/%00",
    "/a#b",
    "app.test:80",
    "/.nodoff/ping",
  ),
  odd,
);
const version = fc.oneof(
  { weight: 40, arbitrary: fc.constant("HTTP/1.1") },
  fc.constantFrom("HTTP/1.0", "HTTP/2.0", "HTTP/0.9", "HTTP/1.", "http/1.1", ""),
);
const header = fc.oneof(
  {
    weight: 40,
    arbitrary: fc.constantFrom(
      "Accept: text/html",
      "Cookie: a=b",
      "Connection: keep-alive",
      "Connection: close, X-Forwarded-For, Host, Content-Length",
      "X-Forwarded-For: 6.6.6.6",
      "X_Forwarded_For: 6.6.6.6",
      "TE: trailers",
      "Content-Length: 5",
    ),
  },
  { weight: 1, arbitrary: fc.tuple(odd, odd).map(([name, value]) => `${name}:${value}`) },
  {
    weight: 19,
    arbitrary: fc.constantFrom(
      "Host: app.test",
      "host: evil.test",
      "Content-Length: 5",
      "Content-Length: 0",
      "Content-Length: 5, 5",
      "Content-Length: -1",
      "Content-Length: 0x5",
      "Content-Length:5 ",
      "Transfer-Encoding: chunked",
      "Transfer-Encoding: chunked, identity",
      "Transfer-Encoding:\tchunked",
      "Transfer-Encoding: \vchunked",
      "transfer-encoding : chunked",
      "Connection: close, X-Forwarded-For, Host, Content-Length",
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Upgrade: h2c",
      "HTTP2-Settings: AAMAAABkAAQAAP__",
      "Expect: 100-continue",
      "TE: trailers",
      "Trailer: Content-Length",
      "X_Forwarded_For: 6.6.6.6",
      "X-Forwarded-For: 6.6.6.6",
      " folded: 1",
      "Range: bytes=0-",
    ),
  },
);
const headers = fc
  .tuple(fc.integer({ min: 0, max: 9 }), fc.array(header, { maxLength: 4 }))
  .map(([dice, more]) => (dice === 0 ? more : ["Host: app.test"].concat(more)));
const body = fc.oneof(
  { weight: 9, arbitrary: fc.constant("") },
  fc.constantFrom(
    "",
    "hello",
    "5\r\nhello\r\n0\r\n\r\n",
    "5;a=b\r\nhello\r\n0\r\nX: 1\r\n\r\n",
    "0\r\n\r\n",
    "5\nhello\n0\n\n",
  ),
  fc.constantFrom(
    "-1\r\n",
    "FFFFFFFFFFFFFFFFF\r\n",
    "5 \r\nhello\r\n0\r\n\r\n",
    "0\r\nGET / HTTP/1.1\r\nHost: app.test\r\n\r\n",
  ),
  odd,
);
const request = fc
  .tuple(method, target, version, headers, body, fc.array(eol, { minLength: 8, maxLength: 8 }))
  .map(([verb, to, as, headers, rest, ends]) => {
    const lines = [`${verb} ${to} ${as}`, ...headers, ""];
    return lines.map((line, i) => line + (ends[i] ?? "\r\n")).join("") + rest;
  });
const greetingText = greeting.toString("latin1");
const fieldSets = [
  [":method", "GET", ":scheme", "http", ":authority", "app.test", ":path", "/"],
  [":method", "POST", ":scheme", "http", ":authority", "app.test", ":path", "/", "content-length", "5"],
  [":method", "GET", ":path", "/"],
  [":method", "CONNECT", ":authority", "app.test"],
  [":method", "GET", ":scheme", "http", ":authority", "app.test", ":path", "/", "x-forwarded-for", "6.6.6.6"],
  [":method", "GET", ":scheme", "http", ":authority", "app.test", ":path", "/", "connection", "close"],
];
/** HTTP/2: heads that are sound or not, and frames that are any bytes. */
const frame = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom(...fieldSets), fc.boolean(), fc.integer({ min: 0, max: 9 }))
      .map(([headers, hasBody, dice]) => toHead({ headers, ...(hasBody && { body: "" }) }, dice > 0)),
  },
  { weight: 1, arbitrary: fc.constant(pingFrame) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 5 }), odd)
      .map(([type, flags, stream, text]) => toFrame(type, flags, stream, Buffer.from(text, "latin1"))),
  },
);
const frameText = frame.map((all) => all.toString("latin1"));
const bytes = fc.oneof(
  { weight: 8, arbitrary: fc.array(request, { minLength: 1, maxLength: 2 }).map((all) => all.join("")) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 200 }) },
  { weight: 1, arbitrary: fc.array(frameText, { maxLength: 5 }).map((all) => [greetingText, ...all].join("")) },
);
/** Cut in two: what a parser does at the end of a packet differs from what it does within. */
const sent = fc.tuple(bytes, fc.integer({ min: 0, max: 100 }), fc.constantFrom("stays", "stays", "ends", "leaves"));

describe("raw bytes", () => {
  it(`of ${cases} callers neither break the proxy, nor leak a connection, nor reach the upstream malformed`, async (t) => {
    const malformed: string[] = [];
    const seen = { count: 0 };
    const upstream = createServer({ keepAliveTimeout: 1_000 }, (req, res) => {
      seen.count++;
      if (!isHonest(req)) malformed.push(req.rawHeaders.join(" "));
      req.on("error", () => undefined).resume();
      req.on("end", () => res.end("ok"));
    });
    // A client that leaves cuts the upstream's request: only what does not parse is our fault.
    upstream.on("clientError", (error: NodeJS.ErrnoException, socket) => {
      if (error.code?.startsWith("HPE_") === true && error.code !== "HPE_INVALID_EOF_STATE")
        malformed.push(String(error));
      socket.destroy();
    });
    upstream.on("upgrade", (_req, socket) => void socket.end("HTTP/1.1 400 No\r\nConnection: close\r\n\r\n"));
    const { port, route, proxy } = await openStage(t, { upstream });
    const samples = fc.sample(fc.noBias(sent), { numRuns: cases, seed: Number(process.env["FUZZ_SEED"] ?? 42) });
    for (let i = 0; i < samples.length; i += atOnce)
      await Promise.all(samples.slice(i, i + atOnce).map((one) => call(port, one)));
    assert.deepEqual(malformed, []);
    assert.ok(seen.count > cases / 50, `${seen.count} got through`);
    await route.idle();
    assert.equal(await open(proxy.server), 0);
  });
});

/** Sends; then waits a little for an answer, ends its side or is gone; and waits until the connection is, too. */
async function call(port: number, [text, cut, then]: readonly [string, number, string]): Promise<void> {
  const socket: Socket = connect(port, "127.0.0.1");
  const answered = new Promise<void>((resolve) => {
    socket.on("error", () => undefined).on("data", () => resolve());
    setTimeout(resolve, patienceMs);
  });
  const all = Buffer.from(text, "latin1");
  const at = Math.floor((all.length * cut) / 100);
  const closed = once(socket, "close");
  socket.write(all.subarray(0, at));
  await new Promise<void>((resolve) => void setImmediate(resolve));
  socket.write(all.subarray(at));
  if (then === "stays") await answered;
  if (then === "leaves") socket.destroy();
  else socket.end();
  await closed;
}

/** What must be true of whatever reaches an upstream. */
function isHonest({ rawHeaders, headers }: IncomingMessage): boolean {
  const names = rawHeaders.filter((_text, i) => i % 2 === 0).map((name) => name.toLowerCase());
  const once = (name: string): boolean => names.filter((other) => other === name).length <= 1;
  return (
    once("host") &&
    once("content-length") &&
    once("transfer-encoding") &&
    !(names.includes("content-length") && names.includes("transfer-encoding")) &&
    headers["x-forwarded-for"] === "127.0.0.1" &&
    !names.some((name) => name.includes("_") && name.replaceAll("_", "-").startsWith("x-forwarded-"))
  );
}

function open(server: { getConnections(done: (error: unknown, count: number) => void): unknown }): Promise<number> {
  return new Promise((resolve) => void server.getConnections((_error, count) => resolve(count)));
}
