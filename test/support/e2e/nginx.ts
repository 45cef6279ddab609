import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, startChild } from "./child.ts";
import { adapt, type Door, failOpen, readKit, type Site } from "./kit.ts";

export interface NginxOptions {
  /** Port of nodoff's hook. */
  readonly hookPort: number;
  /** compose: `site-compose.conf`; host: `site-host.conf`, the address comes from nodoff; guard: its second server. */
  readonly variant: "compose" | "host" | "guard";
  readonly sites: readonly Site[];
  readonly failOpen?: boolean;
}

const parts = ["http", "server", "ask", "guard", "proxy", "compose", "host"].map((name) => `nodoff-${name}.conf`);

/** nginx with the shipped kit: the kit's directory as users copy it, its example site once per app. */
export async function startNginx(options: NginxOptions): Promise<Door> {
  const directory = await mkdtemp(join(tmpdir(), "nodoff-nginx-"));
  const port = await freePort();
  // The workers of a master that runs as root do not.
  await chmod(directory, 0o755);
  await mkdir(join(directory, "nodoff"));
  for (const part of parts) await writeFile(join(directory, "nodoff", part), await toPart(part, options));
  const servers = await Promise.all(options.sites.map((site) => toServer(options.variant, site, port)));
  await writeFile(
    join(directory, "nginx.conf"),
    `daemon off; pid nginx.pid; error_log stderr notice; worker_processes 1;
events { worker_connections 2048; }
http {
access_log off; client_max_body_size 8m;
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
    close: async () => {
      await child.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function toPart(part: string, options: NginxOptions): Promise<string> {
  const text = await readKit(`nginx/${part}`);
  if (part === "nodoff-http.conf") return adapt(text, { "127.0.0.1:8090": `127.0.0.1:${options.hookPort}` });
  return part === "nodoff-server.conf" && options.failOpen === true ? failOpen(text) : text;
}

async function toServer(variant: NginxOptions["variant"], site: Site, port: number): Promise<string> {
  const text = await readKit(`nginx/site-${variant === "compose" ? "compose" : "host"}.conf`);
  const servers = text.split(/^(?=server \{)/m).slice(1);
  const server = servers[variant === "guard" ? 1 : 0] ?? "";
  const listen = { "listen 80;": `listen 127.0.0.1:${port};` };
  switch (variant) {
    case "compose":
      return adapt(server, { ...listen, "blog.example.com": site.host, "blog-web:2368": site.address });
    case "host":
      return adapt(server, {
        ...listen,
        "blog.example.com": site.host,
        "nodoff_route blog;": `nodoff_route ${site.alias};`,
      });
    case "guard":
      return adapt(server, { ...listen, "wiki.example.com": site.host, "127.0.0.1:3000": site.address });
  }
}
