import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { hastyClock, openStage, readUntil, sendRaw } from "../../test/support/proxy-stage.ts";
import type { Stage, StageOptions } from "../../test/support/proxy-stage.ts";
import { ask, openSecureStage } from "../../test/support/secure-stage.ts";
import { toProxyHeader } from "./proxy-protocol.ts";

const ends = { client: { address: "198.51.100.7", port: 40_000 }, server: { address: "192.0.2.1", port: 443 } };
const v1 = "PROXY TCP4 198.51.100.7 192.0.2.1 40000 443\r\n";
const v2 = toProxyHeader(ends).toString("latin1");
const request = (headers = ""): string => `GET / HTTP/1.1\r\nHost: app.test\r\n${headers}Connection: close\r\n\r\n`;

/** The app tells what it heard of the client. Loopback is trusted, as a balancer would be, nobody else. */
function openBehind(t: TestContext, options: Partial<StageOptions> = {}): Promise<Stage> {
  return openStage(t, {
    upstream: (req, res) =>
      void res.end(`client=${String(req.headers["x-forwarded-for"])} ${String(req.headers["x-forwarded-proto"])}`),
    acceptsProxyHeader: true,
    isTrusted: (address) => address === "127.0.0.1",
    ...options,
  });
}

describe("PROXY protocol at an HTTP port", () => {
  for (const [name, header] of [
    ["version 1", v1],
    ["version 2", v2],
  ] as const) {
    it(`${name} of a trusted peer names the client, whose own forwarded headers are not believed`, async (t) => {
      const { port, asked } = await openBehind(t);
      const forged = "X-Forwarded-For: 10.9.9.9\r\nX-Forwarded-Proto: https\r\n";
      assert.match(await sendRaw(port, header + request(forged)), /client=198\.51\.100\.7 http$/);
      assert.equal(asked[0]?.client, "198.51.100.7");
    });

    it(`${name} may come in pieces, and several requests after it on one connection`, async (t) => {
      const { port } = await openBehind(t);
      const socket = connect(port, "127.0.0.1").setNoDelay();
      t.after(() => socket.destroy());
      await once(socket, "connect");
      for (const byte of header) {
        socket.write(byte, "latin1");
        await new Promise(setImmediate);
      }
      for (let i = 0; i < 3; i++) {
        socket.write("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
        await readUntil(socket, /client=198\.51\.100\.7 http/);
      }
    });
  }

  it("is followed by a large upload without losing a byte", async (t) => {
    let bytes = 0;
    const { port } = await openBehind(t, {
      upstream: (req, res) =>
        void req.on("data", (chunk: Buffer) => (bytes += chunk.length)).on("end", () => res.end("done")),
    });
    const body = "a".repeat(3_000_000);
    const head = `POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
    assert.match(await sendRaw(port, v2 + head + body), /done$/);
    assert.equal(bytes, body.length);
  });

  for (const version of ["http/1.1", "h2"] as const) {
    it(`stands before TLS, too (${version})`, async (t) => {
      const { port, asked } = await openSecureStage(t, {
        upstream: (req, res) => void res.end(`client=${String(req.headers["x-forwarded-for"])}`),
        acceptsProxyHeader: true,
        isTrusted: (address) => address === "127.0.0.1",
      });
      const raw = connect(port, "127.0.0.1");
      t.after(() => raw.destroy());
      raw.write(v2, "latin1");
      const socket = connectTls({
        socket: raw,
        servername: "app.test",
        rejectUnauthorized: false,
        ALPNProtocols: [version],
      });
      await once(socket, "secureConnect");
      if (version === "http/1.1") {
        socket.write(request());
        await readUntil(socket, /client=198\.51\.100\.7/);
      } else {
        const session = connectHttp2("https://app.test", { createConnection: () => socket });
        t.after(() => session.destroy());
        const { body } = await ask(session, {});
        assert.equal(body.toString(), "client=198.51.100.7");
      }
      assert.equal(asked[0]?.client, "198.51.100.7");
    });
  }

  it("cannot be forged: of a peer nobody trusts it is a bad request", async (t) => {
    const { port, asked } = await openBehind(t, { isTrusted: () => false });
    assert.match(await sendRaw(port, v1 + request()), /^HTTP\/1\.1 400 /);
    assert.deepEqual(asked, []);
    assert.match(await sendRaw(port, request()), /client=127\.0\.0\.1 http$/);
  });

  it("is not read where it is not configured", async (t) => {
    const { port } = await openBehind(t, { acceptsProxyHeader: false });
    assert.match(await sendRaw(port, v1 + request()), /^HTTP\/1\.1 400 /);
  });

  it("a trusted peer without it is cut: its clients would count as the balancer", async (t) => {
    const { port, asked } = await openBehind(t);
    assert.equal(await sendRaw(port, request()), "");
    assert.deepEqual(asked, []);
  });

  it("LOCAL and UNKNOWN (the balancer's own health check) leave the peer as it is", async (t) => {
    const { port } = await openBehind(t);
    assert.match(await sendRaw(port, `PROXY UNKNOWN\r\n${request()}`), /client=127\.0\.0\.1 http$/);
  });

  it("one that never comes holds nothing for long, and nothing at all while the port closes", async (t) => {
    const { port, proxy } = await openBehind(t, { clock: hastyClock });
    const dial = async (): Promise<{ readonly closed: Promise<void> }> => {
      const socket = connect(port, "127.0.0.1");
      const closed = new Promise<void>((resolve) => void socket.on("error", () => undefined).on("close", resolve));
      await once(socket.resume(), "connect");
      socket.write("PRO");
      return { closed };
    };
    await (
      await dial()
    ).closed;
    const { closed } = await dial();
    await Promise.all([closed, proxy.close({ graceMs: 60_000 })]);
  });
});
