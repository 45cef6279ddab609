import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttp, type RequestListener } from "node:http";
import { createServer as createHttp2, type ServerHttp2Stream } from "node:http2";
import { createServer as createHttps } from "node:https";
import { type AddressInfo, createServer as createNet, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { createServer as createTls } from "node:tls";
import { selfSigned } from "../../../test/support/self-signed.ts";
import { healthSpec } from "../../../test/support/specs.ts";
import type { HealthSpec } from "../../core/spec.ts";
import { createProber } from "../../net/probe.ts";
import { systemClock } from "../../system-clock.ts";
import { type CheckResult, type Finding, runCheck } from "./check.ts";
import { createChecks, type Subject } from "./checks.ts";
import { createFilesCheck } from "./files.ts";

const check = createChecks({ clock: systemClock, prober: createProber() });

async function run(subject: Partial<Subject>, spec: Partial<HealthSpec> = {}, timeoutMs = 2_000): Promise<CheckResult> {
  const whole: Subject = { address: null, host: null, ...subject, spec: healthSpec({ tlsVerify: false, ...spec }) };
  return runCheck(check(whole), { timeoutMs, signal: new AbortController().signal, clock: systemClock });
}

async function open(t: TestContext, server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
  });
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

/** A port nobody listens on. */
async function closedPort(t: TestContext): Promise<number> {
  const server = createNet();
  const port = await open(t, server);
  server.close();
  await once(server, "close");
  return port;
}

const gigabyte = 1_073_741_824;
const chunk = Buffer.alloc(1_048_576, "a");

/** Sends a gigabyte after `head`, as fast as it is taken; counts what went out. */
function flood(socket: Socket, head: string, sent: { bytes: number }): void {
  socket.on("error", () => undefined);
  socket.write(head);
  const pump = (): void => {
    while (sent.bytes < gigabyte && !socket.destroyed) {
      sent.bytes += chunk.length;
      if (!socket.write(chunk)) return void socket.once("drain", pump);
    }
    socket.end();
  };
  pump();
}

type Mode = "healthy" | "unhealthy" | "slow" | "hanging" | "garbage" | "gigabyte";
const modes: readonly Mode[] = ["healthy", "unhealthy", "slow", "hanging", "garbage", "gigabyte"];

/** What a server of raw bytes does in the modes that every protocol over TCP shares. */
function rawMode(mode: Mode, sent: { bytes: number }, socket: Socket): void {
  socket.on("error", () => undefined);
  if (mode === "garbage") socket.end("\0\x01SSH-2.0-OpenSSH_9.2\r\n\xff\xfe garbage\r\n\r\n");
  else if (mode === "gigabyte") socket.once("data", () => flood(socket, "HTTP/1.1 200 OK\r\n\r\n", sent));
  else socket.resume();
}

const answer =
  (mode: Mode): RequestListener =>
  (request, response) => {
    const finish = (): void => {
      response.statusCode = mode === "unhealthy" ? 500 : 200;
      response.end(mode === "unhealthy" ? "broken" : `all is well at ${request.url} for ${request.headers.host}`);
    };
    if (mode === "slow") setTimeout(finish, 5_000).unref();
    else finish();
  };

const isRaw = (mode: Mode): boolean => mode === "hanging" || mode === "garbage" || mode === "gigabyte";

interface Kind {
  readonly name: string;
  readonly spec?: Partial<HealthSpec>;
  /** Serves in that mode; returns what to check. */
  serve(t: TestContext, mode: Mode, sent: { bytes: number }): Promise<Partial<Subject>>;
  readonly refused: (t: TestContext) => Promise<Partial<Subject>>;
  /** Detail expected in each mode; the outcome is a pass only where listed in `passes`. */
  readonly passes: readonly Mode[];
  readonly details: Readonly<Partial<Record<Mode | "refused", RegExp>>>;
}

const httpKind = (name: string, scheme: "http" | "https", spec: Partial<HealthSpec> = {}): Kind => ({
  name,
  spec,
  async serve(t, mode, sent) {
    const secure = scheme === "https";
    const raw = (socket: Socket): void => rawMode(mode, sent, socket);
    const server = isRaw(mode)
      ? secure && mode !== "garbage" && mode !== "hanging"
        ? createTls(selfSigned, raw)
        : createNet(raw)
      : secure
        ? createHttps(selfSigned, answer(mode))
        : createHttp(answer(mode));
    return { address: `${scheme}://127.0.0.1:${await open(t, server)}` };
  },
  refused: async (t) => ({ address: `${scheme}://127.0.0.1:${await closedPort(t)}` }),
  passes: spec.body === undefined ? ["healthy", "gigabyte"] : ["healthy"],
  details: {
    healthy: /^200 OK$/,
    unhealthy: /^500 Internal Server Error$/,
    slow: /within 300 ms$/,
    hanging: /within 300 ms$/,
    refused: /refused/,
  },
});

