import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { didYouMean } from "./suggest.ts";

describe("didYouMean", () => {
  for (const [word, known, best] of [
    ["idle_timout", ["idle_timeout", "wake_timeout"], "idle_timeout"],
    ["idle-timeout", ["idle_timeout"], "idle_timeout"],
    ["SIGTREM", ["SIGTERM", "SIGKILL"], "SIGTERM"],
    ["pge", ["page", "hold"], "page"],
    ["Local", ["local"], "local"],
  ] as const) {
    it(`takes ${word} for ${best}`, () => assert.equal(didYouMean(word, known), ` (did you mean "${best}"?)`));
  }
  for (const [word, known] of [
    ["colour", ["host", "port"]],
    ["x", []],
    ["", ["a"]],
    ["ab", ["cd"]],
  ] as const) {
    it(`guesses nothing for ${JSON.stringify(word)}`, () => assert.equal(didYouMean(word, known), ""));
  }
});
