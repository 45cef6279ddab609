import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../test/support/e2e/child.ts";
import { tempFolder } from "./product.ts";

/** Another proxy under test, as it is installed here. */
export interface Foreign extends AsyncDisposable {
  readonly port: number;
  /** User and system time of its working process, microseconds. */
  cpu(): Promise<number>;
}

/** The kernel counts in hundredths of a second. */
const usPerTick = 10_000;
const startTimeoutMs = 10_000;

/** nginx with one worker and kept connections; null = it is not installed. */
export async function startNginx(upstream: number): Promise<Foreign | null> {
  const binary = "/usr/sbin/nginx";
  if (!existsSync(binary)) return null;
  const port = await freePort();
  const config = (folder: string): string => `daemon off; master_process off; pid ${folder}/pid; error_log stderr;
events { worker_connections 1024; }
http {
  access_log off; client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f;
  uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s; keepalive_requests 10000000;
  upstream app { server 127.0.0.1:${upstream}; keepalive 64; keepalive_requests 10000000; }
  server { listen 127.0.0.1:${port}; location / {
    proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_max_temp_file_size 0; } }
}`;
  return start(binary, { port, name: "nginx.conf", config, args: (file) => ["-c", file] });
}

/** Caddy's reverse_proxy; null = it is not installed. */
export async function startCaddy(upstream: number): Promise<Foreign | null> {
  const binary = "/usr/bin/caddy";
  if (!existsSync(binary)) return null;
  const port = await freePort();
  const config = (): string => `{
  admin off
  auto_https off
}
http://:${port} {
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:${upstream}
}
`;
  return start(binary, {
    port,
    name: "Caddyfile",
    config,
    args: (file) => ["run", "--adapter", "caddyfile", "--config", file],
  });
}

interface How {
  readonly port: number;
  readonly name: string;
  readonly config: (folder: string) => string;
  readonly args: (file: string) => readonly string[];
}

async function start(binary: string, { port, name, config, args }: How): Promise<Foreign> {
  const folder = await tempFolder();
  const file = join(folder.path, name);
  await writeFile(file, config(folder.path));
  const child = spawn(binary, [...args(file)], { stdio: "ignore", env: { ...process.env, HOME: folder.path } });
  const exited = new Promise<void>((resolve) => void child.once("exit", () => resolve()));
  const deadline = performance.now() + startTimeoutMs;
  while (!(await isOpen(port))) {
    if (performance.now() > deadline) throw new Error(`${binary} does not listen`);
    await delay(50);
  }
  return {
    port,
    async cpu() {
      const stat = await readFile(`/proc/${child.pid}/stat`, "latin1");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return (Number(fields[11]) + Number(fields[12])) * usPerTick;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
      await folder[Symbol.asyncDispose]();
    },
  };
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });
}
