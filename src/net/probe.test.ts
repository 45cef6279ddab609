import assert from "node:assert/strict";
import { getEventListeners, once } from "node:events";
import { createServer as createHttp2 } from "node:http2";
import { createServer as createHttp } from "node:http";
import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { createServer as createTls } from "node:tls";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import type { ProbeTarget } from "../core/prober.ts";
import { createProber } from "./probe.ts";
import { selfSigned } from "../../test/support/self-signed.ts";

const prober = createProber();
const patient = () => ({ patienceMs: 5_000, signal: new AbortController().signal });

async function open(t: TestContext, server: Server, host = "127.0.0.1"): Promise<number> {
  server.listen(0, host);
  await once(server, "listening");
  t.after(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** A server that does `talk` with each connection; all of them end with the test. */
async function raw(t: TestContext, talk: (socket: Socket) => void, host?: string): Promise<number> {
  const server = createServer((socket) => {
    t.after(() => void socket.destroy());
    socket.on("error", () => undefined);
    talk(socket);
  });
  return open(t, server, host);
}

function http(port: number, more: Partial<ProbeTarget & { kind: "http" }> = {}): ProbeTarget {
  return {
    kind: "http",
    origin: `http://127.0.0.1:${port}`,
    path: "/",
    status: null,
    host: null,
    tlsVerify: true,
    ...more,
  };
}

/** A server whose answer to anything is `answer`, then silence. */
const saying = (t: TestContext, answer: string) =>
  raw(t, (socket) => socket.once("data", () => socket.write(answer, "latin1")));

describe("http probe", () => {
  it("passes on any complete status line but 502, 503 and 504", async (t) => {
    for (const [line, ok] of [
      ["200 OK", true],
      ["401 Unauthorized", true],
      ["404", true],
      ["500 Internal Server Error", true],
      ["501 x", true],
      ["502 Bad Gateway", false],
      ["503 Service Unavailable", false],
      ["504", false],
      ["505 x", true],
    ] as const) {
      const port = await saying(t, `HTTP/1.1 ${line}\r\n`);
      assert.deepEqual(await prober.probe(http(port), patient()), { ok, detail: line });
    }
  });

  it("holds to the ranges where there are some, and passes over interim answers", async (t) => {
    const status = [[200, 299] as const, [401, 401] as const];
    for (const [line, ok] of [
      ["200 OK", true],
      ["299 x", true],
      ["301 Moved", false],
      ["401 x", true],
      ["503 x", false],
    ] as const) {
      const port = await saying(t, `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 ${line}\r\n`);
      assert.deepEqual(await prober.probe(http(port, { status }), patient()), { ok, detail: line });
    }
  });

  it("asks as HTTP/1.1 wants it", async (t) => {
    const server = createHttp((req, res) => void res.end(`${req.method} ${req.url}`));
    const port = await open(t, server);
    const asked = once(server, "request");
    assert.equal((await prober.probe(http(port, { path: "/up?x=1", host: "blog.example" }), patient())).ok, true);
    const [req] = (await asked) as [{ method: string; url: string; headers: Record<string, string> }];
    assert.equal(req.method, "GET");
    assert.equal(req.url, "/up?x=1");
    assert.equal(req.headers.host, "blog.example");
    assert.equal(req.headers["user-agent"], "nodoff-probe");
    assert.equal(req.headers.connection, "close");
  });

  it("sends the origin's host by default, on IPv6 too", async (t) => {
    const hosts: string[] = [];
    const port = await raw(
      t,
      (socket) =>
        socket.on("data", (chunk: Buffer) => {
          hosts.push(/^Host: (.*)\r$/m.exec(chunk.toString())?.[1] ?? "");
          socket.write("HTTP/1.1 204 No Content\r\n\r\n");
        }),
      "::1",
    );
    assert.equal((await prober.probe(http(port, { origin: `http://[::1]:${port}` }), patient())).ok, true);
    assert.deepEqual(hosts, [`[::1]:${port}`]);
  });

  it("waits for the whole line and takes it byte by byte, several at a time", async (t) => {
    const port = await raw(t, (socket) => {
      socket.once("data", (request: Buffer) => {
        const bytes = `HTTP/1.0 20${String(request).charAt("GET /".length)} Fine\r\n`.split("");
        const next = (): void => {
          const byte = bytes.shift();
          if (byte !== undefined) socket.write(byte, () => setImmediate(next));
        };
        next();
      });
    });
    const paths = Array.from({ length: 10 }, (_, n) => `/${n}`);
    assert.deepEqual(
      await Promise.all(paths.map((path) => prober.probe(http(port, { path }), patient()))),
      paths.map((path) => ({ ok: true, detail: `20${path.slice(1)} Fine` })),
    );
  });

  it("does not take half a line, another protocol or nonsense for an answer", async (t) => {
    for (const [answer, detail] of [
      ["HTTP/1.1 200 OK", /closed within the answer/],
      ["", /closed without an answer/],
      ["SSH-2.0-OpenSSH_9\r\n", /not HTTP/],
      ["HTTP/2 200 OK\r\n", /not HTTP/],
      ["HTTP/1.1 2000 OK\r\n", /not HTTP/],
      ["HTTP/1.1 99 x\r\n", /not HTTP/],
      ["HTTP/1.1 099 x\r\n", /no valid status/],
      ["HTTP/1.1 200 OK\rHTTP/1.1 200 OK\n", /not HTTP/],
      [" HTTP/1.1 200 OK\r\n", /not HTTP/],
    ] as const) {
      const port = await raw(t, (socket) => socket.once("data", () => socket.end(answer)));
      const result = await prober.probe(http(port), patient());
      assert.equal(result.ok, false, answer);
      assert.match(result.detail, detail);
    }
  });

  it("reads no more than it must", async (t) => {
    const closed = Promise.withResolvers<void>();
    const port = await raw(t, (socket) => {
      socket.on("close", () => closed.resolve());
      socket.once("data", () => socket.write(`HTTP/1.1 200 ${"x".repeat(100_000)}`));
    });
    assert.deepEqual(await prober.probe(http(port), patient()), { ok: false, detail: "no status line in the answer" });
    await closed.promise;
  });

  it("gives up after its patience, connected or not, and destroys the socket", async (t) => {
    const closed = Promise.withResolvers<void>();
    const port = await raw(t, (socket) => void socket.resume().on("close", () => closed.resolve()));
    const result = await prober.probe(http(port), { patienceMs: 30, signal: new AbortController().signal });
    assert.deepEqual(result, { ok: false, detail: "no answer within 30 ms" });
    await closed.promise;
  });

  it("tells a refused connection from a reset one", async (t) => {
    const server = createServer();
    const port = await open(t, server);
    server.close();
    await once(server, "close");
    assert.deepEqual(await prober.probe(http(port), patient()), { ok: false, detail: "connection refused" });
    const resetting = await raw(t, (socket) => socket.once("data", () => socket.resetAndDestroy()));
    assert.deepEqual(await prober.probe(http(resetting), patient()), { ok: false, detail: "connection reset" });
  });

  it("ends at once when aborted and leaves no listener on the signal", async (t) => {
    const port = await raw(t, () => undefined);
    const control = new AbortController();
    const probing = prober.probe(http(port), { patienceMs: 60_000, signal: control.signal });
    assert.equal(getEventListeners(control.signal, "abort").length, 1);
    control.abort();
    assert.deepEqual(await probing, { ok: false, detail: "aborted" });
    assert.equal(getEventListeners(control.signal, "abort").length, 0);
    assert.deepEqual(await prober.probe(http(port), { patienceMs: 1, signal: control.signal }), {
      ok: false,
      detail: "aborted",
    });

    const calm = new AbortController();
    const answering = await saying(t, "HTTP/1.1 200 OK\r\n");
    await prober.probe(http(answering), { patienceMs: 60_000, signal: calm.signal });
    assert.equal(getEventListeners(calm.signal, "abort").length, 0);
  });

  it("never rejects, whatever it is asked", async () => {
    for (const target of [
      http(1, { origin: "nonsense" }),
      http(1, { origin: "ftp://127.0.0.1" }),
      http(1, { path: "/a\r\nX: y" }),
      http(1, { path: "no-slash" }),
      http(1, { host: "a\r\nb" }),
      http(1, { origin: "http://no-such-host.invalid" }),
      { kind: "tcp", host: "127.0.0.1", port: 0 },
      { kind: "tcp", host: "127.0.0.1", port: 70_000 },
    ] satisfies ProbeTarget[])
      assert.equal((await prober.probe(target, patient())).ok, false);
  });
});

describe("https probe", () => {
  it("verifies the certificate only where asked to", async (t) => {
    const server = createTls(selfSigned, (socket) => {
      socket.on("error", () => undefined).once("data", () => socket.write("HTTP/1.1 200 OK\r\n\r\n"));
    });
    server.on("tlsClientError", () => undefined);
    const port = await open(t, server);
    const origin = `https://localhost:${port}`;
    assert.deepEqual(await prober.probe(http(port, { origin, tlsVerify: false }), patient()), {
      ok: true,
      detail: "200 OK",
    });
    const verified = await prober.probe(http(port, { origin }), patient());
    assert.equal(verified.ok, false);
    assert.match(verified.detail, /self.signed/);
    const byAddress = await prober.probe(
      http(port, { origin: `https://127.0.0.1:${port}`, tlsVerify: false }),
      patient(),
    );
    assert.equal(byAddress.ok, true);
  });

  it("counts the handshake into the patience", async (t) => {
    const port = await raw(t, (socket) => void socket.resume());
    const target = http(port, { origin: `https://127.0.0.1:${port}` });
    const result = await prober.probe(target, { patienceMs: 30, signal: new AbortController().signal });
    assert.deepEqual(result, { ok: false, detail: "no connection within 30 ms" });
  });
});

describe("h2c probe", () => {
  it("passes on a real HTTP/2 server and on no other", async (t) => {
    const server = createHttp2();
    server.on("session", (session) => t.after(() => session.destroy()));
    const port = await open(t, server);
    const origin = (at: number) => ({ origin: `h2c://127.0.0.1:${at}` });
    assert.deepEqual(await prober.probe(http(port, origin(port)), patient()), { ok: true, detail: "HTTP/2 settings" });
    const plain = await saying(t, "HTTP/1.1 400 Bad Request\r\n\r\n");
    assert.deepEqual(await prober.probe(http(plain, origin(plain)), patient()), {
      ok: false,
      detail: "the answer is not HTTP/2",
    });
  });
});

describe("tcp probe", () => {
  const tcp = (port: number, host = "127.0.0.1"): ProbeTarget => ({ kind: "tcp", host, port });

  it("passes where the connection stays open, silent or not", async (t) => {
    const silent = await raw(t, () => undefined);
    assert.deepEqual(await prober.probe(tcp(silent), patient()), { ok: true, detail: "open" });
    const greeting = await raw(t, (socket) => void socket.write("220 ready\r\n"), "::1");
    assert.deepEqual(await prober.probe(tcp(greeting, "::1"), patient()), { ok: true, detail: "open" });
  });

  it("fails where it is accepted and closed or reset, as a port relay does before the app listens", async (t) => {
    const closing = await raw(t, (socket) => void socket.end());
    assert.equal((await prober.probe(tcp(closing), patient())).ok, false);
    const resetting = await raw(t, (socket) => void socket.resetAndDestroy());
    assert.equal((await prober.probe(tcp(resetting), patient())).ok, false);
    const late = await raw(t, (socket) => void setTimeout(() => socket.end(), 20));
    assert.equal((await prober.probe(tcp(late), patient())).ok, false);
  });
});
