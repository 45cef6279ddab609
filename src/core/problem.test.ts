import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { statusByCode } from "./errors.ts";
import type { ErrorCode } from "./errors.ts";
import { titleByCode, toProblem, toRetryAfter } from "./problem.ts";

test("a full problem: RFC 9457 members, no-store, Retry-After and the state", () => {
  const { status, headers, body } = toProblem({
    code: "WAKE_TIMEOUT",
    route: "blog",
    state: "error",
    retryAfterS: 4.2,
    detail: "probe: connection refused",
    extra: { next_try_at: "2026-01-01T00:00:05.000Z" },
  });
  assert.equal(status, 503);
  assert.deepEqual(headers, {
    "content-type": "application/problem+json",
    "cache-control": "no-store",
    "retry-after": "5",
    "x-nodoff-state": "error",
  });
  assert.deepEqual(JSON.parse(body), {
    next_try_at: "2026-01-01T00:00:05.000Z",
    type: "urn:nodoff:problem:wake_timeout",
    title: "The service did not become ready in time",
    status: 503,
    code: "WAKE_TIMEOUT",
    detail: "probe: connection refused",
    route: "blog",
    state: "error",
  });
});

test("what is not given is not there", () => {
  const { headers, body } = toProblem({ code: "NOT_FOUND" });
  assert.deepEqual(Object.keys(headers), ["content-type", "cache-control"]);
  assert.deepEqual(Object.keys(JSON.parse(body)), ["type", "title", "status", "code"]);
});

test("extra members never replace a standard one, nor smuggle in what was left out", () => {
  const { body } = toProblem({ code: "IN_USE", extra: { status: 200, detail: "engine text", reasons: [] } });
  assert.deepEqual(JSON.parse(body), {
    type: "urn:nodoff:problem:in_use",
    title: "The service is in use",
    status: 409,
    code: "IN_USE",
    reasons: [],
  });
});

describe("for every code", () => {
  for (const code of Object.keys(statusByCode) as ErrorCode[]) {
    test(`${code}: its status, and a title that names nothing of the inside`, () => {
      assert.equal(toProblem({ code }).status, statusByCode[code]);
      assert.match(titleByCode[code], /^[A-Z][^.]+$/);
      assert.doesNotMatch(titleByCode[code], /container|docker|image|label|proxmox|socket|\d/i);
    });
  }
});

test("Retry-After is whole and at least a second", () => {
  assert.deepEqual([0, -3, 0.1, 1, 1.01, 30].map(toRetryAfter), ["1", "1", "1", "1", "2", "30"]);
});
