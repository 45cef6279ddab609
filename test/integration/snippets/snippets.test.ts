import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { caddyBin } from "../../support/e2e/caddy.ts";
import { freePort } from "../../support/e2e/child.ts";
import { switchOn } from "../../support/e2e/kit.ts";
import { noTraefik, openFailOpen, startTraefik } from "../../support/e2e/traefik.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const config = join(import.meta.dirname, "nodoff.yaml");
const execute = promisify(execFile);
const aliases = ["blog", "photos", "vault", "blog-api", "photos-api"];

/** What `nodoff snippet …` prints. */
async function snippet(...args: readonly string[]): Promise<string> {
  const { stdout } = await execute(process.execPath, [`${root}src/main.ts`, "snippet", ...args, "--config", config]);
  return stdout;
}

/** What a checker says, on either output; rejects when it refuses. */
async function check(command: string, args: readonly string[], cwd: string): Promise<string> {
  const { stdout, stderr } = await execute(command, args, {
    cwd,
    env: { ...process.env, NODOFF_ADDRESS: "127.0.0.1:8090" },
  });
  return stdout + stderr;
}

let directory: string;
before(async () => void (directory = await mkdtemp(join(tmpdir(), "nodoff-snippet-"))));
after(() => rm(directory, { recursive: true, force: true }));

/** The text kept beside this file: `UPDATE_GOLDEN=1` writes it anew. */
async function assertGolden(name: string, text: string): Promise<void> {
  const file = join(import.meta.dirname, name);
  if (process.env["UPDATE_GOLDEN"] !== undefined) await writeFile(file, text);
  assert.equal(text, await readFile(file, "utf8"));
}

// Every text is the proxy's own to judge: what it refuses, nobody could use.
describe("nodoff snippet", () => {
  it("nginx: taken by nginx -t, with the kit's files", async () => {
    for (const args of [[], ["--host"], ["--host", "--fail-open"]]) {
      const text = await snippet("nginx", "--nodoff", "127.0.0.1:8090", ...args);
      if (args.length === 0) await assertGolden("nginx.conf", text);
      const place = join(directory, `nginx-${args.join("")}`);
      await mkdir(place);
      await cp(join(root, "nginx"), join(place, "nodoff"), { recursive: true });
      if (args.includes("--fail-open")) {
        const file = join(place, "nodoff/nodoff-server.conf");
        await writeFile(file, switchOn("fail-open", await readFile(file, "utf8")));
      }
      await chmod(directory, 0o755);
      await writeFile(join(place, "site.conf"), text.replaceAll("listen 80;", `listen 127.0.0.1:${await freePort()};`));
      await writeFile(
        join(place, "nginx.conf"),
        "pid nginx.pid; error_log stderr; events {} http { include site.conf; }",
      );
      assert.match(
        await check("nginx", ["-t", "-p", place, "-c", join(place, "nginx.conf")], place),
        /test is successful/,
      );
    }
  });

  it("Caddy: taken by caddy validate, with nodoff.caddy", async () => {
    const text = await snippet("caddy");
    await assertGolden("Caddyfile", text);
    const place = join(directory, "caddy");
    await cp(join(root, "caddy"), place, { recursive: true });
    await writeFile(join(place, "Caddyfile"), text);
    const said = await check(caddyBin, ["validate", "--adapter", "caddyfile", "--config", "Caddyfile"], place);
    assert.match(said, /Valid configuration/);
    const kit = join(place, "nodoff.caddy");
    await writeFile(kit, switchOn("fail-open", await readFile(kit, "utf8")));
    assert.match(
      await check(caddyBin, ["validate", "--adapter", "caddyfile", "--config", "Caddyfile"], place),
      /Valid configuration/,
    );
  });

  it("HAProxy: taken by haproxy -c, with nodoff.lua", async () => {
    for (const args of [[], ["--host"], ["--host", "--fail-open"]]) {
      const text = await snippet("haproxy", "--nodoff", "127.0.0.1:8090", ...args);
      if (args.length === 0) await assertGolden("haproxy.cfg", text);
      const file = join(directory, "haproxy.cfg");
      await writeFile(file, text.replaceAll("/etc/haproxy/nodoff.lua", join(root, "haproxy/nodoff.lua")));
      assert.match(await check("haproxy", ["-c", "-f", file], directory), /Configuration file is valid/);
    }
  });

  it("Traefik: the text it was", async () => assertGolden("traefik.yml", await snippet("traefik")));

  for (const args of [[], ["--fail-open"]])
    it(`Traefik: every router is enabled ${args.join("")}`, { skip: noTraefik }, async (t) => {
      const place = await mkdtemp(join(tmpdir(), "nodoff-snippet-traefik-"));
      const failOpen = args.length === 0 ? undefined : await openFailOpen();
      await writeFile(join(place, "nodoff.yml"), await snippet("traefik", ...args));
      if (failOpen !== undefined) await writeFile(join(place, "fail-open.yml"), failOpen.file);
      const provider = [
        `--providers.file.directory=${place}`,
        "--providers.file.watch=false",
        ...(failOpen?.args ?? []),
      ];
      const traefik = await startTraefik(provider, { directory: place });
      t.after(() => traefik.close());
      for (const alias of [...aliases, "nodoff-pages"]) await traefik.routed(`${alias}@file`);
    });

  it("names the route whose address nobody said", async () => {
    const file = join(directory, "nodoff.yaml");
    const workload = "{ process: { command: [dev] }, host: dev.example.com, port: 3000 }";
    await writeFile(file, `providers: { here: { type: process } }\nworkloads: { dev: ${workload} }\n`);
    const asked = execute(process.execPath, [`${root}src/main.ts`, "snippet", "caddy", "--config", file]);
    await assert.rejects(asked, ({ code, stderr }: { code: number; stderr: string }) => {
      assert.equal(code, 1);
      assert.match(stderr, /route dev: nobody said where its app is/);
      return true;
    });
  });
});
