import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { parse } from "yaml";
import { caddyBin } from "../support/e2e/caddy.ts";
import { freePort } from "../support/e2e/child.ts";
import { writeCertificate } from "../support/e2e/tls.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const execute = promisify(execFile);

/** A fenced block: its language, what stands beside that (`server`), its text. */
interface Block {
  readonly language: string;
  readonly place: string;
  readonly text: string;
}

async function blocksOf(kit: string, language: string): Promise<readonly Block[]> {
  const readme = await readFile(join(root, kit, "README.md"), "utf8");
  const fences = readme.matchAll(/^```(\w+)(?: (\w+))?\n(.*?)^```$/gms);
  const blocks = Array.from(fences, ([, name = "", place = "", text = ""]) => ({ language: name, place, text }));
  const found = blocks.filter((block) => block.language === language);
  assert.ok(found.length > 0, `${kit}/README.md has blocks of ${language}`);
  return found;
}

let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "nodoff-readmes-"));
  await chmod(directory, 0o755);
});
after(() => rm(directory, { recursive: true, force: true }));

// What people copy has to be taken by the proxy it is for.
describe("blocks of the kits' READMEs", () => {
  it("Caddy's are taken by Caddy", async () => {
    const place = join(directory, "caddy");
    await cp(join(root, "caddy"), place, { recursive: true });
    const labelled = (await blocksOf("caddy", "yaml")).flatMap(({ text }) => toSites(text));
    assert.ok(labelled.length > 0, "caddy-docker-proxy's labels were read");
    const texts = [...(await blocksOf("caddy", "caddyfile")).map(({ text }) => text), labelled.join("\n")];
    for (const text of texts) {
      const whole = text.includes("import nodoff.caddy") ? text : `import nodoff.caddy\n${text}`;
      await writeFile(join(place, "Caddyfile"), whole);
      const { stdout } = await execute(caddyBin, ["adapt", "--config", "Caddyfile"], { cwd: place });
      assert.match(stdout, /\/auth\/caddy/, "it asks nodoff");
    }
  });

  it("nginx's are taken by nginx -t", async () => {
    const place = join(directory, "nginx");
    await mkdir(place);
    await cp(join(root, "nginx"), join(place, "nodoff"), { recursive: true });
    const { cert, key } = await writeCertificate(place);
    await writeFile(join(place, "ssl.conf"), `ssl_certificate ${cert}; ssl_certificate_key ${key};`);
    for (const block of await blocksOf("nginx", "nginx")) {
      const text = block.text
        .replaceAll(/listen (?:80|443)/g, () => `listen 127.0.0.1:PORT`)
        .replaceAll("/config/nginx/", "")
        .replaceAll("/run/nginx-apps.sock", join(place, "apps.sock"));
      const ported = text.replaceAll("PORT", String(await freePort()));
      const site = block.place === "server" ? `server { listen 127.0.0.1:${await freePort()};\n${ported} }` : ported;
      const http = block.place === "http" ? site : `include nodoff/nodoff-http.conf;\n${site}`;
      await writeFile(join(place, "nginx.conf"), `pid nginx.pid; error_log stderr; events {} http {\n${http}\n}`);
      const { stderr } = await execute("nginx", ["-t", "-p", place, "-c", join(place, "nginx.conf")]);
      assert.match(stderr, /test is successful/);
      await rm(join(place, "apps.sock"), { force: true });
    }
  });

  it("HAProxy's are taken by haproxy -c", async () => {
    const example = await readFile(join(root, "haproxy/haproxy.cfg"), "utf8");
    const cfg = example.replace("/etc/haproxy/nodoff.lua", join(root, "haproxy/nodoff.lua"));
    const head = cfg.slice(0, cfg.indexOf("frontend web"));
    const backends = cfg.slice(cfg.indexOf("backend nodoff\n", cfg.indexOf("use_backend wiki")));
    for (const { text } of await blocksOf("haproxy", "haproxy")) {
      const file = join(directory, "haproxy.cfg");
      await writeFile(file, [head, text, backends].join("\n"));
      const { stdout, stderr } = await execute("haproxy", ["-c", "-f", file]);
      assert.match(stdout + stderr, /Configuration file is valid/);
    }
  });
});

/** Sites as caddy-docker-proxy makes them of a container's labels: `caddy_N` is the address, `caddy_N.x` a directive. */
function toSites(compose: string): readonly string[] {
  const { services = {} } = parse(compose) as {
    readonly services?: Readonly<Record<string, { readonly labels?: Readonly<Record<string, string>> }>>;
  };
  return Object.values(services).flatMap(({ labels = {} }) => {
    const addresses = Object.entries(labels).filter(([name]) => /^caddy(?:_\d+)?$/.test(name));
    return addresses.map(([name, address]) => {
      const inside = Object.entries(labels).filter(([label]) => label.startsWith(`${name}.`));
      const lines = inside.map(([label, value]) => `\t${label.slice(name.length + 1)} ${value}`);
      return [`${address} {`, ...lines, "}"].join("\n");
    });
  });
}
