import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { runLine } from "../../test/support/cli.ts";

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../test/fixtures/migrate/${name}.yaml`, import.meta.url));

function fileOf(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "nodoff-migrate-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "file.yaml");
  writeFileSync(file, text);
  return file;
}

describe("nodoff migrate", () => {
  it("prints labels to keep in a file, and beside them what has no counterpart", async () => {
    const { code, out, err } = await runLine(["migrate", fixture("dag")]);
    assert.equal(code, 0);
    const { services } = parse(out.join("\n")) as { services: Record<string, { labels: Record<string, string> }> };
    assert.deepEqual(Object.keys(services), ["grafana", "office"]);
    assert.equal(services["grafana"]?.labels["nodoff.idle_timeout"], "15m");
    assert.ok(err.includes("grafana: docker-gateway"));
    assert.ok(err.some((line) => line.startsWith("  no counterpart: dag.network: ")));
    assert.ok(err.includes("loki: docker-gateway, left alone"));
    assert.ok(err.some((line) => line.startsWith("  take out: dag.enabled, dag.host")));
  });

  it("tells what is wrong, leaves it out and ends with 3; --json has it all", async () => {
    const text = await runLine(["migrate", fixture("godoxy"), "--domains", "example.com,example.net"]);
    assert.equal(text.code, 3);
    assert.ok(text.err.includes("broken: GoDoxy, wrong"));
    assert.ok(text.err.includes('  error proxy.idle_timeout: "often" is not a duration such as 1h30m'));
    assert.ok(!text.out.join("\n").includes("broken"));
    assert.match(text.out.join("\n"), /seed\.example\.com,seed\.example\.net/);
    const json = await runLine(["migrate", fixture("godoxy"), "--json"]);
    assert.equal(json.code, 3);
    const { containers } = JSON.parse(json.out.join("\n")) as { containers: { name: string; system: string }[] };
    assert.deepEqual(containers.map(({ name, system }) => `${name} ${system}`)[0], "app godoxy");
  });

  it("says that there is nothing to do", async (t) => {
    const { code, out, err } = await runLine(["migrate", fileOf(t, "services: { a: { image: b } }")]);
    assert.deepEqual([code, out, err], [0, [], ["no labels of Sablier, GoDoxy or docker-gateway"]]);
    const json = await runLine(["migrate", fileOf(t, "services: {}"), "--json"]);
    assert.deepEqual(JSON.parse(json.out.join("")), { containers: [] });
  });

  it("names the file that cannot be read, or is none", async (t) => {
    const absent = await runLine(["migrate", "/no/such/compose.yaml"]);
    assert.equal(absent.code, 3);
    assert.match(absent.err[0] ?? "", /^\/no\/such\/compose\.yaml cannot be read: /);
    const file = fileOf(t, "version: 3");
    assert.deepEqual((await runLine(["migrate", file])).err, [`${file} is no compose file: it has no "services"`]);
  });

  it("ends with 4 where the engine does not answer, and with 3 for a wrong nodoff.yaml", async (t) => {
    const config = fileOf(t, "providers: { local: { type: docker, url: 'unix:///no/such/docker.sock' } }");
    const away = await runLine(["migrate", "--config", config]);
    assert.equal(away.code, 4, away.err.join());
    assert.equal((await runLine(["migrate", "--config", fileOf(t, "providers: 5")])).code, 3);
    assert.equal((await runLine(["migrate", "a", "b"])).code, 2);
  });
});
