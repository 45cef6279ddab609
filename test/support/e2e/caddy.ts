import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, startChild } from "./child.ts";
import { adapt, type Door, failOpen, readKit, type Site } from "./kit.ts";

export interface CaddyOptions {
  /** Port of nodoff's hook. */
  readonly hookPort: number;
  readonly sites: readonly Site[];
  readonly failOpen?: boolean;
  /** Where its admin endpoint listens, as in a Caddyfile: `127.0.0.1:2019`, `unix//path`; left out: nowhere. */
  readonly admin?: string;
}

/** Caddy with the shipped kit: `nodoff.caddy` as it is, the example site once per app. */
export async function startCaddy(options: CaddyOptions): Promise<Door> {
  const directory = await mkdtemp(join(tmpdir(), "nodoff-caddy-"));
  const port = await freePort();
  const snippets = await readKit("caddy/nodoff.caddy");
  await writeFile(join(directory, "nodoff.caddy"), options.failOpen === true ? failOpen(snippets) : snippets);
  const example = await readKit("caddy/Caddyfile");
  const at = example.indexOf("blog.example.com {");
  const sites = options.sites.map((site) =>
    adapt(example.slice(at), {
      "blog.example.com {": `http://${site.host}:${port} {`,
      "blog-web:2368": site.address,
    }),
  );
  // Nothing but these ports, and nothing fetched: no certificates.
  const admin = "\tadmin {$CADDY_ADMIN:localhost:2019}\n";
  const head = adapt(example.slice(0, at), { [admin]: `${admin}\tauto_https off\n\tdefault_bind 127.0.0.1\n` });
  await writeFile(join(directory, "Caddyfile"), [head, ...sites].join("\n"));
  const child = await startChild("caddy", ["run", "--config", "Caddyfile"], {
    cwd: directory,
    env: {
      CADDY_ADMIN: options.admin ?? "off",
      NODOFF_ADDRESS: `127.0.0.1:${options.hookPort}`,
      NODOFF_ALLOW_ADDRESS: `127.0.0.1:${await freePort()}`,
      XDG_DATA_HOME: directory,
      XDG_CONFIG_HOME: directory,
    },
  });
  await child.line((line) => line.includes("serving initial configuration"), "serving Caddy");
  return {
    port,
    close: async () => {
      await child.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
