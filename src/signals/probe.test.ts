import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import { createServer as createHttp2 } from "node:http2";
import { createServer as createHttps } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { fakeClock } from "../../test/support/fake-clock.ts";
import { selfSigned } from "../../test/support/self-signed.ts";
import { activitySpec } from "../../test/support/specs.ts";
import { fakeSubject } from "../../test/support/subject.ts";
import { NodoffError } from "../core/errors.ts";
import type { ExecResult } from "../core/provider.ts";
import type { BusyProbeSpec } from "../core/spec.ts";
import { createDialed } from "../net/dialed.ts";
import { createExecProbeSignal } from "./probe-exec.ts";
import { createHttpProbeSignal } from "./probe-http.ts";

const options = { signal: new AbortController().signal };

async function listening(t: TestContext, server: Server & { closeAllConnections?(): void }): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections?.();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

type HttpProbe = Extract<BusyProbeSpec, { readonly kind: "http" }>;

function httpWorld(origins: readonly string[], more: Partial<HttpProbe> = {}) {
  const clock = fakeClock();
  const dialed = createDialed({ clock });
  const state = { probes: 0 };
  const signal = createHttpProbeSignal({ clock, dialed, samples: { probed: () => void state.probes++ } });
  const probe: HttpProbe = {
    kind: "http",
    path: "/busy",
    status: null,
    json: null,
    idleValue: null,
    pattern: null,
    ...more,
  };
  const subject = fakeSubject({ spec: { activity: activitySpec({ probe }) }, origins });
  return { clock, dialed, state, signal, subject, read: () => signal.read(subject, options) };
}

/** What the probe makes of this answer. */
async function probed(t: TestContext, answer: RequestListener, more: Partial<HttpProbe> = {}) {
  return httpWorld([`http://${await listening(t, createServer(answer))}`], more).read();
}

describe("signal probe over HTTP", () => {
  it("asks the first origin by itself, once, and remembers when it was busy", async (t) => {
    let status = 200;
    const asked: unknown[] = [];
    const peers: string[] = [];
    const server = createServer((req, res) => {
      asked.push([req.method, req.url, req.headers.host, req.headers["user-agent"]]);
      peers.push(`${req.socket.remoteAddress}:${req.socket.remotePort}`);
      res.writeHead(status).end();
    });
    const host = await listening(t, server);
    const { clock, dialed, state, signal, subject, read } = httpWorld([`http://${host}`, "http://127.0.0.1:1"], {
      path: "/busy?now",
    });
    const busyAt = clock.now();
    const text = "/busy?now says busy (status 200)";
    assert.deepEqual(await read(), { kind: "read", lastUsedAt: busyAt, inUse: true, text });
    assert.deepEqual(asked, [["GET", "/busy?now", host, "nodoff-probe"]]);
    assert.equal(state.probes, 1);
    assert.equal(dialed.has(peers[0] ?? ""), true);
    status = 404;
    clock.advance(1_000);
    const not = "/busy?now says not busy (status 404)";
    assert.deepEqual(await read(), { kind: "read", lastUsedAt: busyAt, inUse: false, text: not });
    assert.equal(signal.covers(subject), true);
    assert.equal(signal.needs, null);
    assert.equal(signal.covers(fakeSubject()), false);
  });

  it("leaves no connection behind", async (t) => {
    const server = createServer((_req, res) => void res.end("{}"));
    const closed = once(server, "connection").then(([socket]) => once(socket as NodeJS.EventEmitter, "close"));
    await httpWorld([`http://${await listening(t, server)}`]).read();
    await closed;
  });

  for (const [what, more, body, inUse] of [
    ["a status of its list", { status: [[500, 599]] }, "", false],
    ["a value", { json: "$.active", idleValue: "0" }, '{"active":3}', true],
    ["the idle value", { json: "$.active", idleValue: "0" }, '{"active":0}', false],
    ["a text", { json: "$.jobs[0].state", idleValue: "idle" }, '{"jobs":[{"state":"run"}]}', true],
    ["the idle text", { json: "$.jobs[0].state", idleValue: "idle" }, '{"jobs":[{"state":"idle"}]}', false],
    ["false", { json: "$.busy", idleValue: "false" }, '{"busy":false}', false],
    ["null", { json: "$.busy", idleValue: "null" }, '{"busy":null}', false],
    ["an empty list", { json: "$.jobs", idleValue: "[]" }, '{"jobs":[]}', false],
    ["a match", { pattern: "jobs: [1-9]" }, "jobs: 3", true],
    ["no match", { pattern: "jobs: [1-9]" }, "jobs: 0", false],
  ] as const) {
    it(`reads ${what}`, async (t) => {
      const reading = await probed(t, (_req, res) => void res.end(body), more);
      assert.equal(reading.kind === "read" && reading.inUse, inUse, JSON.stringify(reading));
    });
  }

  for (const [what, more, status, body, why] of [
    ["an error where a value is wanted", { json: "$.a", idleValue: "0" }, 500, '{"a":0}', "/busy answered 500"],
    ["a redirect where a match is wanted", { pattern: "x" }, 302, "", "/busy answered 302"],
    ["what is no JSON", { json: "$.a", idleValue: "0" }, 200, "<html>", "the answer is no JSON"],
    ["a value that is not there", { json: "$.b", idleValue: "0" }, 200, '{"a":0}', "the answer has nothing at $.b"],
    ["a path that is none", { json: "$..b", idleValue: "0" }, 200, "{}", "$..b is no path to one value"],
  ] as const) {
    it(`cannot read ${what}`, async (t) => {
      const reading = await probed(t, (_req, res) => void res.writeHead(status).end(body), more);
      assert.deepEqual(reading, { kind: "unreadable", why });
    });
  }

  it("tells of each part of a large answer, and stops at 1 MiB", async (t) => {
    let bytes = 65_537;
    const host = await listening(
      t,
      createServer((_req, res) => void res.end(Buffer.alloc(bytes, "x"))),
    );
    const { state, read } = httpWorld([`http://${host}`], { pattern: "x$" });
    assert.equal((await read()).kind, "read");
    assert.equal(state.probes, 2);
    bytes = 2 ** 20 + 1;
    assert.deepEqual(await read(), { kind: "unreadable", why: "the answer is larger than 1 MiB" });
    assert.ok(state.probes >= 2 + 17, String(state.probes));
  });

  it("asks https whatever the certificate, and h2c", async (t) => {
    const tls = await listening(
      t,
      createHttps(selfSigned, (_req, res) => void res.end()),
    );
    assert.equal((await httpWorld([`https://${tls}`]).read()).kind, "read");
    const server = createHttp2((_req, res) => void res.end("jobs: 1"));
    const h2c = httpWorld([`h2c://${await listening(t, server)}`], { pattern: "jobs" });
    const reading = await h2c.read();
    assert.equal(reading.kind === "read" && reading.inUse, true, JSON.stringify(reading));
  });

  it("cannot read what does not answer, in time or at all", async (t) => {
    const refused = await httpWorld(["http://127.0.0.1:1"]).read();
    assert.match(refused.kind === "unreadable" ? refused.why : "", /ECONNREFUSED/);
    const nowhere = await httpWorld([]).read();
    assert.deepEqual(nowhere, { kind: "unreadable", why: "where it answers is not known" });
    const arrived = Promise.withResolvers<void>();
    const host = await listening(
      t,
      createServer(() => arrived.resolve()),
    );
    const { clock, read } = httpWorld([`http://${host}`]);
    const reading = read();
    await arrived.promise;
    await clock.advanceAsync(5_000);
    assert.deepEqual(await reading, { kind: "unreadable", why: "no answer within 5 s" });
    assert.equal(clock.pending, 0);
  });
});