const kinds: readonly Kind[] = [
  httpKind("http", "http"),
  httpKind("https", "https"),
  httpKind("http, reading the body", "http", { body: "all is well" }),
  httpKind("https, reading the body", "https", { body: "all is well" }),
  {
    name: "h2c",
    async serve(t, mode, sent) {
      if (isRaw(mode) && mode !== "gigabyte") {
        return {
          address: `h2c://127.0.0.1:${await open(
            t,
            createNet((socket) => rawMode(mode, sent, socket)),
          )}`,
        };
      }
      const server = createHttp2();
      server.on("session", (session) => session.on("error", () => undefined));
      server.on("stream", (stream: ServerHttp2Stream) => {
        stream.on("error", () => undefined);
        const respond = (): void => {
          stream.respond({ ":status": mode === "unhealthy" ? 503 : 200 });
          if (mode !== "gigabyte") return void stream.end("ok");
          const pump = (): void => {
            while (sent.bytes < gigabyte && !stream.destroyed) {
              sent.bytes += chunk.length;
              if (!stream.write(chunk)) return void stream.once("drain", pump);
            }
          };
          pump();
        };
        if (mode === "slow") setTimeout(() => stream.destroyed || respond(), 5_000).unref();
        else respond();
      });
      return { address: `h2c://127.0.0.1:${await open(t, server)}` };
    },
    refused: async (t) => ({ address: `h2c://127.0.0.1:${await closedPort(t)}` }),
    passes: ["healthy", "gigabyte"],
    details: { healthy: /^200$/, unhealthy: /^503$/, slow: /within 300 ms$/, hanging: /within 300 ms$/ },
  },
  {
    name: "tcp",
    async serve(t, mode, sent) {
      const server = createNet((socket) => {
        socket.on("error", () => undefined);
        // A port relay before the app listens.
        if (mode === "unhealthy") socket.destroy();
        else if (mode === "gigabyte") flood(socket, "", sent);
        else if (mode === "garbage") socket.write("\0\x01garbage");
      });
      return { address: `tcp://127.0.0.1:${await open(t, server)}` };
    },
    refused: async (t) => ({ address: `tcp://127.0.0.1:${await closedPort(t)}` }),
    // What a TCP service says is its own affair: it is there as long as it does not hang up.
    passes: ["healthy", "slow", "hanging", "garbage", "gigabyte"],
    details: { healthy: /^open$/, unhealthy: /closed|reset/, refused: /^connection refused$/ },
  },
  {
    name: "udp",
    async serve(t, mode) {
      const server = createSocket("udp4");
      server.on("error", () => undefined).bind(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address();
      server.on("message", (_message, from) => {
        const times = mode === "gigabyte" ? 1_000 : mode === "healthy" || mode === "garbage" ? 1 : 0;
        for (let n = 0; n < times; n++) server.send(Buffer.alloc(mode === "gigabyte" ? 60_000 : 4), from.port);
      });
      if (mode === "unhealthy") server.close();
      else t.after(() => server.close());
      return { address: `udp://127.0.0.1:${port}` };
    },
    refused: async (t) => ({ address: `udp://127.0.0.1:${await closedPort(t)}` }),
    // Most services answer nothing to an empty datagram: silence is no failure.
    passes: ["healthy", "slow", "hanging", "garbage", "gigabyte"],
    details: { healthy: /^answers$/, unhealthy: /^port not open$/, slow: /^not refused$/, refused: /^port not open$/ },
  },
];

for (const kind of kinds) {
  describe(`${kind.name} check`, { concurrency: false }, () => {
    for (const mode of modes) {
      it(`of a server that is ${mode}: ${kind.passes.includes(mode) ? "pass" : "fail"}`, async (t) => {
        const sent = { bytes: 0 };
        const subject = await kind.serve(t, mode, sent);
        const rss = process.memoryUsage.rss();
        const begun = performance.now();
        const result = await run(subject, kind.spec, mode === "slow" || mode === "hanging" ? 300 : 5_000);
        assert.equal(result.outcome.kind, kind.passes.includes(mode) ? "pass" : "fail", result.detail);
        assert.match(result.detail, kind.details[mode] ?? /./);
        assert.ok(performance.now() - begun < 4_000, "took its time");
        // How long nobody answered says nothing.
        if (result.detail === "not refused") assert.equal(result.latencyMs, null);
        else assert.ok((result.latencyMs ?? -1) > 0);
        // What buffers hold at both ends, and what 50 ms of an open TCP connection let through.
        assert.ok(sent.bytes <= 128 * chunk.length, `${sent.bytes} bytes were taken`);
        assert.ok(process.memoryUsage.rss() - rss < 96 * 1_048_576, "bounded memory");
      });
    }

    it("of a server that refuses: fail", async (t) => {
      const result = await run(await kind.refused(t), kind.spec);
      assert.equal(result.outcome.kind, "fail", result.detail);
      assert.match(result.detail, kind.details.refused ?? /./);
    });

    it("cannot be made of a name nobody knows, or of no address", async () => {
      const scheme = kind.name === "h2c" ? "h2c" : kind.name.split(/[, ]/)[0];
      for (const address of [
        `${scheme}://no-such-name.invalid:80`,
        null,
        "",
        "http://",
        `${scheme}://`,
        "gopher://x",
        "http://a b",
      ])
        assert.equal((await run({ address }, kind.spec)).outcome.kind, "error", String(address));
    });

    it("ends at once when it is aborted", async (t) => {
      const subject = await kind.serve(t, kind.name === "udp" ? "slow" : "hanging", { bytes: 0 });
      const controller = new AbortController();
      const begun = performance.now();
      const options = { timeoutMs: 60_000, signal: controller.signal, clock: systemClock };
      const whole: Subject = { address: null, host: null, ...subject, spec: healthSpec(kind.spec) };
      const running = runCheck(check(whole), options);
      controller.abort();
      assert.notEqual((await running).outcome.kind, "pass");
      assert.ok(performance.now() - begun < 1_000);
    });
  });
}

describe("http check", () => {
  const seen: { method: string | undefined; url: string | undefined; headers: Record<string, unknown> }[] = [];
  const listen = async (t: TestContext, respond: RequestListener): Promise<string> => {
    const server = createHttp((request, response) => {
      seen.push({ method: request.method, url: request.url, headers: request.headers });
      respond(request, response);
    });
    return `http://127.0.0.1:${await open(t, server)}`;
  };

  for (const body of [null, "well"]) {
    it(`asks as it was told${body === null ? "" : ", reading the body"}`, async (t) => {
      const address = await listen(t, (_request, response) => void response.end("well"));
      const headers = { "x-key": "5", "user-agent": "me" };
      const result = await run({ address, host: "blog.test" }, { method: "POST", path: "/up?a=1", headers, body });
      assert.equal(result.outcome.kind, "pass");
      const { method, url, headers: sent } = seen.at(-1)!;
      assert.deepEqual([method, url], ["POST", "/up?a=1"]);
      assert.deepEqual(
        [sent["host"], sent["x-key"], sent["user-agent"], sent["x-nodoff-probe"]],
        ["blog.test", "5", "me", "1"],
      );
      await run({ address, host: "blog.test" }, { headers: { host: "other.test" }, body });
      assert.equal(seen.at(-1)?.headers["host"], "other.test");
      await run({ address }, { body });
      assert.equal(`http://${String(seen.at(-1)?.headers["host"])}`, address);
    });
  }

  for (const [status, ranges, kind] of [
    [401, [[200, 499]], "pass"],
    [401, [[200, 399]], "fail"],
    [302, [[200, 399]], "pass"],
    [302, [[200, 299]], "fail"],
    [
      204,
      [
        [200, 200],
        [204, 204],
      ],
      "pass",
    ],
  ] as const) {
    it(`takes ${status} against ${JSON.stringify(ranges)} as ${kind}, following no redirect`, async (t) => {
      const before = seen.length;
      const address = await listen(
        t,
        (_request, response) => void response.writeHead(status, { location: "/x" }).end(),
      );
      assert.equal((await run({ address }, { status: ranges })).outcome.kind, kind);
      assert.equal(seen.length, before + 1);
    });
  }

  it("finds the text across chunks, and misses what comes after 256 kB", async (t) => {
    const address = await listen(t, (request, response) => {
      if (request.url === "/far") return void response.end(`${"x".repeat(600_000)}well`);
      response.write("all is we");
      setTimeout(() => response.end("ll"), 20);
    });
    assert.equal((await run({ address }, { body: "is well" })).outcome.kind, "pass");
    const far = await run({ address }, { body: "well", path: "/far" });
    assert.deepEqual([far.outcome.kind, far.detail], ["fail", "200 OK, without the wanted text"]);
  });

  it("refuses a certificate nobody knows, unless told otherwise", async (t) => {
    const server = createHttps(selfSigned, answer("healthy"));
    const address = `https://127.0.0.1:${await open(t, server)}`;
    for (const body of [null, "well"]) {
      const strict = await run({ address }, { tlsVerify: true, body });
      assert.equal(strict.outcome.kind, "fail");
      assert.match(strict.detail, /self.signed/);
      assert.equal((await run({ address }, { tlsVerify: false, body })).outcome.kind, "pass");
    }
  });
});

describe("files check", () => {
  it("passes a folder that may be read, and fails what is none", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "nodoff-files-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const of = async (root: string) => {
      const { outcome, detail, latencyMs } = await run({ root });
      assert.equal(latencyMs, null, "nothing was asked over a network");
      return [outcome.kind, detail];
    };
    assert.deepEqual(await of(folder), ["pass", "readable"]);
    assert.deepEqual(await of(join(folder, "none")), ["fail", "does not exist"]);
    writeFileSync(join(folder, "file"), "x");
    assert.deepEqual(await of(join(folder, "file")), ["fail", "not a folder"]);
    assert.deepEqual(await of(join(folder, "file", "x")), ["fail", "does not exist"]);
    assert.deepEqual(await of("\0"), ["error", (await run({ root: "\0" })).detail]);
    if (process.getuid?.() === 0) return;
    chmodSync(folder, 0o000);
    assert.deepEqual(await of(folder), ["fail", "may not be read"]);
    chmodSync(folder, 0o700);
  });
});

