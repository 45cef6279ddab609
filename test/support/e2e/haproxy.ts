import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, startChild } from "./child.ts";
import { adapt, type Door, readKit, type Site, switchOn } from "./kit.ts";
import { login } from "./login.ts";
import { writeCertificate } from "./tls.ts";

export interface HaproxyOptions {
  /** Port of nodoff's hook. */
  readonly hookPort: number;
  readonly sites: readonly Site[];
  /** compose: the example's blog, by name; host: its wiki, the address comes from nodoff. */
  readonly variant: "compose" | "host";
  readonly failOpen?: boolean;
  /** Address of the resolver it asks for the apps' names. */
  readonly names: string;
}

/** HAProxy with the shipped kit: nodoff.lua as it is, the example's lines for an app once per site. */
export async function startHaproxy(options: HaproxyOptions): Promise<Door & { readonly tlsPort: number }> {
  const directory = await mkdtemp(join(tmpdir(), "nodoff-haproxy-"));
  const port = await freePort();
  const tlsPort = await freePort();
  const { both } = await writeCertificate(directory);
  const lua = join(directory, "nodoff.lua");
  await writeFile(lua, await readKit("haproxy/nodoff.lua"));
  const kit = await readKit("haproxy/haproxy.cfg");
  const text = adapt(options.failOpen === true ? switchOn("fail-open", kit) : kit, {
    "/etc/haproxy/nodoff.lua": lua,
    "127.0.0.1:8090": `127.0.0.1:${options.hookPort}`,
    "127.0.0.11:53": `${options.names}:53`,
    "bind :80": `bind 127.0.0.1:${port}\n    bind 127.0.0.1:${tlsPort} ssl crt ${both} alpn h2,http/1.1`,
  });
  const file = join(directory, "haproxy.cfg");
  await writeFile(file, toConfig(text, options));
  const child = await startChild("haproxy", ["-W", "-f", file]);
  await child.line((line) => /Loading success/.test(line), "HAProxy worker");
  return {
    port,
    tlsPort,
    close: async () => {
      await child.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Every line and backend of the example's app, once per site; those of the other app go. */
function toConfig(text: string, { variant, sites }: HaproxyOptions): string {
  const [mine, other] = variant === "compose" ? ["blog", "wiki"] : ["wiki", "blog"];
  const head = text.slice(0, text.indexOf("# In compose:"));
  const frontend = head.split("\n").flatMap((line) => {
    if (line.includes(`is_${other}`)) return [];
    return line.includes(`is_${mine}`) ? sites.map((site) => toSite(line, mine, site)) : [line];
  });
  const first = frontend.findIndex((line) => line.includes("lua.nodoff"));
  const logins = sites
    .filter((site) => site.login === true)
    .map(({ alias }) => `    http-request auth if is_${alias} !{ http_auth(apps) }`);
  const users = `userlist apps\n    user ${login.user} insecure-password ${login.password}\n`;
  const backend = text.slice(text.indexOf(`\nbackend ${mine}\n`) + 1).split(/\n\n/)[0] ?? "";
  const backends = sites.map((site) => toSite(backend, mine, site));
  return [...frontend.slice(0, first), ...logins, ...frontend.slice(first), users, ...backends, ""].join("\n");
}

function toSite(text: string, name: string, site: Site): string {
  const [host = "", port = ""] = site.address.split(":");
  return text
    .replaceAll(`${name}.example.com`, site.host)
    .replaceAll(`${name}-web`, host)
    .replaceAll("0.0.0.0:2368", `0.0.0.0:${port}`)
    .replaceAll(new RegExp(`\\b(is_|backend |server |lua\\.nodoff_route )?${name}\\b`, "g"), `$1${site.alias}`);
}
