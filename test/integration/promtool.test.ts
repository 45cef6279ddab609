import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { busySources } from "../../scripts/docs/busy-sources.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

function promtool(args: readonly string[], input = ""): { readonly status: number | null; readonly text: string } {
  const { status, stdout, stderr } = spawnSync("promtool", args, { input, encoding: "utf8", cwd: root });
  return { status, text: `${stdout}${stderr}` };
}

const skip = promtool(["--version"]).status === 0 ? false : "promtool is not installed (Debian's package prometheus)";

describe("promtool", { skip }, () => {
  it("reads /metrics, and finds nothing to say against nodoff's own names", async () => {
    const text = await createMetrics(busySources(20)).text();
    const { text: said } = promtool(["check", "metrics"], text);
    assert.deepEqual(
      said.split("\n").filter((line) => line.includes("nodoff_") || line.includes("error while")),
      [],
      said,
    );
  });

  it("would find an exposition that is none", () => {
    const { status, text } = promtool(["check", "metrics"], 'nodoff_waiters{route="a} 1\n');
    assert.notEqual(status, 0);
    assert.match(text, /error while/);
  });

  it("takes the alert rules, which fire when they should and only then", () => {
    const checked = promtool(["check", "rules", "monitoring/alerts.yml"]);
    assert.equal(checked.status, 0, checked.text);
    const tested = promtool(["test", "rules", "monitoring/alerts.test.yml"]);
    assert.equal(tested.status, 0, tested.text);
  });

  it("takes every query of the dashboard", (t) => {
    const dashboard = JSON.parse(readFileSync(`${root}monitoring/grafana-dashboard.json`, "utf8")) as {
      readonly panels: readonly { readonly targets: readonly { readonly expr: string }[] }[];
    };
    const queries = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
    const rules = queries.map((expr, place) => ({
      record: `panel:${place}`,
      expr: expr.replaceAll("$__rate_interval", "5m"),
    }));
    // JSON is YAML.
    const folder = mkdtempSync(join(tmpdir(), "nodoff-promtool-"));
    t.after(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, "panels.yml"), JSON.stringify({ groups: [{ name: "panels", rules }] }));
    const { status, text } = promtool(["check", "rules", join(folder, "panels.yml")]);
    assert.equal(status, 0, text);
    assert.match(text, new RegExp(`${queries.length} rules found`));
  });
});
