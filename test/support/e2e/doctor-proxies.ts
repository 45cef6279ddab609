import { chmod, cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Child, freePort, startChild, until } from "./child.ts";
import type { AtEnd } from "./ends.ts";
import { adapt, readKit } from "./kit.ts";
import { startTraefik } from "./traefik.ts";

/** Where the parts of these configurations find each other. */
export interface Places {
  /** Hook of a nodoff that trusts the proxy. */
  readonly hook: string;
  /** Hook of one that does not. */
  readonly strict: string;
  /** The app, and an address nobody listens at. */
  readonly app: string;
  readonly nobody: string;
}

async function openFolder(atEnd: AtEnd): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "nodoff-doctor-"));
  atEnd(() => rm(folder, { recursive: true, force: true }));
  // The workers of a master that runs as root do not.
  await chmod(folder, 0o755);
  return folder;
}

function started(child: Child, atEnd: AtEnd): Child {
  atEnd(() => child.close());
  return child;
}

/** nginx with the shipped kit beside `http`, which stands in its http block; PORT in it is where it listens. */
export async function openNginx(http: string, places: Places, atEnd: AtEnd): Promise<number> {
  const folder = await openFolder(atEnd);
  const port = await freePort();
  await cp(fileURLToPath(new URL("../../../nginx", import.meta.url)), join(folder, "nodoff"), { recursive: true });
  const own = adapt(await readKit("nginx/nodoff-http.conf"), { "127.0.0.1:8090": places.hook });
  await writeFile(join(folder, "nodoff/nodoff-http.conf"), own);
  await writeFile(
    join(folder, "nginx.conf"),
    `daemon off; pid nginx.pid; error_log stderr notice; worker_processes 1;
events { worker_connections 256; }
http {
access_log off;
client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
include nodoff/nodoff-http.conf;
${http.replaceAll("PORT", String(port)).replaceAll("FOLDER", folder)}
}
`,
  );
  const child = started(await startChild("nginx", ["-p", folder, "-c", join(folder, "nginx.conf")]), atEnd);
  await child.line((line) => line.includes("start worker process "), "nginx worker");
  return port;
}

/** Caddy with the shipped kit beside `sites`; PORT in it is where it listens. */
export async function openCaddy(sites: string, places: Places, atEnd: AtEnd): Promise<number> {
  const folder = await openFolder(atEnd);
  const port = await freePort();
  await writeFile(join(folder, "nodoff.caddy"), await readKit("caddy/nodoff.caddy"));
  const text = `{\n\tadmin off\n\tauto_https off\n\tdefault_bind 127.0.0.1\n}\nimport nodoff.caddy\n${sites}`;
  await writeFile(join(folder, "Caddyfile"), text.replaceAll("PORT", String(port)));
  const env = { NODOFF_ADDRESS: places.hook, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
  const child = started(await startChild("caddy", ["run", "--config", "Caddyfile"], { cwd: folder, env }), atEnd);
  await child.line((line) => line.includes("serving initial configuration"), "serving Caddy");
  return port;
}

/** HAProxy with the shipped kit's Lua, which asks at `hook`; `frontend` and `backends` beside it. */
export async function openHaproxy(
  { hook, frontend, backends }: { readonly hook: string; readonly frontend: string; readonly backends: string },
  atEnd: AtEnd,
): Promise<number> {
  const folder = await openFolder(atEnd);
  const port = await freePort();
  await writeFile(join(folder, "nodoff.lua"), await readKit("haproxy/nodoff.lua"));
  // In compose a name stands here that only the backend's own resolver knows.
  const text = `global
    presetenv NODOFF_ADDRESS nodoff.invalid:8090
    lua-load ${join(folder, "nodoff.lua")}
defaults
    mode http
    timeout connect 2s
    timeout client 1m
    timeout server 1m
    retries 0
frontend web
    bind 127.0.0.1:${port}
${frontend}
backend nodoff
    server nodoff ${hook}
${backends}
`;
  await writeFile(join(folder, "haproxy.cfg"), text);
  const child = started(await startChild("haproxy", ["-W", "-f", join(folder, "haproxy.cfg")]), atEnd);
  await child.line((line) => /Loading success/.test(line), "HAProxy worker");
  return port;
}

/** Traefik with this configuration for its file provider; resolves once the router `last` is there. */
export async function openTraefik(
  dynamic: object,
  { last, args = [] }: { readonly last: string; readonly args?: readonly string[] },
  atEnd: AtEnd,
): Promise<number> {
  const folder = await openFolder(atEnd);
  // JSON is YAML.
  await writeFile(join(folder, "dynamic.yml"), JSON.stringify(dynamic));
  const provider = [
    `--providers.file.filename=${join(folder, "dynamic.yml")}`,
    "--providers.file.watch=false",
    ...args,
  ];
  const traefik = await startTraefik(provider);
  atEnd(() => traefik.close());
  await traefik.routed(`${last}@file`);
  return traefik.port;
}

/** Resolves once something answers there. */
export async function answering(url: string): Promise<void> {
  await until(url, async () => ((await fetch(url).catch(() => undefined)) === undefined ? undefined : true));
}
