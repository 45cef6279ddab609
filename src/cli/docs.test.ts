import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { pages } from "../../scripts/docs/pages.ts";

const root = new URL("../../", import.meta.url);

describe("what is made from code", async () => {
  for (const { path, text } of await pages())
    it(`${path} is as \`npm run docs\` makes it`, () =>
      assert.equal(readFileSync(new URL(path, root), "utf8"), text, "run: npm run docs"));

  it("docs/configuration.md has words for every key", () => {
    const text = readFileSync(new URL("docs/configuration.md", root), "utf8");
    const rows = Array.from(text.matchAll(/^\| `([^`]+)` \| .*? \| (.*?) \| (.*?) \| .*\|$/gm));
    assert.ok(rows.length > 200);
    const silent = rows.filter(
      ([, , fallback = "", what = ""]) => (fallback + what).replace(/Required/, "").trim() === "",
    );
    assert.deepEqual(
      silent.map(([, key]) => key),
      [],
      "describe it in src/config/schema*.ts",
    );
  });
});
