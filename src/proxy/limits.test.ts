import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttp } from "node:http";
import { connect, createServer } from "node:net";
import { describe, it } from "node:test";
import { fetchFrom, openStage, sendRaw } from "../../test/support/proxy-stage.ts";

describe("limits on what a client may send", () => {
  it("answers 431 to a head beyond 64 kB, and passes one just below it with every header", async (t) => {
    let names = 0;
    const upstream = createHttp({ maxHeaderSize: 65_536 }, (req, res) => {
      names = req.rawHeaders.length / 2;
      res.end("whole");
    });
    upstream.maxHeadersCount = 0;
    const { port, asked } = await openStage(t, { upstream });
    const head = (bytes: number): string =>
      `GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\nX-Big: ${"a".repeat(bytes)}\r\n\r\n`;
    assert.match(await sendRaw(port, head(66_000)), /^HTTP\/1\.1 431 /);
    assert.equal(asked.length, 0);
    assert.match(await sendRaw(port, head(14_000)), /whole$/);
    // node:http would drop what comes after the two thousandth without a word.
    const many = Array.from({ length: 3_000 }, (_, i) => `a${i}: 1\r\n`).join("");
    const answer = await sendRaw(port, `GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n${many}\r\n`);
    assert.match(answer, /whole$/);
    assert.ok(names >= 3_000);
  });

  it("ends a slow loris: a head that takes too long gets 408 and holds nothing any more", async (t) => {
    const { port, proxy } = await openStage(t, {
      upstream: (_req, res) => void res.end(),
      timeouts: { headersMs: 200, checkMs: 50 },
    });
    const socket = connect(port, "127.0.0.1");
    socket.write("GET / HTTP/1.1\r\nHost: app.test\r\n");
    const drip = setInterval(() => socket.write("X-A: 1\r\n"), 30);
    t.after(() => clearInterval(drip));
    let answer = "";
    socket.on("error", () => undefined).on("data", (chunk: Buffer) => (answer += chunk.toString()));
    await once(socket, "close");
    assert.match(answer, /^HTTP\/1\.1 408 /);
    assert.equal(await connections(proxy.server), 0);
  });

  it("answers 417 to an expectation it does not know", async (t) => {
    const { port, asked } = await openStage(t, { upstream: null });
    const head = "POST / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n";
    assert.match(await sendRaw(port, `${head}Expect: a-miracle\r\nContent-Length: 0\r\n\r\n`), /^HTTP\/1\.1 417 /);
    assert.equal(asked.length, 0);
  });

  it("answers 502 to an upstream whose head has no end", async (t) => {
    const upstream = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => void socket.write(`HTTP/1.1 200 OK\r\nX-Big: ${"a".repeat(70_000)}\r\n\r\n`));
    });
    const { port, route } = await openStage(t, { upstream });
    assert.equal((await fetchFrom(port)).status, 502);
    await route.idle();
  });
});

function connections(server: { getConnections(done: (error: unknown, count: number) => void): unknown }) {
  return new Promise<number>((resolve) => void server.getConnections((_error, count) => resolve(count)));
}
