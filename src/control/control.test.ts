import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { adminAccess, assertProblem, fakeRoute, startControl } from "../../test/support/control.ts";
import { parseExposition } from "../../test/support/prometheus.ts";
import { createBuckets, hookBoundsS } from "../core/tallies.ts";
import { createMetrics } from "../telemetry/metrics.ts";

describe("health and metrics", () => {
  it("is alive without a token", async (t) => {
    const { ask } = await startControl(t, { ready: () => ({ ok: false, missing: ["provider local"] }) });
    const reply = await ask("/healthz", { bearer: null });
    assert.deepEqual([reply.status, reply.body], [200, '{"status":"ok"}']);
    assertProblem(await ask("/healthz", { method: "POST" }), 405, "METHOD_NOT_ALLOWED");
  });

  it("is ready when everything was looked at, else says what is missing", async (t) => {
    const now = { ok: false, missing: ["provider local"] };
    const { ask } = await startControl(t, { ready: () => now });
    const waiting = await ask("/readyz", { bearer: null });
    assert.deepEqual([waiting.status, waiting.body], [503, '{"status":"waiting","missing":["provider local"]}']);
    Object.assign(now, { ok: true, missing: [] });
    const ready = await ask("/readyz", { bearer: null });
    assert.deepEqual([ready.status, ready.body], [200, '{"status":"ready","missing":[]}']);
  });

  it("gives metrics to the token's owner", async (t) => {
    const { ask } = await startControl(t);
    const reply = await ask("/metrics");
    assert.deepEqual([reply.status, reply.body], [200, "a 1\n"]);
    assert.equal(reply.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    assert.equal((await ask("/metrics", { method: "HEAD" })).status, 200);
    assertProblem(await ask("/metrics", { method: "POST" }), 405, "METHOD_NOT_ALLOWED");
    assertProblem(await ask("/metrics", { bearer: null }), 401, "UNAUTHORIZED");
  });

  it("gives metrics to everybody where they are public, and nothing else", async (t) => {
    const { ask } = await startControl(t, { metricsPublic: true, admin: adminAccess({ token: null }) });
    assert.equal((await ask("/metrics", { bearer: null })).status, 200);
    assertProblem(await ask("/api/v1/version", { bearer: null }), 401, "UNAUTHORIZED");
  });

  it("answers 500 when metrics cannot be made", async (t) => {
    const metrics = { contentType: "text/plain", text: () => Promise.reject(new Error("no")) };
    const { ask } = await startControl(t, { metrics });
    assertProblem(await ask("/metrics"), 500, "INTERNAL");
  });

  it("serves the real metrics: numbers rise as the plain ones do, a removed route vanishes", async (t) => {
    const route = fakeRoute({ alias: "blog" }, null);
    const routes = new Map([["blog", route]]);
    const metrics = createMetrics({
      now: () => 0,
      routes: () => routes.values(),
      unknownHost: () => ({}),
      hookSeconds: createBuckets(hookBoundsS),
      workloads: () => [],
      providers: () => [],
      configReloads: { ok: 0, failed: 0 },
      health: () => [],
      notices: () => [],
    });
    const { ask } = await startControl(t, { metrics });
    const allowed = async (): Promise<number | undefined> => {
      const reply = await ask("/metrics");
      assert.equal(reply.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
      return parseExposition(reply.body).value("nodoff_hook_decisions_total", { route: "blog", decision: "allow" });
    };
    route.decisions.allow++;
    assert.equal(await allowed(), 1);
    route.decisions.allow++;
    assert.equal(await allowed(), 2);
    routes.delete("blog");
    assert.equal(await allowed(), undefined);
  });
});
