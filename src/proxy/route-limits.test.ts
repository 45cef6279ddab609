import { deepEqual, equal, match } from "node:assert/strict";
import { request } from "node:http";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { describe, it } from "node:test";
import type { RouteLimits } from "../core/spec.ts";
import { fakeClock } from "../../test/support/fake-clock.ts";
import { fetchFrom, openStage, sendRaw } from "../../test/support/proxy-stage.ts";

const none: RouteLimits = { bodyBytes: null, rate: null };

describe("limits.body", () => {
  const limits = { ...none, bodyBytes: 1_000 };

  it("answers 413 to a longer body before the gate is asked, so that it wakes nothing", async (t) => {
    const { port, asked } = await openStage(t, { upstream: (req, res) => void req.pipe(res), spec: { limits } });
    const got = await fetchFrom(port, { method: "POST", headers: { "content-length": 1_001 } }, Buffer.alloc(1_001));
    equal(got.status, 413);
    equal(got.headers["content-type"], "application/problem+json");
    deepEqual(asked, []);
    const fits = await fetchFrom(port, { method: "POST", headers: { "content-length": 1_000 } }, Buffer.alloc(1_000));
    deepEqual([fits.status, fits.body.length], [200, 1_000]);
  });

  it("counts a body that does not tell its length, and calls no service broken for it", async (t) => {
    const { port, route, lines } = await openStage(t, {
      upstream: (req, res) => void req.on("end", () => res.end("all of it")).resume(),
      spec: { limits },
    });
    const chunked = { method: "POST", headers: { "transfer-encoding": "chunked" } };
    equal((await fetchFrom(port, chunked, Buffer.alloc(1_000))).status, 200);
    equal((await fetchFrom(port, chunked, Buffer.alloc(50_000))).status, 413);
    deepEqual([route.rechecks, lines.filter(({ level }) => level === "warn")], [0, []]);
  });

  it("asks nobody to go on who waits with a body that is too long", async (t) => {
    const { port } = await openStage(t, { upstream: (req, res) => void req.pipe(res), spec: { limits } });
    const answer = await sendRaw(
      port,
      "POST / HTTP/1.1\r\nHost: app.test\r\nExpect: 100-continue\r\nContent-Length: 5000\r\nConnection: close\r\n\r\n",
    );
    match(answer, /^HTTP\/1\.1 413 /);
  });
});

describe("limits.rate", () => {
  const limits = { ...none, rate: { count: 2, perMs: 1_500 } };

  it("answers 429 with Retry-After beyond it, per client, and lets through again later", async (t) => {
    const clock = fakeClock();
    const { port, asked } = await openStage(t, {
      upstream: (_req, res) => void res.end("x"),
      spec: { limits },
      trusted: true,
      clock,
    });
    const as = (client: string, accept = "*/*") => fetchFrom(port, { headers: { "x-forwarded-for": client, accept } });
    deepEqual([(await as("198.51.100.1")).status, (await as("198.51.100.1")).status], [200, 200]);
    for (const accept of ["*/*", "text/html"]) {
      const refused = await as("198.51.100.1", accept);
      deepEqual([refused.status, refused.headers["retry-after"]], [429, "2"], accept);
    }
    equal((await as("198.51.100.2")).status, 200);
    equal(asked.length, 3);
    clock.advance(1_500);
    equal((await as("198.51.100.1")).status, 200);
  });

  it("counts upgrades, too", async (t) => {
    const { port } = await openStage(t, { upstream: (_req, res) => void res.end("x"), spec: { limits } });
    const upgrade = async (): Promise<number> => {
      const headers = { host: "app.test", connection: "Upgrade", upgrade: "websocket" };
      const sent = request({ port, host: "127.0.0.1", agent: false, headers });
      sent.end();
      const [answer] = (await once(sent, "response")) as [IncomingMessage];
      answer.resume();
      return answer.statusCode ?? 0;
    };
    deepEqual([await upgrade(), await upgrade(), await upgrade()], [200, 200, 429]);
  });
});

describe("via", () => {
  it("is added to request and answer, behind those of others", async (t) => {
    const seen: unknown[] = [];
    const { port } = await openStage(t, {
      upstream: (req, res) => {
        seen.push(req.headers.via);
        res.setHeader("via", "1.1 inner").end();
      },
      spec: { via: true },
    });
    const got = await fetchFrom(port, { headers: { via: "1.0 outer" } });
    deepEqual([seen, got.headers.via], [["1.0 outer, 1.1 nodoff"], "1.1 inner, 1.1 nodoff"]);
  });

  it("is left as it is unless asked for", async (t) => {
    const { port } = await openStage(t, { upstream: (req, res) => void res.end(req.headers.via ?? "none") });
    const got = await fetchFrom(port);
    deepEqual([got.body.toString(), got.headers.via], ["none", undefined]);
  });
});

describe("security_headers", () => {
  it("adds what the app does not say itself; Strict-Transport-Security only over https", async (t) => {
    const { port } = await openStage(t, {
      upstream: (_req, res) => void res.setHeader("x-frame-options", "DENY").end(),
      spec: { securityHeaders: true },
      trusted: true,
    });
    const plain = (await fetchFrom(port)).headers;
    equal(plain["x-content-type-options"], "nosniff");
    equal(plain["referrer-policy"], "strict-origin-when-cross-origin");
    equal(plain["x-frame-options"], "DENY");
    equal(plain["strict-transport-security"], undefined);
    const secure = (await fetchFrom(port, { headers: { "x-forwarded-proto": "https" } })).headers;
    equal(secure["strict-transport-security"], "max-age=31536000");
  });

  it("are on files, too", async (t) => {
    const files = { root: import.meta.dirname, index: [], spa: false, dotfiles: false };
    const { port } = await openStage(t, {
      upstream: null,
      spec: { kind: "files", files, securityHeaders: true, workload: null },
    });
    const got = await fetchFrom(port, { path: "/proxy.ts" });
    deepEqual([got.status, got.headers["x-content-type-options"]], [200, "nosniff"]);
  });
});
