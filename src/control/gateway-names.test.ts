import { deepEqual, equal, match } from "node:assert/strict";
import { describe, it } from "node:test";
import { fakeWorkload, startControl } from "../../test/support/control.ts";

describe("/_status of docker-gateway", () => {
  for (const [method, path] of [
    ["GET", "/_status"],
    ["GET", "/_status/api"],
    ["POST", "/_status/wake?container=wiki"],
    ["GET", "/_metrics"],
  ] as const) {
    it(`${path} is closed to strangers`, async (t) => {
      const control = await startControl(t);
      for (const authorization of [undefined, "Bearer wrong", "Basic YTpi"]) {
        const headers = authorization === undefined ? {} : { authorization };
        equal((await control.ask(path, { method, bearer: null, headers })).status, 401);
      }
      deepEqual(control.changes, []);
    });
  }

  it("/_status/api tells docker-gateway's fields of each container", async (t) => {
    const control = await startControl(t);
    const { status, body } = await control.ask("/_status/api");
    equal(status, 200);
    const [blog, wiki] = JSON.parse(body) as [Record<string, unknown>, Record<string, unknown>];
    const { name, host, status: engine, start_state, idle_remaining_sec, error, alias } = blog;
    deepEqual(
      { name, host, engine, start_state, idle_remaining_sec, error, alias },
      {
        name: "blog-web",
        host: "blog.test",
        engine: "running",
        start_state: "running",
        idle_remaining_sec: 60,
        error: null,
        alias: "blog",
      },
    );
    deepEqual(
      [wiki["start_state"], wiki["idle_remaining_sec"], wiki["error"]],
      ["failed", -1, "The service ended unexpectedly"],
    );
  });

  it("/_status shows names as text, whatever they are", async (t) => {
    const workload = fakeWorkload("x", { spec: { ref: "<b>x</b>" } });
    const control = await startControl(t, { workloads: () => [workload] });
    const { status, headers, body } = await control.ask("/_status");
    equal(status, 200);
    match(headers["content-type"] ?? "", /^text\/html/);
    match(body, /&#60;b&#62;x&#60;\/b&#62;/);
  });

  it("/_metrics is open with metrics.public", async (t) => {
    const control = await startControl(t, { metricsPublic: true });
    deepEqual(
      [
        (await control.ask("/_metrics", { bearer: null })).status,
        (await control.ask("/_status/api", { bearer: null })).status,
      ],
      [200, 401],
    );
  });
});

describe("/_status/wake", () => {
  it("wakes by the engine's name or by alias, as a person: with dependencies", async (t) => {
    const control = await startControl(t);
    for (const name of ["wiki-web", "wiki"]) {
      const { status, body } = await control.ask(`/_status/wake?container=${name}`, { method: "POST" });
      deepEqual([status, JSON.parse(body)], [202, { status: "failed" }]);
    }
    deepEqual(control.changes, ["wiki wake person", "wiki wake person"]);
  });

  it("wakes nothing that is not configured, and nothing by GET", async (t) => {
    const control = await startControl(t);
    for (const query of ["?container=other", "?container=", "", "?container=a&container=b"])
      equal((await control.ask(`/_status/wake${query}`, { method: "POST" })).status, 404, query);
    equal((await control.ask("/_status/wake?container=wiki")).status, 405);
    deepEqual(control.changes, []);
  });

  it("refuses cross-site request forgery: a POST from a page of another site", async (t) => {
    const control = await startControl(t);
    for (const origin of ["https://evil.test", "null", "http://127.0.0.1:1"]) {
      const headers = { origin };
      const answer = await control.ask("/_status/wake?container=wiki", { method: "POST", headers });
      equal(answer.status, 403, origin);
    }
    deepEqual(control.changes, []);
    const headers = { origin: "http://nodoff.test", host: "nodoff.test" };
    equal((await control.ask("/_status/wake?container=wiki", { method: "POST", headers })).status, 202);
  });
});
