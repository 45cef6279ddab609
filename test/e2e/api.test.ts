import assert from "node:assert/strict";
import { it } from "node:test";
import {
  ConfigErrors,
  Problem,
  Providers,
  Route,
  Routes,
  RoutesByProvider,
  Version,
  Workload,
  Workloads,
} from "../../src/control/schema.ts";
import { openBoxes, web } from "../support/e2e/boxes.ts";
import { until } from "../support/e2e/child.ts";
import { ask } from "../support/e2e/client.ts";
import { createEnds } from "../support/e2e/ends.ts";
import { adminToken, openHome } from "../support/e2e/home.ts";
import { callHook } from "../support/e2e/hook-caller.ts";

// What the reading API and the metrics say while one container goes through its day.
const atEnd = createEnds();
const boxes = await openBoxes(atEnd);
const blog = await boxes.create("blog", { cmd: web(), expose: ["80/tcp"] });
const home = await openHome(atEnd);
const config = {
  providers: { local: { type: "docker", discover: false } },
  workloads: {
    blog: { container: blog.name, host: "blog.test", port: 80, idle_timeout: "2s", display_name: "My blog" },
    missing: { container: `${blog.name}-missing`, host: "missing.test", port: 80 },
  },
  routes: { nas: { host: "nas.test", upstream: "http://192.0.2.1:5000" } },
};
await home.write(config);
const nodoff = await home.serve();
const bearer = { Authorization: `Bearer ${adminToken}` };
const request = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`http://127.0.0.1:${home.port}${path}`, init);
const workload = async (): Promise<Workload> => Workload.parse(await nodoff.api("/workloads/blog"));
const metrics = async (): Promise<string> => (await nodoff.get("/metrics")).text;

const guarded = [
  "/metrics",
  "/api/v1/workloads",
  "/api/v1/workloads/blog",
  "/api/v1/routes",
  "/api/v1/providers",
  "/api/v1/config/errors",
  "/api/v1/version",
  "/api/v1/no-such-path",
];

it("opens the API and the metrics to the token alone", async () => {
  for (const path of guarded) {
    for (const headers of [
      {},
      { Authorization: adminToken },
      { Authorization: `Basic ${btoa(`admin:${adminToken}`)}` },
    ]) {
      const answer = await request(path, { headers });
      assert.equal(answer.status, 401, path);
      assert.match(answer.headers.get("www-authenticate") ?? "", /^Bearer/);
      const text = await answer.text();
      assert.equal(Problem.parse(JSON.parse(text)).code, "UNAUTHORIZED");
      assert.ok(!text.includes(blog.name) && !text.includes(adminToken));
    }
  }
  const wrong = await request("/metrics", { headers: { Authorization: `Bearer ${adminToken}x` } });
  assert.equal(wrong.status, 401);
  await nodoff.inState("blog", "napping");
  for (const path of ["/healthz", "/readyz", "/login"]) {
    const answer = await request(path);
    assert.equal(answer.status, 200, path);
    assert.ok(!(await answer.text()).includes("blog"), "and names nobody");
  }
});

it("says what it has in the shapes that are documented", async () => {
  await nodoff.inState("blog", "napping");
  const { workloads } = Workloads.parse(await nodoff.api("/workloads"));
  assert.deepEqual(
    workloads.map(({ alias, state }) => [alias, state]),
    [
      ["blog", "napping"],
      ["missing", "gone"],
    ],
  );
  const { routes } = Routes.parse(await nodoff.api("/routes"));
  assert.deepEqual(
    routes.map(({ alias, hosts, workload, upstreams }) => [alias, hosts, workload, upstreams]),
    [
      ["blog", ["blog.test"], "blog", []],
      ["missing", ["missing.test"], "missing", []],
      ["nas", ["nas.test"], null, ["http://192.0.2.1:5000"]],
    ],
  );
  assert.deepEqual(RoutesByProvider.parse(await nodoff.api("/routes?by=provider")).providers["file"]?.length, 3);
  assert.deepEqual(Providers.parse(await nodoff.api("/providers")).providers, [
    { name: "local", type: "docker", connected: true, error: null, workloads: 2 },
  ]);
  assert.deepEqual(ConfigErrors.parse(await nodoff.api("/config/errors")).errors, []);
  assert.match(Version.parse(await nodoff.api("/version")).version, /^\d+\.\d+\.\d+/);
  const { display_name, kind, ref, sleeps_at, woken_at, error, routes: doors } = await workload();
  assert.deepEqual([display_name, kind, ref, doors], ["My blog", "container", blog.name, ["blog"]]);
  assert.deepEqual([sleeps_at, woken_at, error], [null, null, null]);
});

