import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { formatConfigError, loadConfig } from "./load.ts";
import { configJsonSchema } from "./schema.ts";

const fixture = "test/fixtures/nodoff.everything.yaml";
const text = readFileSync(new URL(`../../${fixture}`, import.meta.url), "utf8");
const lines = text.split("\n");

describe("the contract's nodoff.yaml", () => {
  const env = { NODOFF_ADMIN_TOKEN: "t", PVE_SECRET: "s" };
  const readFile = (path: string): string => (path.endsWith(".yaml") ? text : "-----BEGIN CERTIFICATE-----");
  const result = loadConfig({ file: "nodoff.yaml", env, readFile });

  it("is right", () => assert.deepEqual((result.ok ? [] : result.errors).map(formatConfigError), []));

  it("has nothing else worth a look but a group whose members only labels could declare", () => {
    assert.deepEqual(
      (result.ok ? result.config : result).warnings.map(({ key }) => key),
      ["workloads.pair.group.0", "workloads.pair.group.1"],
    );
  });
});

describe("nodoff.schema.json", () => {
  const schema = configJsonSchema();

  it("asks for nothing at the top, and knows no other keys than the contract's", () => {
    assert.equal(schema["required"], undefined);
    assert.equal(schema["additionalProperties"], false);
    assert.deepEqual(schema["patternProperties"], { "^x-": true });
    const top = lines.flatMap((line) => /^([a-z_]+):/.exec(line)?.[1] ?? []);
    assert.deepEqual(Object.keys(schema["properties"] as object).sort(), top.sort());
  });
});
