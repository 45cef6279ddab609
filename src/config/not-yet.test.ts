import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { findNotYet, findNotYetInLabels, notYet } from "./not-yet.ts";
import { labelText } from "./loose.ts";
import { ConfigFile } from "./schema.ts";

/** One right value per row, so that a row can neither be forgotten nor misspelt. */
const examples: Readonly<Record<string, string>> = {
  store: "store: redis://r",
  "providers.*.url": "providers: { p: { type: docker, url: ssh://h } }",
};

describe("keys of later issues", () => {
  for (const { key } of notYet) {
    it(`${key} is known, and refused`, () => {
      const text = examples[key];
      assert.ok(text !== undefined, "needs an example here");
      const tree: unknown = parse(text);
      const parsed = ConfigFile.safeParse(tree);
      assert.ok(parsed.success, String(parsed.error?.message));
      const found = findNotYet(tree);
      assert.equal(found.length, 1);
      assert.match(found[0]?.message ?? "", /^"[^"]+" is not available yet$/);
      const steps = found[0]?.path ?? [];
      assert.ok(key.split(".").every((step, index) => step === "*" || step === String(steps[index])));
    });
  }

  it("name the key, or the value where others are available", () => {
    assert.equal(findNotYet({ store: "redis://r" })[0]?.message, '"redis://r" is not available yet');
    assert.deepEqual(findNotYet({ providers: { p: { type: "docker", url: "ssh://h" } } }), [
      { path: ["providers", "p", "url"], message: '"ssh://h" is not available yet' },
    ]);
  });

  it("are refused among the defaults and in labels, under their own path", () => {
    const rows = [{ key: "workloads.*.loading.later" }];
    assert.deepEqual(findNotYet({ defaults: { loading: { later: 1 } } }, rows)[0]?.path, [
      "defaults",
      "loading",
      "later",
    ]);
    const labels = {
      loading: { theme: labelText("terminal") },
      listen: labelText(":1"),
      routes: { a: { listen: labelText(":2") } },
    };
    assert.deepEqual(
      findNotYetInLabels(labels).map(({ path }) => path.join(".")),
      ["listen", "routes.a.listen"],
    );
  });

  it("are accepted with a value that changes nothing", () => {
    const tree = {
      store: null,
      workloads: { w: { loading: { theme: "minimal" } } },
    };
    assert.deepEqual(findNotYet(tree), []);
  });

  it("are ignored in x- templates", () =>
    assert.deepEqual(findNotYet({ providers: { "x-t": { url: "ssh://h" } } }), []));
});
