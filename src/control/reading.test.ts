import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { z } from "zod";
import { NodoffError } from "../core/errors.ts";
import { assertProblem, read, startControl } from "../../test/support/control.ts";
import {
  ConfigErrors,
  Events,
  Providers,
  Route as RouteBody,
  Routes,
  RoutesByProvider,
  Savings,
  Version,
  Workload,
  Workloads,
} from "./schema.ts";

const endpoints = [
  ["/api/v1/workloads", Workloads],
  ["/api/v1/workloads/blog", Workload],
  ["/api/v1/workloads/blog/events", Events],
  ["/api/v1/savings", Savings],
  ["/api/v1/routes", Routes],
  ["/api/v1/routes?by=provider", RoutesByProvider],
  ["/api/v1/routes/nas", RouteBody],
  ["/api/v1/providers", Providers],
  ["/api/v1/config/errors", ConfigErrors],
  ["/api/v1/config/schema", z.looseObject({ $schema: z.string() })],
  ["/api/v1/version", Version],
] as const;

describe("reading API", () => {
  for (const [path, schema] of endpoints) {
    it(`answers ${path} in the contract's shape, to the token's owner only, and changes nothing`, async (t) => {
      const { ask, changes } = await startControl(t);
      const reply = await ask(path);
      read(schema, reply);
      assert.equal(reply.headers["cache-control"], "no-store");
      assert.equal(reply.headers["x-content-type-options"], "nosniff");
      assert.equal(reply.headers["x-powered-by"], undefined);
      assert.equal(reply.headers["etag"], undefined);
      const head = await ask(path, { method: "HEAD" });
      assert.deepEqual([head.status, head.body], [200, ""]);
      assertProblem(await ask(path, { bearer: null }), 401, "UNAUTHORIZED");
      for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
        const refused = await ask(path, { method });
        assertProblem(refused, 405, "METHOD_NOT_ALLOWED");
        assert.equal(refused.headers.allow, "GET, HEAD");
      }
      assert.deepEqual(changes, []);
    });
  }

  it("tells everything about a workload that is awake", async (t) => {
    const { ask } = await startControl(t);
    assert.deepEqual(read(Workload, await ask("/api/v1/workloads/blog")), {
      alias: "blog",
      display_name: "My blog",
      provider: "local",
      kind: "container",
      ref: "blog-web",
      project: "site",
      state: "ready",
      since: "2026-01-01T00:16:35.000Z",
      reasons: [{ signal: "proxy", verdict: "in_use", text: "2 open requests through nodoff" }],
      last_used_at: "2026-01-01T00:16:39.000Z",
      sleeps_at: "2026-01-01T00:17:40.000Z",
      woken_at: "2026-01-01T00:16:35.000Z",
      eta_ms: 420,
      next_try_at: null,
      pinned_until: null,
      depends_on: ["blog-db"],
      dependants: [],
      error: null,
      sleeps: true,
      idle_timeout_ms: 900_000,
      stop_method: "stop",
      dry_run: true,
      would_sleep_since: "2026-01-01T00:16:36.000Z",
      signals: [{ name: "requests", live: true, last_used_at: "2026-01-01T00:16:39.000Z", needs: null }],
      routes: ["blog", "blog-api"],
    });
  });

  it("tells why a workload failed and when it may be tried again", async (t) => {
    const { ask } = await startControl(t);
    const { workloads } = read(Workloads, await ask("/api/v1/workloads"));
    assert.deepEqual(
      workloads.map(({ alias }) => alias),
      ["blog", "wiki"],
    );
    const [blog, wiki] = workloads;
    assert.deepEqual(blog, read(Workload, await ask("/api/v1/workloads/blog")));
    assert.deepEqual(wiki!.error, { code: "EXITED", message: "exit 1" });
    assert.equal(wiki!.next_try_at, "2026-01-01T00:16:45.000Z");
    assert.deepEqual([wiki!.pinned_until, wiki!.dependants], ["2026-01-01T00:17:40.000Z", ["blog"]]);
    assert.deepEqual([wiki!.dry_run, wiki!.routes], [false, []]);
  });

  it("tells everything about a route", async (t) => {
    const { ask } = await startControl(t);
    const blog = read(RouteBody, await ask("/api/v1/routes/blog"));
    const { health, ...rest } = blog;
    assert.deepEqual(read(RouteBody, await ask("/api/v1/routes/blog.test")), blog, "or by its exact host");
    assert.deepEqual(rest, {
      alias: "blog",
      kind: "http",
      hosts: ["blog.test"],
      path: "/",
      provider: "file",
      workload: "blog",
      guest: null,
      upstreams: ["http://172.17.0.2:2368"],
      excluded: false,
      excluded_reason: null,
      last_used_at: "2026-01-01T00:16:36.000Z",
      requests_total: 12,
      in_flight: 1,
      waiters: 2,
    });
    assert.deepEqual(health, {
      status: "healthy",
      uptime_ms: 61_000,
      latency_ms: 1.25,
      last_seen_at: "2026-01-01T00:16:39.000Z",
      consecutive_failures: 0,
      detail: "200 OK",
    });
    const nas = read(RouteBody, await ask("/api/v1/routes/nas"));
    assert.deepEqual([nas.workload, nas.upstreams, nas.waiters, nas.excluded], [null, [], 0, true]);
    assert.notEqual(nas.excluded_reason, null);
    assert.deepEqual([nas.health.status, nas.health.detail], ["unknown", null]);
  });

  it("groups routes by provider, and knows no other grouping", async (t) => {
    const { ask } = await startControl(t);
    const { providers } = read(RoutesByProvider, await ask("/api/v1/routes?by=provider"));
    const aliases = Object.entries(providers).map(([name, routes]) => [name, routes.map(({ alias }) => alias)]);
    assert.deepEqual(aliases, [
      ["file", ["blog", "nas"]],
      ["local", ["blog-api"]],
    ]);
    assertProblem(await ask("/api/v1/routes?by=host"), 400, "BAD_REQUEST");
    assertProblem(await ask("/api/v1/routes?by=provider&by=provider"), 400, "BAD_REQUEST");
  });

  it("gives long lists in pages, in the order of aliases", async (t) => {
    const { ask } = await startControl(t);
    const first = read(Routes, await ask("/api/v1/routes?limit=2"));
    assert.deepEqual([first.routes.map(({ alias }) => alias), first.next], [["blog", "blog-api"], "blog-api"]);
    const second = read(Routes, await ask(`/api/v1/routes?limit=2&after=${first.next}`));
    assert.deepEqual([second.routes.map(({ alias }) => alias), second.next], [["nas"], undefined]);
    const workloads = read(Workloads, await ask("/api/v1/workloads?limit=1"));
    assert.deepEqual([workloads.workloads.map(({ alias }) => alias), workloads.next], [["blog"], "blog"]);
    assert.equal(read(Workloads, await ask("/api/v1/workloads?after=blog")).workloads[0]!.alias, "wiki");
    assert.deepEqual(read(Workloads, await ask("/api/v1/workloads?after=zzz")), { workloads: [] });
    for (const query of ["limit=0", "limit=10001", "limit=", "after=a&after=b", `after=${"x".repeat(129)}`])
      assertProblem(await ask(`/api/v1/workloads?${query}`), 400, "BAD_REQUEST");
  });

  it("tells of providers, config errors and version", async (t) => {
    const { ask } = await startControl(t);
    assert.deepEqual(read(Providers, await ask("/api/v1/providers")).providers[1], {
      name: "pve",
      type: "proxmox",
      connected: false,
      error: { code: "PROVIDER_UNAVAILABLE", message: "no answer" },
      workloads: 0,
    });
    assert.deepEqual(read(ConfigErrors, await ask("/api/v1/config/errors")).errors, [
      { source: "label blog-web", key: "nodoff.port", message: "not a port" },
    ]);
    assert.deepEqual(read(Version, await ask("/api/v1/version")), { version: "1.2.3" });
  });

  it("does not know what is not there", async (t) => {
    const { ask } = await startControl(t);
    const unknown = [
      "/api/v1",
      "/api/v1/nothing",
      "/api/v1/workloads/none",
      "/api/v1/routes/none",
      "/api/v1/routes/__proto__",
      "/api/v1/workloads/blog/none",
      "/api/v1/workloads/none/events",
      "/api/v1/workloads/..%2Fblog",
      "/api/v1/workloads/%00",
      `/api/v1/workloads/${"a".repeat(5_000)}`,
      "/API/V1/workloads",
      "/nothing",
    ];
    for (const path of unknown) assertProblem(await ask(path), 404, "NOT_FOUND");
    assertProblem(await ask("/api/v1/workloads/%E0%A4%A"), 400, "BAD_REQUEST");
  });

  it("tells the engine's own words to the operator", async (t) => {
    const { ask } = await startControl(t, {
      providers: () => {
        throw new NodoffError("PROVIDER_FORBIDDEN", "the socket may not be opened");
      },
    });
    const problem = assertProblem(await ask("/api/v1/providers"), 503, "PROVIDER_FORBIDDEN");
    assert.equal(problem.detail, "the socket may not be opened");
  });

  it("hides a defect from the client and tells the log", async (t) => {
    const { ask, logger } = await startControl(t, {
      providers: () => {
        throw new Error("secret path /etc");
      },
    });
    const reply = await ask("/api/v1/providers");
    assertProblem(reply, 500, "INTERNAL");
    assert.doesNotMatch(reply.body, /secret|at /);
    assert.deepEqual(
      logger.lines.map(({ level }) => level),
      ["error"],
    );
  });
});