it("answers 404, 405 and 400 as problems", async () => {
  const wrong = [
    ["/api/v1/workloads/nobody", "GET", 404, "NOT_FOUND"],
    ["/api/v1/workloads/%2e%2e%2fetc", "GET", 404, "NOT_FOUND"],
    ["/api/v1/no-such-path", "GET", 404, "NOT_FOUND"],
    ["/api/v1/workloads", "DELETE", 405, "METHOD_NOT_ALLOWED"],
    ["/metrics", "POST", 405, "METHOD_NOT_ALLOWED"],
    ["/api/v1/routes?by=colour", "GET", 400, "BAD_REQUEST"],
  ] as const;
  for (const [path, method, status, code] of wrong) {
    const answer = await request(path, { method, headers: bearer });
    assert.equal(answer.status, status, path);
    assert.equal(answer.headers.get("content-type"), "application/problem+json");
    assert.equal(Problem.parse(await answer.json()).code, code);
    if (status === 405) assert.match(answer.headers.get("allow") ?? "", /GET/);
  }
});

it("follows a wake and a sleep with times and reasons, and is itself no use of anything", async () => {
  const asked = Date.now();
  assert.equal((await callHook(home.port, "traefik", { host: "blog.test" })).status, 200);
  assert.equal((await callHook(home.port, "caddy", { host: "blog.test" })).status, 200);
  const awake = await workload();
  assert.equal(awake.state, "ready");
  for (const time of [awake.woken_at, awake.last_used_at]) assert.ok(Math.abs(Date.parse(time ?? "") - asked) < 15_000);
  assert.ok(Math.abs(Date.parse(awake.sleeps_at ?? "") - Date.parse(awake.last_used_at ?? "") - 2_000) <= 2);
  assert.deepEqual(awake.reasons.map(({ signal, verdict }) => [signal, verdict])[0], ["requests", "idle_since"]);
  const route = Route.parse(await nodoff.api("/routes/blog"));
  assert.equal(route.requests_total, 2);
  assert.deepEqual(route.upstreams.length, 1);
  const text = await metrics();
  assert.match(text, /^nodoff_workload_state\{workload="blog",state="ready"\} 1$/m);
  assert.match(text, /^nodoff_wakes_total\{workload="blog",result="ok"\} 1$/m);
  const seen = await until("asleep in spite of all the looking", async () => {
    const now = await workload();
    await metrics();
    return now.state === "napping" ? now : undefined;
  });
  assert.equal(seen.sleeps_at, null);
  assert.ok(
    seen.reasons.some(({ signal, text }) => signal === "requests" && text !== ""),
    "why it sleeps",
  );
  assert.ok(!(await blog.running()));
  assert.match(await metrics(), /^nodoff_sleeps_total\{workload="blog",method="stop",result="ok"\} 1$/m);
  assert.match(await metrics(), /^nodoff_workload_state\{workload="blog",state="ready"\} 0$/m);
});

it("takes no label from a client", async () => {
  await callHook(home.port, "caddy", { host: "stranger-1.test", path: "/secret-path" });
  await ask(home.port, { host: "stranger-2.test", path: "/.nodoff/wait?route=stranger-3" });
  const text = await metrics();
  assert.match(text, /^nodoff_hook_decisions_total\{route="",decision="allow"\} 1$/m);
  assert.ok(!/stranger|secret/.test(text));
});

it("shows the metrics to everybody where they are public", async () => {
  const mark = nodoff.mark();
  await home.write({ ...config, metrics: { public: true } });
  await nodoff.loggedSince(mark, ({ message }) => message === "configuration reloaded", "reload");
  assert.equal((await request("/metrics")).status, 200);
  assert.equal((await request("/api/v1/workloads")).status, 401);
});

it("makes guessers wait, and logs no token", async () => {
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, index) =>
      request("/api/v1/version", { headers: { Authorization: `Bearer guess-${index}` } }),
    ),
  );
  const limited = answers.find(({ status }) => status === 429);
  assert.ok(limited !== undefined);
  assert.ok(Number(limited.headers.get("retry-after")) > 0);
  const log = nodoff.child.lines.join("\n");
  assert.ok(!log.includes("guess-") && !log.includes(adminToken));
});
