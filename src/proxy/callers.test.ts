import assert from "node:assert/strict";
import { once } from "node:events";
import { request as startRequest } from "node:http";
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import { describe, it } from "node:test";
import { fetchFrom, openStage, readUntil } from "../../test/support/proxy-stage.ts";
import type { Answer } from "../core/gate.ts";

const allow: Answer = { kind: "allow", decision: "hold_allow" };
const reply: Answer = {
  kind: "reply",
  decision: "page",
  status: 503,
  headers: { "retry-after": "5", "x-nodoff-state": "starting" },
  body: "waking",
};

describe("a client that leaves", () => {
  it("before the answer: the upstream's request is cancelled", async (t) => {
    const arrived = Promise.withResolvers<IncomingMessage>();
    const { port, route } = await openStage(t, { upstream: (req) => arrived.resolve(req) });
    const req = startRequest({ host: "127.0.0.1", port, agent: false, headers: { host: "app.test" } }).end();
    req.on("error", () => undefined);
    const upstream = await arrived.promise;
    const closed = once(upstream.socket, "close");
    req.destroy();
    await closed;
    await route.idle();
    assert.equal(route.rechecks, 0);
  });

  it("within its body, and within the answer", async (t) => {
    const arrived = Promise.withResolvers<IncomingMessage>();
    const { port, route } = await openStage(t, {
      upstream(req, res) {
        if (req.url === "/down") res.write("x".repeat(1_000));
        req.resume();
        arrived.resolve(req);
      },
    });
    const upload = connect(port, "127.0.0.1");
    upload.write("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1000\r\n\r\nhalf");
    const upstream = await arrived.promise;
    // Its own listener: `once` would take the reset for a failure of the test.
    const closed = Promise.withResolvers<void>();
    upstream.on("error", () => undefined).socket.on("close", () => closed.resolve());
    upload.destroy();
    await closed.promise;
    await route.idle();

    const download = connect(port, "127.0.0.1");
    download.write("GET /down HTTP/1.1\r\nHost: app.test\r\n\r\n");
    await readUntil(download, /xxx/);
    assert.equal(route.inFlight, 1);
    download.resetAndDestroy();
    await route.idle();
  });

  it("while it is held: the gate is told, nothing reaches the upstream", async (t) => {
    const held = Promise.withResolvers<AbortSignal>();
    let reached = 0;
    const { port, route } = await openStage(t, {
      upstream: () => void reached++,
      admit: (_facts, { signal }) => {
        held.resolve(signal);
        return once(signal, "abort").then((): Answer => ({ kind: "left" }));
      },
    });
    const socket = connect(port, "127.0.0.1");
    socket.write("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
    const signal = await held.promise;
    socket.destroy();
    if (!signal.aborted) await once(signal, "abort");
    assert.equal(route.peak, 0);
    assert.equal(reached, 0);
  });

  it("and whom the gate lets through all the same is not counted", async (t) => {
    const gone = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    const decided = Promise.withResolvers<Answer>();
    const { port, route } = await openStage(t, {
      upstream: () => assert.fail("sent for nobody"),
      admit: (_facts, { signal }) => {
        signal.addEventListener("abort", () => gone.resolve());
        held.resolve();
        return decided.promise;
      },
    });
    const socket = connect(port, "127.0.0.1");
    socket.write("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
    await held.promise;
    socket.destroy();
    await gone.promise;
    decided.resolve(allow);
    await decided.promise;
    await new Promise((resolve) => void setImmediate(resolve));
    assert.equal(route.peak, 0);
  });
});

describe("a held request", () => {
  it("keeps its body until the service is ready, then delivers it whole", async (t) => {
    const ready = Promise.withResolvers<Answer>();
    const held = Promise.withResolvers<void>();
    const { port, route } = await openStage(t, {
      upstream: (req, res) => void req.pipe(res),
      admit: () => {
        held.resolve();
        return ready.promise;
      },
    });
    const body = Buffer.alloc(1_048_576, "b");
    const fetched = fetchFrom(port, { method: "POST", headers: { "content-length": body.length } }, body);
    await held.promise;
    assert.equal(route.peak, 0);
    ready.resolve(allow);
    assert.ok((await fetched).body.equals(body));
    await route.idle();
  });

  it("that wants to be asked for its body is asked only when the service is ready", async (t) => {
    const ready = Promise.withResolvers<Answer>();
    const held = Promise.withResolvers<void>();
    const { port, route } = await openStage(t, {
      upstream: (req, res) => void req.pipe(res),
      admit: () => {
        held.resolve();
        return ready.promise;
      },
    });
    const req = startRequest({
      host: "127.0.0.1",
      port,
      agent: false,
      method: "POST",
      headers: { host: "app.test", expect: "100-continue", "content-length": 4 },
    });
    let isAsked = false;
    req.on("continue", () => {
      isAsked = true;
      req.end("body");
    });
    req.flushHeaders();
    await held.promise;
    assert.equal(isAsked, false);
    ready.resolve(allow);
    const [res] = (await once(req, "response")) as [IncomingMessage];
    let echo = "";
    for await (const chunk of res) echo += String(chunk);
    assert.equal(echo, "body");
    assert.equal(isAsked, true);
    await route.idle();
  });

  it("that waits to be asked and is refused is not asked, and its connection ends", async (t) => {
    const { port } = await openStage(t, { upstream: null, admit: () => reply });
    const socket = connect(port, "127.0.0.1");
    socket.write("POST / HTTP/1.1\r\nHost: app.test\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    let answer = "";
    for await (const chunk of socket) answer += String(chunk);
    assert.match(answer, /^HTTP\/1\.1 503 /);
    assert.match(answer, /^Connection: close\r$/im);
  });
});

describe("an answer of the gate", () => {
  it("is written as it is, and the client may finish its body", async (t) => {
    const { port, route } = await openStage(t, { upstream: null, admit: () => reply });
    const got = await fetchFrom(port, { method: "POST" }, Buffer.alloc(4 * 1_048_576));
    assert.deepEqual([got.status, got.headers["retry-after"], got.headers["x-nodoff-state"]], [503, "5", "starting"]);
    assert.equal(got.body.toString(), "waking");
    assert.equal(route.peak, 0);
  });

  it("is 500 where the gate fails, and nothing else breaks", async (t) => {
    for (const admit of [
      () => {
        throw new Error("defect");
      },
      () => Promise.reject(new Error("defect")),
    ]) {
      const { port, lines } = await openStage(t, { upstream: null, admit });
      const got = await fetchFrom(port);
      assert.equal(got.status, 500);
      assert.doesNotMatch(got.body.toString(), /defect/);
      assert.equal(lines.at(-1)?.level, "error");
    }
  });

  it("is asked with the door's terms, and holding is what makes a signal", async (t) => {
    let via: unknown;
    let maxHoldMs: unknown;
    const { port, asked } = await openStage(t, {
      upstream: (_req, res) => void res.end(),
      admit: (_facts, options) => {
        ({ via, maxHoldMs } = options);
        return allow;
      },
    });
    await fetchFrom(port, { headers: { "x-nodoff-probe": "1" } });
    assert.equal(via, "url");
    assert.equal(maxHoldMs, Number.POSITIVE_INFINITY);
    assert.equal(asked[0]?.probe, true);
  });
});
