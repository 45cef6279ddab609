import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { NodoffError, statusByCode, toFailure } from "./errors.ts";

interface Section {
  readonly code: string;
  readonly body: string;
}

async function readSections(): Promise<readonly Section[]> {
  const page = await readFile(new URL("../../docs/errors.md", import.meta.url), "utf8");
  return page
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const [code = "", ...lines] = section.split("\n");
      return { code, body: lines.join("\n") };
    });
}

describe("docs/errors.md", () => {
  test("has one section per code, in the order of the table", async () => {
    const codes = (await readSections()).map(({ code }) => code);
    assert.deepEqual(codes, Object.keys(statusByCode));
  });

  for (const [code, status] of Object.entries(statusByCode)) {
    test(`${code}: status ${status}, what it means, what to do`, async () => {
      const body = (await readSections()).find((section) => section.code === code)?.body ?? "";
      assert.match(body, new RegExp(String.raw`^\nStatus ${status}\. \S[^\n]{20,}\n`));
      assert.match(body, /^\*\*Mend:\*\* \S.{20,}/m);
    });
  }
});

test("every code is upper snake case with an HTTP error status", () => {
  for (const [code, status] of Object.entries(statusByCode)) {
    assert.match(code, /^[A-Z]+(?:_[A-Z]+)*$/);
    assert.ok(status >= 400 && status <= 599, code);
  }
});

describe("toFailure", () => {
  test("keeps code and message of our own errors", () => {
    const error = new NodoffError("PORT_CONFLICT", "port 80 is taken", { cause: new Error("bind") });
    assert.deepEqual(toFailure(error, "ENGINE_ERROR"), { code: "PORT_CONFLICT", message: "port 80 is taken" });
  });

  test("gives everything else the fallback code", () => {
    assert.deepEqual(toFailure(new TypeError("boom"), "ENGINE_ERROR"), { code: "ENGINE_ERROR", message: "boom" });
    assert.deepEqual(toFailure("plain text"), { code: "INTERNAL", message: "plain text" });
    assert.deepEqual(toFailure(undefined), { code: "INTERNAL", message: "undefined" });
  });
});

test("NodoffError keeps its cause and is told by its name", () => {
  const cause = new Error("bind");
  const error = new NodoffError("PORT_CONFLICT", "port 80 is taken", { cause });
  assert.equal(error.cause, cause);
  assert.equal(`${error}`, "NodoffError: port 80 is taken");
});
