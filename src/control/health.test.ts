import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { assertProblem, read, startControl } from "../../test/support/control.ts";
import { AllHealth, AllStatuses, Health, History, NotifyTest } from "./schema.ts";

describe("health API", () => {
  it("tells of every route, in three amounts of detail", async (t) => {
    const { ask } = await startControl(t);
    const simple = read(AllStatuses, await ask("/api/v1/health?detail=simple"));
    assert.deepEqual(simple, { blog: "healthy", "blog-api": "unknown", nas: "unknown" });
    for (const path of ["/api/v1/health", "/api/v1/health?detail=none"])
      assert.deepEqual(read(AllHealth, await ask(path))["blog"], {
        status: "healthy",
        uptime_ms: 61_000,
        latency_ms: 1.25,
        last_seen_at: "2026-01-01T00:16:39.000Z",
        consecutive_failures: 0,
        detail: null,
      });
    const full = read(AllHealth, await ask("/api/v1/health?detail=full"));
    assert.equal(full["blog"]?.detail, "200 OK");
    assertProblem(await ask("/api/v1/health?detail=all"), 400, "BAD_REQUEST");
    assertProblem(await ask("/api/v1/health?detail=full&detail=none"), 400, "BAD_REQUEST");
  });

  it("has a history for each period", async (t) => {
    const { ask, clock } = await startControl(t);
    for (const period of ["5m", "15m", "1h", "1d", "30d"])
      assert.deepEqual(read(History, await ask(`/api/v1/health/blog/history?period=${period}`)), {
        period,
        samples: [{ at: new Date(clock.wall()).toISOString(), status: "healthy", latency_ms: 1.5 }],
        healthy: 0.99,
        napping: null,
      });
    assert.equal(read(History, await ask("/api/v1/health/blog/history")).period, "1h");
    assertProblem(await ask("/api/v1/health/blog/history?period=2h"), 400, "BAD_REQUEST");
    assertProblem(await ask("/api/v1/health/none/history"), 404, "NOT_FOUND");
    assertProblem(await ask("/api/v1/health/__proto__/history"), 404, "NOT_FOUND");
  });

  it("checks a route when asked to", async (t) => {
    const { ask, changes } = await startControl(t);
    const reply = read(Health, await ask("/api/v1/health/blog/check", { method: "POST" }));
    assert.deepEqual([reply.status, reply.detail], ["healthy", "200 OK"]);
    assert.deepEqual(changes, ["blog check"]);
    assertProblem(await ask("/api/v1/health/none/check", { method: "POST" }), 404, "NOT_FOUND");
  });

  it("checks all of them, and tells how they are", async (t) => {
    const { ask, changes } = await startControl(t);
    const all = read(AllHealth, await ask("/api/v1/health/check", { method: "POST" }));
    assert.deepEqual(changes, ["check all"]);
    assert.deepEqual([Object.keys(all), all["blog"]?.detail], [["blog", "blog-api", "nas"], "200 OK"]);
  });

  it("takes a route's exact host in place of its alias", async (t) => {
    const { ask, changes } = await startControl(t);
    assert.equal(read(History, await ask("/api/v1/health/blog.test/history")).healthy, 0.99);
    assert.equal(read(Health, await ask("/api/v1/health/blog.test/check", { method: "POST" })).status, "healthy");
    assert.deepEqual(changes, ["blog check"]);
    assertProblem(await ask("/api/v1/health/other.test/history"), 404, "NOT_FOUND");
  });

  it("sends test notices", async (t) => {
    const { ask } = await startControl(t);
    assert.deepEqual(read(NotifyTest, await ask("/api/v1/notify/test", { method: "POST" })), {
      results: [{ sender: "ops", type: "webhook", error: "connection refused" }],
    });
  });

  for (const path of ["/api/v1/health/blog/check", "/api/v1/health/check", "/api/v1/notify/test"]) {
    it(`${path} is for the token's owner, and for POST`, async (t) => {
      const { ask, changes } = await startControl(t);
      assertProblem(await ask(path, { method: "POST", bearer: null }), 401, "UNAUTHORIZED");
      for (const method of ["GET", "HEAD", "PUT", "DELETE"]) {
        const reply = await ask(path, { method });
        assert.deepEqual([reply.status, reply.headers.allow], [405, "POST"]);
      }
      assert.deepEqual(changes, []);
    });
  }

  for (const path of ["/api/v1/health", "/api/v1/health/blog/history"]) {
    it(`${path} is for the token's owner, and only read`, async (t) => {
      const { ask } = await startControl(t);
      assertProblem(await ask(path, { bearer: null }), 401, "UNAUTHORIZED");
      const reply = await ask(path, { method: "POST" });
      assert.deepEqual([reply.status, reply.headers.allow], [405, "GET, HEAD"]);
    });
  }
});
