import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, startChild, withNames } from "./child.ts";
import { adapt, type Door, readKit, type Site, switchOn } from "./kit.ts";
import { login } from "./login.ts";
import { writeCertificate } from "./tls.ts";

/** The Caddy of these tests: Debian's, or the one CADDY_BIN names. */
export const caddyBin = process.env["CADDY_BIN"] ?? "caddy";

export interface CaddyOptions {
  /** Port of nodoff's hook. */
  readonly hookPort: number;
  readonly sites: readonly Site[];
  readonly failOpen?: boolean;
  /** Where its admin endpoint listens, as in a Caddyfile: `127.0.0.1:2019`, `unix//path`; left out: nowhere. */
  readonly admin?: string;
  /** Address of the resolver it asks for the apps' names. */
  readonly names?: string;
}

/** Caddy with the shipped kit: `nodoff.caddy` as it is, the example site once per app, by HTTP and by HTTPS. */
export async function startCaddy(options: CaddyOptions): Promise<Door & { readonly tlsPort: number }> {
  const directory = await mkdtemp(join(tmpdir(), "nodoff-caddy-"));
  const port = await freePort();
  const tlsPort = await freePort();
  const snippets = await readKit("caddy/nodoff.caddy");
  await writeFile(
    join(directory, "nodoff.caddy"),
    options.failOpen === true ? switchOn("fail-open", snippets) : snippets,
  );
  const { cert, key } = await writeCertificate(directory);
  const example = await readKit("caddy/Caddyfile");
  const at = example.indexOf("blog.example.com {");
  const sites = options.sites.flatMap((site) => [
    toSite(example.slice(at), site, { address: `http://${site.host}:${port}`, more: "" }),
    toSite(example.slice(at), site, { address: `https://${site.host}:${tlsPort}`, more: `\ttls ${cert} ${key}\n` }),
  ]);
  // Nothing but these ports, and nothing fetched: no certificates.
  const admin = "\tadmin {$CADDY_ADMIN:localhost:2019}\n";
  const head = adapt(example.slice(0, at), { [admin]: `${admin}\tauto_https off\n\tdefault_bind 127.0.0.1\n` });
  await writeFile(join(directory, "Caddyfile"), [head, ...sites].join("\n"));
  const { command, args } = await withNames(directory, options.names, [caddyBin, "run", "--config", "Caddyfile"]);
  const child = await startChild(command, args, {
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
    tlsPort,
    close: async () => {
      await child.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function toSite(
  text: string,
  site: Site,
  { address, more }: { readonly address: string; readonly more: string },
): string {
  // Its place among the directives does not matter: Caddy has an order of its own.
  const asked = site.login === true ? `\tbasicauth {\n\t\t${login.user} ${login.hash}\n\t}\n` : "";
  return adapt(text, {
    "blog.example.com {\n": `${address} {\n${more}${asked}`,
    "blog-web 2368": site.address.replace(":", " "),
  });
}
