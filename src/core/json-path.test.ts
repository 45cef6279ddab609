import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseJsonPath, valueAt } from "./json-path.ts";

const root = {
  jobs: { active: 3, "in-work": null, "a name": { "it's": true } },
  items: [{ id: 1 }, { id: 2 }],
  größe: 7,
};

describe("json path", () => {
  for (const [text, expected] of [
    ["$", root],
    ["$.jobs.active", 3],
    ["$.jobs.in-work", null],
    ["$['jobs'].active", 3],
    [`$.jobs['a name']["it's"]`, true],
    ["$.items[0].id", 1],
    ["$.items[-1].id", 2],
    ["$.größe", 7],
    ["$.items[2]", undefined],
    ["$.items[-3]", undefined],
    ["$.items.length", undefined],
    ["$.items['0']", undefined],
    ["$.jobs[0]", undefined],
    ["$.jobs.active.more", undefined],
    ["$.toString", undefined],
    ["$.jobs.in-work.more", undefined],
  ] as const) {
    it(`${text} leads to ${JSON.stringify(expected)}`, () => {
      const path = parseJsonPath(text);
      assert.ok(path !== undefined);
      assert.deepEqual(valueAt(path, root), expected);
    });
  }

  for (const text of [
    "",
    "jobs",
    "$jobs",
    "$.",
    "$..active",
    "$.*",
    "$[*]",
    "$[?@.a]",
    "$.a b",
    "$[a]",
    "$['a",
    "$.1a",
  ]) {
    it(`"${text}" is none`, () => assert.equal(parseJsonPath(text), undefined));
  }
});
