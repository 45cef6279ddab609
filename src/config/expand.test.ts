import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { expandVariables } from "./expand.ts";
import { isBroken, isLabelText, isLoose } from "./loose.ts";

const env = { A: "one", EMPTY: "", B_2: "two" };

function textOf(text: string): string {
  const result = expandVariables(text, env);
  return isLoose(result) ? result.text : result;
}

describe("expandVariables", () => {
  for (const [text, expected] of [
    ["plain", "plain"],
    ["$A", "$A"],
    ["${A}", "one"],
    ["x-${A}-${B_2}-y", "x-one-two-y"],
    ["${NONE:-fallback}", "fallback"],
    ["${NONE:-}", ""],
    ["${EMPTY:-fallback}", "fallback"],
    ["${EMPTY}", ""],
    ["${NONE:-http://h:80/$1}", "http://h:80/$1"],
    ["$${A}", "${A}"],
    ["$${A}${A}", "${A}one"],
  ] as const) {
    it(`turns ${text} into ${JSON.stringify(expected)}`, () => assert.equal(textOf(text), expected));
  }

  it("does not expand what a variable holds", () => {
    const result = expandVariables("${X}", { X: "${A}", A: "one" });
    assert.ok(isLoose(result) && result.text === "${A}");
  });

  it("leaves text without variables its own form", () => {
    assert.equal(expandVariables("true", env), "true");
    assert.equal(expandVariables("$${A}", env), "${A}");
  });

  it("never lets a variable bring YAML into the file", () => {
    const result = expandVariables("${A}", { A: "{ b: c }" });
    assert.ok(isLoose(result) && !isLabelText(result));
  });

  for (const [text, problem] of [
    ["${NONE}", "the environment variable NONE is not set (${NONE:-…} gives a default)"],
    ["${A", '"${A" is not understood: write ${VAR} or ${VAR:-default} ($${ for a plain ${)'],
    ["${A-x}", '"${A-x}" is not understood: write ${VAR} or ${VAR:-default} ($${ for a plain ${)'],
    ["${}", '"${}" is not understood: write ${VAR} or ${VAR:-default} ($${ for a plain ${)'],
  ] as const) {
    it(`refuses ${text}`, () => {
      const result = expandVariables(text, env);
      assert.ok(isLoose(result) && isBroken(result));
      assert.equal(result.text, problem);
    });
  }
});