describe("signal probe by a command", () => {
  const command = ["test", "-f", "/tmp/busy"];
  const spec = { ref: "blog-web", activity: activitySpec({ probe: { kind: "exec", command } }) };

  function execWorld(result: () => Promise<ExecResult>) {
    const clock = fakeClock();
    const asked: unknown[] = [];
    const exec = (ref: string, what: readonly string[]): Promise<ExecResult> => {
      asked.push([ref, what]);
      return result();
    };
    const signal = createExecProbeSignal({ clock });
    const subject = fakeSubject({ spec, insight: { exec } });
    return { clock, asked, signal, subject, read: () => signal.read(subject, options) };
  }

  it("is busy while it exits with 0", async () => {
    let exitCode = 0;
    const { clock, asked, signal, subject, read } = execWorld(() => Promise.resolve({ exitCode, output: "" }));
    const busyAt = clock.now();
    const text = '"test -f /tmp/busy" says busy (exit code 0)';
    assert.deepEqual(await read(), { kind: "read", lastUsedAt: busyAt, inUse: true, text });
    assert.deepEqual(asked, [["blog-web", command]]);
    exitCode = 1;
    clock.advance(1_000);
    const not = '"test -f /tmp/busy" says not busy (exit code 1)';
    assert.deepEqual(await read(), { kind: "read", lastUsedAt: busyAt, inUse: false, text: not });
    assert.equal(signal.covers(subject), true);
    assert.equal(signal.needs, "exec");
    assert.equal(signal.covers(fakeSubject()), false);
    assert.equal(signal.covers(fakeSubject({ spec: { ...spec, kind: "group" } })), false);
  });

  it("cannot be read where it cannot run, is not allowed, or does not end", async () => {
    const missing = execWorld(() => Promise.resolve({ exitCode: 127, output: "test: not found\nmore" }));
    assert.deepEqual(await missing.read(), {
      kind: "unreadable",
      why: '"test -f /tmp/busy" cannot be run (127): test: not found',
    });
    const forbidden = execWorld(() => Promise.reject(new NodoffError("PROVIDER_FORBIDDEN", "exec is not allowed")));
    assert.deepEqual(await forbidden.read(), {
      kind: "unreadable",
      why: "exec is not allowed; let the socket proxy allow POST /containers/{id}/exec and POST /exec/{id}/start",
    });
    const unable = await createExecProbeSignal({ clock: fakeClock() }).read(fakeSubject({ spec }), options);
    assert.deepEqual(unable, { kind: "unreadable", why: "provider local cannot run commands inside" });
    const silent = execWorld(() => new Promise(() => undefined));
    const reading = silent.read();
    await silent.clock.advanceAsync(5_000);
    assert.deepEqual(await reading, { kind: "unreadable", why: "no answer within 5 s" });
  });
});
