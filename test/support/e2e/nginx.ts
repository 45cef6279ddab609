import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, startChild } from "./child.ts";
import { adapt, type Door, readKit, type Site, switchOn } from "./kit.ts";
import { login } from "./login.ts";
import { writeCertificate } from "./tls.ts";

export interface NginxOptions {
  /** Port of nodoff's hook. */
  readonly hookPort: number;
  /** compose: `site-compose.conf`; host: `site-host.conf`, the address comes from nodoff; guard: its second server. */
  readonly variant: "compose" | "host" | "guard";
  readonly sites: readonly Site[];
  readonly failOpen?: boolean;
  /** With the answers of the hook cached. */
  readonly cached?: boolean;
  /** Address of the resolver it asks for the apps' names. */
  readonly names?: string;
}

const parts = ["http", "server", "ask", "guard", "proxy", "compose", "host"].map((name) => `nodoff-${name}.conf`);

/** nginx with the shipped kit: the kit's directory as users copy it, its example site once per app. */
export async function startNginx(options: NginxOptions): Promise<Door & { readonly tlsPort: number }> {
  const directory = await mkdtemp(join(tmpdir(), "nodoff-nginx-"));
  const port = await freePort();
  const tlsPort = await freePort();
  // The workers of a master that runs as root do not.
  await chmod(directory, 0o755);
  await mkdir(join(directory, "nodoff"));
  for (const part of parts) await writeFile(join(directory, "nodoff", part), await toPart(part, directory, options));
  const { cert, key } = await writeCertificate(directory);
  await writeFile(join(directory, "users"), `${login.user}:{PLAIN}${login.password}\n`);
  // As TLS is set up in any nginx of that age; newer ones say `http2 on;`.
  const tls = `listen 127.0.0.1:${tlsPort} ssl http2; ssl_certificate ${cert}; ssl_certificate_key ${key};`;
  const listen = `listen 127.0.0.1:${port}; ${tls}`;
  const servers = await Promise.all(options.sites.map((site) => toServer(options.variant, site, listen)));
  await writeFile(
    join(directory, "nginx.conf"),
    `daemon off; pid nginx.pid; error_log stderr notice; worker_processes 1;
events { worker_connections 2048; }
http {
access_log off; client_max_body_size 64m; server_names_hash_bucket_size 128;
client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
include nodoff/nodoff-http.conf;
${servers.join("\n")}
}
`,
  );
  const child = await startChild("nginx", ["-p", directory, "-c", join(directory, "nginx.conf")]);
  await child.line((line) => line.includes("start worker process "), "nginx worker");
  return {
    port,
    tlsPort,
    close: async () => {
      await child.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function toPart(part: string, directory: string, options: NginxOptions): Promise<string> {
  let text = await readKit(`nginx/${part}`);
  const isMarked = part === "nodoff-http.conf" || part === "nodoff-server.conf";
  if (isMarked && options.cached === true) text = switchOn("cached", text);
  if (part === "nodoff-http.conf") {
    const hook = `127.0.0.1:${options.hookPort}`;
    return adapt(text, { "127.0.0.1:8090": hook, "/var/cache/nodoff-nginx": join(directory, "cache") });
  }
  if (part === "nodoff-compose.conf" && options.names !== undefined)
    return adapt(text, { "127.0.0.11": options.names });
  return part === "nodoff-server.conf" && options.failOpen === true ? switchOn("fail-open", text) : text;
}

async function toServer(variant: NginxOptions["variant"], site: Site, listen: string): Promise<string> {
  const text = await readKit(`nginx/site-${variant === "compose" ? "compose" : "host"}.conf`);
  const servers = text.split(/^(?=server \{)/m).slice(1);
  const server = servers[variant === "guard" ? 1 : 0] ?? "";
  const common = {
    "listen 80;": listen,
    ...(site.login === true
      ? { "location / {": 'location / {\n        auth_basic "apps"; auth_basic_user_file users;' }
      : {}),
  };
  switch (variant) {
    case "compose":
      return adapt(server, { ...common, "blog.example.com": site.host, "blog-web:2368": site.address });
    case "host":
      return adapt(server, {
        ...common,
        "blog.example.com": site.host,
        "nodoff_route blog;": `nodoff_route ${site.alias};`,
      });
    case "guard":
      return adapt(server, { ...common, "wiki.example.com": site.host, "127.0.0.1:3000": site.address });
  }
}
