import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Child, startChild } from "../support/e2e/child.ts";
import { ask, navigation } from "../support/e2e/client.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const run = promisify(execFile);

/** The bundle alone in a folder of its own: what it does not bring along it has not got. */
void describe("the bundle", () => {
  let folder = "";
  let dist = "";

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "nodoff-bundle-"));
    dist = join(folder, "dist");
    const rolldown = join(root, "node_modules", "rolldown", "bin", "cli.mjs");
    await run(process.execPath, [rolldown, "-c", "rolldown.config.ts", "--dir", dist], { cwd: root });
    for (const name of ["templates", "nodoff.schema.json", "package.json"]) {
      await symlink(join(root, name), join(folder, name));
    }
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const serve = async (name: string, config: string): Promise<Child> => {
    const file = join(folder, name);
    await writeFile(file, config);
    const env = { TMPDIR: folder, NODE_ENV: "production" };
    return startChild(process.execPath, [join(dist, "main.js"), "serve", "--config", file], { cwd: folder, env });
  };
  const settings = `
listen: { hook: "127.0.0.1:0" }
state_dir: state
log: { format: json }
`;

  void it("can be run as a command, names its licence and brings those of others", async () => {
    const main = await readFile(join(dist, "main.js"), "utf8");
    assert.match(main, /^#!\/usr\/bin\/env node\n\/\*! nodoff: GPL-3\.0-or-later/);
    assert.match(await readFile(join(dist, "LICENSES.txt"), "utf8"), /^express 5/m);
    const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
    const { stdout } = await run(process.execPath, [join(dist, "main.js"), "--version"], { cwd: folder });
    assert.equal(stdout.trim(), version);
  });

  void it("answers /healthz, and reads the Docker library only where a Docker provider is configured", async (t) => {
    const chunk = (await readdir(dist)).find((name) => /^docker-.*\.js$/.test(name));
    assert.ok(chunk, "the Docker provider has a chunk of its own");
    const source = await readFile(join(dist, chunk), "utf8");
    t.after(() => writeFile(join(dist, chunk), source));
    await writeFile(join(dist, chunk), `throw new Error("the docker chunk was read");\n`);

    const without = await serve("without.yaml", `${settings}providers: { here: { type: process } }\n`);
    t.after(() => without.close());
    const line = await without.line((text) => text.includes('"listening"'), "address");
    const address = /"hook":"(127\.0\.0\.1:\d+)"/.exec(line)?.[1];
    const health = await fetch(`http://${address}/healthz`);
    assert.equal(health.status, 200);
    await without.close();
    assert.equal(await without.ended, 0);

    const docker = `providers: { local: { type: docker, url: "unix://${join(folder, "none.sock")}" } }\n`;
    const withDocker = await serve("with.yaml", `${settings}${docker}`);
    t.after(() => withDocker.close());
    assert.equal(await withDocker.ended, 1);
    assert.ok(withDocker.lines.some((text) => text.includes("the docker chunk was read")));
  });

  void it("starts with a Docker provider", async (t) => {
    const docker = `providers: { local: { type: docker, url: "unix://${join(folder, "none.sock")}" } }\n`;
    const nodoff = await serve("docker.yaml", `${settings}${docker}`);
    t.after(() => nodoff.close());
    await nodoff.line((text) => text.includes('"listening"'), "address");
    await nodoff.line((text) => text.includes("engine not reachable"), "word about the engine");
  });

  void it("starts with a Proxmox VE provider", async (t) => {
    const access = `token_id: "nodoff@pve!wake", token_secret: s`;
    const pve = `providers: { pve: { type: proxmox, url: "https://127.0.0.1:9", ${access} } }\n`;
    const nodoff = await serve("proxmox.yaml", `${settings}${pve}`);
    t.after(() => nodoff.close());
    await nodoff.line((text) => text.includes('"listening"'), "address");
    await nodoff.line((text) => text.includes("engine not reachable"), "word about the engine");
  });

  void it("runs the demo: asleep, woken by a request, awake", async (t) => {
    const env = { TMPDIR: folder, PORT: "0" };
    const demo = await startChild(process.execPath, [join(dist, "main.js"), "demo"], { cwd: folder, env });
    t.after(() => demo.close());
    const told = await demo.line((text) => text.includes("open http://"), "address");
    const port = Number(/http:\/\/127\.0\.0\.1:(\d+)\//.exec(told)?.[1]);
    const page = await ask(port, { host: "127.0.0.1", path: "/", headers: navigation });
    assert.equal(page.status, 503);
    assert.match(page.text, /<title>/);
    const held = await ask(port, { host: "127.0.0.1", path: "/" });
    assert.equal(held.status, 200);
    assert.match(held.text, /Awake\./);
    await demo.close();
    assert.equal(await demo.ended, 0);
  });
});
