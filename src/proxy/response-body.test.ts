import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { Agent, request } from "node:http";
import type { IncomingMessage } from "node:http";
import { connect, createServer as createTcp } from "node:net";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { fetchFrom, openStage, readUntil } from "../../test/support/proxy-stage.ts";

/** An upstream that writes these pieces, each in a packet of its own. */
function writing(t: TestContext, ...pieces: readonly (Buffer | string)[]) {
  return createTcp((socket) => {
    t.after(() => socket.destroy());
    socket.setNoDelay(true).on("error", () => undefined);
    socket.once("data", () => {
      const left = [...pieces];
      const next = (): void => {
        const piece = left.shift();
        if (piece === undefined) return;
        socket.write(piece, () => setTimeout(next, 20));
      };
      next();
    });
  });
}

const bytes = Buffer.from(Array.from({ length: 256 }, (_, n) => n));

describe("a response's body", () => {
  it("is the same whether it came with its head, behind it, or in part", async (t) => {
    for (const size of [0, 1, 256, 12_287, 12_288, 12_289, 70_000, 300_000]) {
      const body = size === 256 ? bytes : randomBytes(size);
      const head = Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
      const cut = Math.floor(size / 2);
      for (const pieces of [
        [Buffer.concat([head, body])],
        [head, body],
        [Buffer.concat([head, body.subarray(0, cut)]), body.subarray(cut)],
      ]) {
        const { port } = await openStage(t, { upstream: writing(t, ...pieces) });
        const got = await fetchFrom(port);
        assert.deepEqual([got.status, got.headers["content-length"]], [200, String(size)]);
        assert.ok(got.body.equals(body), `${size} in ${pieces.length} pieces`);
      }
    }
  });

  it("of 30 MB arrives whole where the reader is slow, again and again, over kept connections", async (t) => {
    const body = randomBytes(30_000_000);
    const { port, route } = await openStage(t, { upstream: (_req, res) => void res.end(body) });
    const agent = new Agent({ keepAlive: true, maxSockets: 2 });
    t.after(() => agent.destroy());
    const read = async (): Promise<void> => {
      const sent = request({ port, host: "127.0.0.1", agent, headers: { host: "app.test" } }).end();
      const [res] = (await once(sent, "response")) as [IncomingMessage];
      const hash = createHash("sha256");
      let reads = 0;
      for await (const chunk of res) {
        hash.update(chunk as Buffer);
        if (reads++ % 50 === 0) await new Promise<void>((resolve) => void setTimeout(resolve, 1));
      }
      assert.equal(hash.digest("hex"), createHash("sha256").update(body).digest("hex"));
    };
    await Promise.all([read(), read(), read(), read()]);
    await route.idle();
  });

  it("in chunks keeps its chunks' bytes and its trailers, in one packet or in many", async (t) => {
    const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-A, X-B\r\n\r\n";
    const chunk = Buffer.concat([Buffer.from("100\r\n"), bytes, Buffer.from("\r\n")]);
    const end = "0\r\nX-A: 1\r\nX-B: 2\r\nX-B: 3\r\n\r\n";
    for (const pieces of [
      [Buffer.concat([Buffer.from(head), chunk, Buffer.from(end)])],
      [Buffer.concat([Buffer.from(head), chunk, chunk, Buffer.from(end)])],
      [head, chunk, end],
      [Buffer.concat([Buffer.from(head), chunk]), end],
    ]) {
      const { port } = await openStage(t, { upstream: writing(t, ...pieces) });
      const got = await fetchFrom(port);
      assert.ok(got.body.subarray(0, 256).equals(bytes));
      assert.equal(got.body.length % 256, 0);
      assert.deepEqual([got.trailers["x-a"], got.trailers["x-b"]], ["1", "2, 3"]);
    }
  });

  it("shows its first piece at once where the rest is long in coming", async (t) => {
    const { port } = await openStage(t, {
      upstream: writing(t, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst"),
    });
    const socket = connect(port, "127.0.0.1");
    t.after(() => socket.destroy());
    socket.write("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
    assert.match(await readUntil(socket, /first$/), /200 OK/);
  });

  it("that the upstream cuts in its first packet is cut for the client, too", async (t) => {
    const upstream = createTcp((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst"));
    });
    const { port, route } = await openStage(t, { upstream });
    await assert.rejects(fetchFrom(port), { code: "ECONNRESET" });
    await route.idle();
  });
});
