import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { assertProblem, startControl } from "../../test/support/control.ts";
import { gatewayPaths } from "./gateway-names.ts";
import { operations } from "./operations.ts";

const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] as const;

/** All there is behind the door: what the API has, and what it has not. */
const closed = [
  ...new Set(Object.keys(operations).map((key) => `/api/v1${key.split(" ")[1]?.replace(/:\w+/g, "blog")}`)),
  ...Object.values(gatewayPaths),
  "/metrics",
  "/assets/0123456789abcdef/main.js",
  "/api/v1",
  "/api/v1/",
  "/api/v1/nothing",
  "/api/v1/workloads/%2e%2e/healthz",
  "/api/v1/%00",
];

/** What strangers may see, and no other way to see it. */
const open: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  "/": { GET: 303, HEAD: 303 },
  "/healthz": { GET: 200, HEAD: 200 },
  "/readyz": { GET: 200, HEAD: 200 },
  "/login": { GET: 200, HEAD: 200, POST: 400 },
  "/login.css": { GET: 200, HEAD: 200 },
  "/logout": { POST: 303 },
};

describe("strangers", () => {
  for (const below of ["", "/base"])
    it(`get nothing behind the door${below === "" ? "" : ", below a base path neither"}`, async (t) => {
      const { ask, changes, journal } = await startControl(t, { basePath: "/base" });
      for (const path of closed)
        for (const method of methods) {
          const reply = await ask(`${below}${path}`, { method, bearer: null });
          assert.equal(reply.status, 401, `${method} ${below}${path}`);
          if (method !== "HEAD") assertProblem(reply, 401, "UNAUTHORIZED");
          assert.doesNotMatch(reply.body, /blog|local|1\.2\.3/);
        }
      assert.deepEqual([changes, journal.since(0)], [[], []]);
    });

  it("get what is public, in the ways it is meant to be got", async (t) => {
    const { ask, changes } = await startControl(t);
    for (const [path, byMethod] of Object.entries(open))
      for (const method of methods) {
        const { status, body } = await ask(path, { method, bearer: null });
        assert.equal(status, byMethod[method] ?? 405, `${method} ${path}`);
        assert.doesNotMatch(body, /blog|1\.2\.3/);
      }
    assert.deepEqual(changes, []);
  });

  it("get nothing by another spelling", async (t) => {
    const { ask } = await startControl(t);
    for (const path of [
      "//api/v1/workloads",
      "/api/v1//workloads",
      "/%61pi/v1/workloads",
      "/./api/v1/workloads",
      "/api%2fv1/workloads",
      "/API/v1/workloads",
      "/x/../api/v1/workloads",
      "/metrics/",
      "/metrics/x",
    ]) {
      const { status, body } = await ask(path, { bearer: null });
      assert.ok(status === 401 || status === 404, `${path}: ${status}`);
      assert.doesNotMatch(body, /blog|^a 1/);
    }
  });
});
