import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { NodoffError } from "../core/errors.ts";
import { readComposeFile } from "./compose-file.ts";
import { readLabels } from "./labels.ts";
import { migrateLabels } from "./migrate.ts";

const fixtures = new URL("../../test/fixtures/migrate/", import.meta.url);
const domains = ["example.com"];

/** A changed golden file is written anew with MIGRATE_GOLDEN=write, and then read by whoever changed it. */
function golden(name: string, got: unknown): unknown {
  const file = new URL(`${name}.json`, fixtures);
  if (process.env["MIGRATE_GOLDEN"] === "write") writeFileSync(file, `${JSON.stringify(got, null, 2)}\n`);
  return JSON.parse(readFileSync(file, "utf8"));
}

for (const name of ["sablier", "godoxy", "dag"]) {
  describe(`a compose file for ${name}`, () => {
    const services = readComposeFile(readFileSync(new URL(`${name}.yaml`, fixtures), "utf8"), {});
    const migrations = migrateLabels(services, { domains });

    it("comes to the labels and the report of its golden file", () => {
      assert.deepEqual(migrations, golden(name, migrations));
    });

    for (const { name: service, labels, replaced, errors } of migrations) {
      if (Object.keys(labels).length === 0 || errors.length > 0) continue;
      it(`makes of ${service} with its new labels what its old ones make when they are adopted`, () => {
        const found = services.find((each) => each.name === service);
        assert.ok(found !== undefined);
        const common = { containerName: found.containerName ?? service, provider: "p", defaults: {}, publicUrl: null };
        const adopted = readLabels({
          ...common,
          labels: found.labels,
          systems: ["godoxy", "dag", "sablier"],
          peers: services,
          domains,
        });
        const kept = Object.entries(found.labels).filter(([key]) => !replaced.includes(key));
        const moved = readLabels({ ...common, labels: { ...Object.fromEntries(kept), ...labels } });
        assert.ok(adopted.kind === "spec" && moved.kind === "spec", JSON.stringify([adopted, moved]));
        assert.deepEqual([moved.workload, moved.routes], [adopted.workload, adopted.routes]);
      });
    }
  });
}

describe("a compose file", () => {
  it("has labels as a map or a list, variables and dollars as compose reads them", () => {
    const text = `services:
  a: { labels: ["x=1=2", y, "z=\${UNSET:-d}$$e\${SET}$SET"] }
  b: { container_name: own, labels: { n: 5, t: true, e: } }
  c:`;
    assert.deepEqual(readComposeFile(text, { SET: "s" }), [
      { name: "a", labels: { x: "1=2", y: "", z: "d$ess" }, containerName: "a" },
      { name: "b", labels: { n: "5", t: "true", e: "" }, containerName: "own" },
      { name: "c", labels: {}, containerName: "c" },
    ]);
  });

  for (const [text, why] of [
    ["services: [", /is not valid YAML/],
    ["version: 3", /is no compose file: it has no "services"/],
    ["- a", /is no compose file/],
  ] as const)
    it(`that is none (${text}) is told`, () => {
      assert.throws(
        () => readComposeFile(text, {}),
        (error) => error instanceof NodoffError && error.code === "CONFIG_INVALID" && why.test(error.message),
      );
    });
});
