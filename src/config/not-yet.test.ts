import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { findNotYet, findNotYetInLabels, notYet } from "./not-yet.ts";
import { labelText } from "./loose.ts";
import { ConfigFile } from "./schema.ts";

/** One right value per row, so that a row can neither be forgotten nor misspelt. */
const examples: Readonly<Record<string, string>> = {
  "listen.fallback": "listen: { fallback: ':1' }",
  store: "store: redis://r",
  "providers.*.labels.*": "providers: { p: { type: docker, labels: [nodoff, dag] } }",
  "providers.*.url": "providers: { p: { type: docker, url: ssh://h } }",
  "signals.traefik.api_url": "signals: { traefik: { api_url: 'http://t:8080' } }",
  "workloads.*.fallback": "workloads: { w: { fallback: page } }",
  "routes.*.fallback": "routes: { r: { fallback: page } }",
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
    assert.equal(findNotYet({ listen: { fallback: ":1" } })[0]?.message, '"fallback" is not available yet');
    assert.equal(findNotYet({ store: "redis://r" })[0]?.message, '"redis://r" is not available yet');
    assert.deepEqual(findNotYet({ providers: { p: { type: "docker", labels: ["nodoff", "dag"] } } }), [
      { path: ["providers", "p", "labels", 1], message: '"dag" is not available yet' },
    ]);
  });

  it("are refused among the defaults and in labels, under their own path", () => {
    assert.deepEqual(findNotYet({ defaults: { fallback: "page" } })[0]?.path, ["defaults", "fallback"]);
    const labels = {
      fallback: labelText("page"),
      loading: { theme: labelText("terminal") },
      routes: { a: { fallback: labelText("page") } },
    };
    assert.deepEqual(
      findNotYetInLabels(labels).map(({ path }) => path.join(".")),
      ["fallback", "routes.a.fallback"],
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
    assert.deepEqual(findNotYet({ workloads: { "x-t": { fallback: "page" } } }), []));
});
