import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { configOf } from "../../test/support/config-text.ts";
import { readLabels } from "./labels.ts";
import type { Config } from "./types.ts";

function labelled({ defaults }: Config, containerName: string, labels: Record<string, string>) {
  const all = { "nodoff.enable": "true", "nodoff.host": `${containerName}.x`, ...labels };
  const reading = readLabels({ labels: all, containerName, provider: "local", defaults, publicUrl: null });
  assert.ok(reading.kind === "spec");
  return reading;
}

describe("equal parts of workloads", () => {
  it("are one object, of the file and of labels", () => {
    const config = configOf(
      "workloads:\n  a: { container: a, host: a.x }\n  b: { container: b, host: b.x, activity: { cpu: {} } }\n  c: { container: c, activity: { cpu: false } }\n",
    );
    const [a, b, c] = config.workloads;
    assert.equal(a?.activity, b?.activity);
    assert.notEqual(a?.activity, c?.activity);
    assert.equal(a?.ready, c?.ready);
    assert.equal(config.routes[0]?.door, config.routes[1]?.door);
    const one = labelled(config, "one", { "nodoff.activity.cpu": "false" });
    const two = labelled(config, "two", { "nodoff.activity.cpu": "false", "nodoff.hold": "1s" });
    assert.equal(one.workload.activity, c?.activity);
    assert.equal(two.workload.activity, c?.activity);
    assert.equal(one.routes[0]?.door, config.routes[0]?.door);
    assert.notEqual(two.routes[0]?.door, one.routes[0]?.door);
  });

  it("stay equal values where there are too many different ones to keep", () => {
    const config = configOf("");
    for (let index = 0; index < 1500; index++)
      assert.equal(labelled(config, "w", { "nodoff.loading.title": `t${index}` }).workload.loading.title, `t${index}`);
  });
});
