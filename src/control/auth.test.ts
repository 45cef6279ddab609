import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { assertProblem, startControl, token } from "../../test/support/control.ts";
import type { AskOptions } from "../../test/support/control.ts";

describe("admin token", () => {
  const wrong: readonly (readonly [string, AskOptions])[] = [
    ["no header", { bearer: null }],
    ["another token", { bearer: "wrong" }],
    ["a token that begins right", { bearer: token.slice(0, -1) }],
    ["a token that goes on", { bearer: `${token}x` }],
    ["an empty token", { bearer: "" }],
    ["another scheme", { bearer: null, headers: { authorization: `Basic ${btoa("admin:x")}` } }],
    ["no scheme", { bearer: null, headers: { authorization: "right" } }],
  ];
  for (const [name, options] of wrong) {
    it(`refuses ${name}`, async (t) => {
      const { ask } = await startControl(t);
      for (const path of ["/api/v1/workloads", "/api/v1/nothing", "/metrics"]) {
        const reply = await ask(path, options);
        assertProblem(reply, 401, "UNAUTHORIZED");
        assert.match(String(reply.headers["www-authenticate"]), /^Bearer/);
        assert.doesNotMatch(reply.body, /töken/);
      }
    });
  }

  it("takes the scheme in any case", async (t) => {
    const { ask } = await startControl(t, { adminToken: "abc" });
    const reply = await ask("/api/v1/version", { bearer: null, headers: { authorization: "bearer  abc" } });
    assert.equal(reply.status, 200);
  });

  it("keeps everything closed while none is configured, and says which key to set", async (t) => {
    const { ask } = await startControl(t, { adminToken: null });
    for (const bearer of [null, "null", "undefined", ""]) {
      const reply = await ask("/api/v1/workloads", { bearer });
      assertProblem(reply, 401, "UNAUTHORIZED");
      assert.match(reply.body, /admin\.token/);
    }
    assert.equal((await ask("/healthz", { bearer: null })).status, 200);
  });

  it("makes an address wait after ten wrong tokens within a minute, guesses that would be right included", async (t) => {
    const { ask, clock, logger } = await startControl(t, {
      clientOf: (request) => String(request.headers["x-test-client"] ?? "a"),
    });
    // Without credentials nobody guesses.
    for (let round = 0; round < 20; round++) await ask("/api/v1/version", { bearer: null });
    for (let round = 0; round < 10; round++) {
      assertProblem(await ask("/api/v1/version", { bearer: `wrong${round}` }), 401, "UNAUTHORIZED");
    }
    const refused = await ask("/api/v1/version");
    assertProblem(refused, 429, "RATE_LIMITED");
    assert.ok(Number(refused.headers["retry-after"]) > 0);
    assert.equal((await ask("/api/v1/version", { headers: { "x-test-client": "b" } })).status, 200);
    assert.equal(logger.lines.length, 10);
    assert.doesNotMatch(JSON.stringify(logger.lines), /wrong\d/);
    clock.advance(60_001);
    assert.equal((await ask("/api/v1/version")).status, 200);
  });
});
