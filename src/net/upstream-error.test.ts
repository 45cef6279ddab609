import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { errors } from "undici";
import { NodoffError } from "../core/errors.ts";
import { isWorthRedialing, toUpstreamFailure } from "./upstream-error.ts";

const coded = (code: string): Error => Object.assign(new Error("it failed"), { code });

describe("toUpstreamFailure", () => {
  it("tells silence from failure and from what cannot be sent", () => {
    assert.deepEqual(toUpstreamFailure(coded("ECONNREFUSED")), {
      code: "UPSTREAM_FAILED",
      detail: "ECONNREFUSED it failed",
    });
    assert.equal(toUpstreamFailure(coded("ETIMEDOUT")).code, "UPSTREAM_TIMEOUT");
    assert.equal(toUpstreamFailure(new errors.ConnectTimeoutError()).code, "UPSTREAM_TIMEOUT");
    assert.equal(toUpstreamFailure(new NodoffError("UPSTREAM_TIMEOUT", "no connection")).code, "UPSTREAM_TIMEOUT");
    assert.equal(toUpstreamFailure(new errors.InvalidArgumentError("bad path")).code, "BAD_REQUEST");
    assert.deepEqual(toUpstreamFailure("odd"), { code: "UPSTREAM_FAILED", detail: "odd" });
  });

  it("looks into an error that stands for several addresses", () => {
    assert.equal(toUpstreamFailure(new AggregateError([coded("ETIMEDOUT")])).code, "UPSTREAM_TIMEOUT");
  });
});

describe("isWorthRedialing", () => {
  it("is for nobody there yet, not for silence or a wrong certificate", () => {
    for (const code of ["ECONNREFUSED", "EHOSTUNREACH", "ENOTFOUND", "EAI_AGAIN"])
      assert.equal(isWorthRedialing(coded(code)), true, code);
    assert.equal(isWorthRedialing(new AggregateError([coded("ECONNREFUSED")])), true);
    for (const error of [coded("ETIMEDOUT"), coded("DEPTH_ZERO_SELF_SIGNED_CERT"), new Error("x"), "x", null])
      assert.equal(isWorthRedialing(error), false);
  });
});
