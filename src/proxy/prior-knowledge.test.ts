import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { describe, it } from "node:test";
import { fetchFrom, openStage, sendRaw } from "../../test/support/proxy-stage.ts";
import { ask, openPlainSession } from "../../test/support/secure-stage.ts";

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/** An empty SETTINGS frame. */
const settings = "\0\0\0\x04\0\0\0\0\0";

describe("HTTP/2 in the clear, by prior knowledge", () => {
  it("is served on the port of HTTP/1.1, beside it", async (t) => {
    const body = randomBytes(1_000_000);
    const { port, route, asked } = await openStage(t, { upstream: (req, res) => void req.pipe(res) });
    const session = await openPlainSession(t, port);
    const answers = await Promise.all([
      ask(session, { ":method": "POST" }, body),
      ask(session, { ":method": "PUT", ":path": "/b" }, "b"),
      ask(session, { ":authority": "other.test" }),
    ]);
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 404],
    );
    assert.ok(answers[0].body.equals(body));
    assert.deepEqual(
      asked.map(({ proto, client }) => [proto, client]),
      Array.from({ length: 2 }, () => ["http", "127.0.0.1"]),
    );
    assert.equal((await fetchFrom(port, { method: "POST" }, "1.1")).body.toString(), "1.1");
    await route.idle();
  });

  it("is recognised wherever its first bytes are cut", async (t) => {
    const { port } = await openStage(t, { upstream: null });
    for (let at = 1; at < preface.length + settings.length; at++) {
      const socket = connect(port, "127.0.0.1").setNoDelay(true);
      const all = Buffer.from(preface + settings, "latin1");
      socket.write(all.subarray(0, at));
      await new Promise<void>((resolve) => void setImmediate(resolve));
      socket.write(all.subarray(at));
      // The server's own SETTINGS, and its acknowledgement of ours.
      let got = Buffer.alloc(0);
      while (!got.includes(Buffer.from("\0\0\0\x04\x01\0\0\0\0", "latin1"))) {
        const [chunk] = (await once(socket, "data")) as [Buffer];
        got = Buffer.concat([got, chunk]);
      }
      socket.destroy();
    }
  });

  it("may take longer than a head of HTTP/1.1", async (t) => {
    const { port } = await openStage(t, {
      upstream: (_req, res) => void setTimeout(() => res.end("late"), 600),
      timeouts: { headersMs: 100, checkMs: 50 },
    });
    assert.equal((await ask(await openPlainSession(t, port))).body.toString(), "late");
  });

  it("is closed as over TLS: what is under way is answered", async (t) => {
    const finish = Promise.withResolvers<() => void>();
    const { port, proxy, route } = await openStage(t, {
      upstream: (_req, res) => finish.resolve(() => void res.end("late")),
    });
    const session = await openPlainSession(t, port);
    const late = ask(session);
    const end = await finish.promise;
    const closing = proxy.close({ graceMs: 5_000 });
    await once(session, "goaway");
    setTimeout(end, 300);
    assert.equal((await late).body.toString(), "late");
    await closing;
    await route.idle();
  });

  for (const [what, text] of [
    ["another preface", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"],
    ["the method alone", "PRI / HTTP/1.1\r\nHost: app.test\r\n\r\n"],
    ["the preface behind a request", `GET / HTTP/1.1\r\nHost: app.test\r\n\r\n${preface}${settings}`],
  ] as const)
    it(`is not taken for ${what}`, async (t) => {
      const { port, route } = await openStage(t, { upstream: (_req, res) => void res.end("one") });
      const answer = await sendRaw(port, text);
      assert.ok(!answer.includes("\0\0\x04\0"), answer);
      await route.idle();
    });
});