describe("files check of a share that is away", () => {
  it("fails in time, looks no second time meanwhile, and hears the late answer", async () => {
    const { promise, resolve } = Promise.withResolvers<Finding>();
    const underWay = new Map([["/share", promise]]);
    const look = createFilesCheck(systemClock, "/share", underWay);
    const once = (timeoutMs: number) =>
      runCheck(look, { timeoutMs, signal: new AbortController().signal, clock: systemClock });
    assert.deepEqual(await Promise.all([once(30), once(40)]).then((results) => results.map(({ detail }) => detail)), [
      "no answer within 30 ms",
      "no answer within 40 ms",
    ]);
    assert.equal(underWay.get("/share"), promise, "still the one look");
    const third = once(5_000);
    resolve({ outcome: { kind: "pass" }, detail: "readable" });
    assert.equal((await third).outcome.kind, "pass");
  });
});

describe("engine check", () => {
  it("believes the engine, and asks the route where the engine cannot say", async (t) => {
    const address = `http://127.0.0.1:${await open(t, createHttp(answer("healthy")))}`;
    const of = async (health: "none" | "starting" | "healthy" | "unhealthy" | null) =>
      run({ address, engineHealth: () => health });
    const well = await of("healthy");
    assert.deepEqual([well.detail, well.latencyMs], ["healthy by its own check", null]);
    const sick = await of("unhealthy");
    assert.deepEqual([sick.outcome, sick.latencyMs], [{ kind: "fail", decisive: true }, null]);
    for (const health of ["none", "starting", null] as const) {
      const asked = await of(health);
      assert.deepEqual([asked.detail, (asked.latencyMs ?? -1) > 0], ["200 OK", true]);
    }
  });
});

