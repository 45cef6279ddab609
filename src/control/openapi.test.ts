import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { read, startControl } from "../../test/support/control.ts";
import { statusByCode } from "../core/errors.ts";
import { titleByCode } from "../core/problem.ts";
import { operations } from "./operations.ts";
import { OpenApi } from "./schema.ts";

describe("openapi.json", () => {
  it("is OpenAPI 3.1 by the word of a validator that finds mistakes", async (t) => {
    const { ask } = await startControl(t);
    const document = read(OpenApi, await ask("/api/v1/openapi.json"));
    const validator = new Validator();
    const result = await validator.validate(structuredClone(document));
    assert.deepEqual([result.valid, result.errors ?? null], [true, null]);
    assert.equal(validator.version, "3.1");
    const broken = await new Validator().validate({ ...document, paths: { "no-slash": { get: 1 } } });
    assert.equal(broken.valid, false);
  });

  it("names each operation once, with every alias of its path, below the base path", async (t) => {
    const { ask } = await startControl(t, { basePath: "/nodoff" });
    const { paths, servers } = read(OpenApi, await ask("/api/v1/openapi.json")) as unknown as Document;
    assert.deepEqual(servers, [{ url: "/nodoff" }]);
    const all = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
    );
    assert.equal(all.length, Object.keys(operations).length);
    assert.equal(new Set(all.map(({ operation }) => operation.operationId)).size, all.length);
    for (const { path, method, operation } of all) {
      assert.equal(operation.requestBody !== undefined, method === "post");
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const named = (operation.parameters ?? []).filter(({ in: place }) => place === "path");
      assert.deepEqual(
        named.map(({ name }) => name),
        inPath,
      );
      for (const [status, { description }] of Object.entries(operation.responses)) {
        if (Number(status) < 400) continue;
        for (const code of description.split(", ")) {
          assert.ok(code in titleByCode, code);
          assert.equal(statusByCode[code as keyof typeof statusByCode], Number(status));
        }
      }
    }
  });
});

interface Document {
  readonly servers: unknown;
  readonly paths: Readonly<
    Record<
      string,
      Readonly<
        Record<
          string,
          {
            readonly operationId: string;
            readonly requestBody?: unknown;
            readonly parameters?: readonly { readonly name: string; readonly in: string }[];
            readonly responses: Readonly<Record<string, { readonly description: string }>>;
          }
        >
      >
    >
  >;
}
