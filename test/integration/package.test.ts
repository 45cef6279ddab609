import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Child, startChild } from "../support/e2e/child.ts";
import { ask, navigation } from "../support/e2e/client.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const run = promisify(execFile);

interface Packed {
  readonly path: string;
  readonly mode: number;
}

/** What is shipped, in a folder of its own: what it does not bring along it has not got. */
void describe("the package", () => {
  let folder = "";
  let dist = "";

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "nodoff-bundle-"));
    dist = join(folder, "dist");
    await run(process.execPath, [join(root, "scripts", "package.ts"), folder]);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const serve = async (name: string, config: string): Promise<Child> => {
    const file = join(folder, name);
    await writeFile(file, config);
    const env = { TMPDIR: folder, NODE_ENV: "production" };
    return startChild(process.execPath, [join(dist, "main.cjs"), "serve", "--config", file], { cwd: folder, env });
  };
  const settings = `
listen: { hook: "127.0.0.1:0" }
state_dir: state
log: { format: json }
`;

  void it("can be run as a command, names its licence and brings those of others", async () => {
    const main = await readFile(join(dist, "main.cjs"), "utf8");
    assert.match(main, /^#!\/usr\/bin\/env node\n\/\*! nodoff: GPL-3\.0-or-later/);
    const licences = await readFile(join(dist, "LICENSES.txt"), "utf8");
    for (const name of ["express 5", "lit-html 3"]) assert.ok(licences.includes(`\n${name}`), name);
    const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
    const { stdout } = await run(process.execPath, [join(dist, "main.cjs"), "--version"], { cwd: folder });
    assert.equal(stdout.trim(), version);
  });

  void it("packs into what npm installs: a command, its files, no dependency", async (t) => {
    const { stdout } = await run("npm", ["pack", "--dry-run", "--json"], { cwd: folder });
    const [packed] = JSON.parse(stdout) as readonly [{ unpackedSize: number; size: number; files: readonly Packed[] }];
    const tops = [...new Set(packed.files.map(({ path }) => path.split("/")[0] ?? ""))].toSorted();
    const { files } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { files: readonly string[] };
    assert.deepEqual(tops, ["LICENSE", "README.md", "package.json", ...files].toSorted());
    assert.equal(packed.files.find(({ path }) => path === "dist/main.cjs")?.mode, 0o755);
    for (const { path } of packed.files) assert.doesNotMatch(path, /\.test\.|\.map$|node_modules|\.env|\.key$|\.pem$/);
    const manifest = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as Readonly<
      Record<string, unknown>
    >;
    assert.deepEqual(
      [manifest["bin"], manifest["dependencies"], manifest["scripts"]],
      [{ nodoff: "dist/main.cjs" }, undefined, undefined],
    );
    assert.ok(packed.size < 4e6, `${packed.size} bytes`);
    const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
    t.diagnostic(`npm package: ${packed.files.length} files, ${mb(packed.size)}, ${mb(packed.unpackedSize)} unpacked`);
  });

  void it("brings the icons of brands", async () => {
    const file = join(folder, "icons.yaml");
    const named = (alias: string, icon: string) =>
      `  ${alias}: { process: { command: [x] }, port: 1, host: ${alias}.test, loading: { icon: ${icon} } }\n`;
    await writeFile(
      file,
      `providers: { here: { type: process } }\nworkloads:\n${named("a", "jellyfin")}${named("b", "nosuch")}`,
    );
    const checked = run(process.execPath, [join(dist, "main.cjs"), "check", "--config", file], { cwd: folder });
    const { stderr } = await checked.then(
      () => assert.fail("the second icon is none"),
      (error: unknown) => error as { readonly stderr: string },
    );
    const lines = stderr.split("\n").filter((line) => line.includes("loading.icon"));
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? "", /icons\.yaml:\d+:\d+ workloads\.b\.loading\.icon: "nosuch" is neither/);
    assert.match(await readFile(join(dist, "LICENSES.txt"), "utf8"), /^simple-icons \d/m);
  });

  void it("answers /healthz, and reads the Docker library only where a Docker provider is configured", async (t) => {
    const chunk = (await readdir(dist)).find((name) => /^docker-.*\.cjs$/.test(name));
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
    const demo = await startChild(process.execPath, [join(dist, "main.cjs"), "demo"], { cwd: folder, env });
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

void describe("the systemd unit", () => {
  void it("is one that systemd takes", async () => {
    // Words about anything else it finds on this machine go to the same place: ours name the file.
    const { stderr } = await run("systemd-analyze", ["verify", "--man=no", join(root, "deploy", "nodoff.service")]);
    assert.doesNotMatch(stderr, /nodoff\.service/);
  });
});