describe("agent check", () => {
  const address = "https://10.0.0.5:8443";
  it("lets the agent find out, in its words and within the time", async () => {
    const agent = {
      check: (question: object) => Promise.resolve({ healthy: true, detail: JSON.stringify(question) }),
    };
    const { outcome, detail } = await run({ address, agent }, { path: "/up" }, 700);
    assert.equal(outcome.kind, "pass");
    assert.deepEqual(JSON.parse(detail), { scheme: "https", host: "10.0.0.5:8443", path: "/up", timeoutMs: 700 });
    const sick = { check: () => Promise.resolve({ healthy: false, detail: "500" }) };
    assert.equal((await run({ address, agent: sick })).outcome.kind, "fail");
  });

  it("is an error where the agent cannot be asked, and no answer in time is a failure", async () => {
    const away = { check: () => Promise.reject(new Error("no route")) };
    assert.deepEqual((await run({ address, agent: away })).outcome, { kind: "error" });
    const broken = {
      check: () => {
        throw new Error("defect");
      },
    };
    assert.deepEqual((await run({ address, agent: broken })).outcome, { kind: "error" });
    const signals: AbortSignal[] = [];
    const silent = {
      check: (_question: object, { signal }: { readonly signal: AbortSignal }) => {
        signals.push(signal);
        return new Promise<never>(() => undefined);
      },
    };
    assert.equal((await run({ address, agent: silent }, {}, 30)).detail, "no answer within 30 ms");
    assert.equal(signals[0]?.aborted, true);
    assert.deepEqual((await run({ address: null, agent: away })).outcome, { kind: "error" });
  });
});
