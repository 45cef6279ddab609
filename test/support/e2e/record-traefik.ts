/**
 * Records what a real Traefik sends the hook, for test/integration/traefik-replay:
 * `TRAEFIK_BIN=… node test/support/e2e/record-traefik.ts`. Writes test/fixtures/traefik/*.json.
 */
import { execFileSync } from "node:child_process";
import { mkdtemp, writeFile } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { adapt, readKit } from "./kit.ts";
import type { RecordedCall, Recording } from "./recording.ts";
import { startTraefik, traefikBin } from "./traefik.ts";

const host = "blog.example.com";

const browser = [
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36",
  "Accept-Encoding: gzip, deflate, br",
  "Accept-Language: de-DE,de;q=0.9",
];
const page = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const navigate = ["Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"];
const fetched = ["Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty"];

/** What the clients send, by name: method, target, header lines, body. */
const clients: Readonly<Record<string, readonly [string, string, readonly string[], string?]>> = {
  "HEAD without Sec-Fetch": ["HEAD", "/", ["User-Agent: curl/8.0", "Accept: */*"]],
  monitor: ["GET", "/", ["User-Agent: Uptime-Kuma/1.23.13", "Accept: text/html,*/*"]],
  prefetch: ["GET", "/next", [...browser, page, "Sec-Purpose: prefetch", ...navigate]],
  "navigation GET": ["GET", "/deep/link?q=1&route=victim", [...browser, page, ...navigate, "Cookie: session=secret"]],
  "navigation GET over plain http": ["GET", "/deep/link", [...browser, page]],
  "navigation HEAD": ["HEAD", "/deep/link", [...browser, page, ...navigate]],
  "API GET": ["GET", "/api/items?q=1", ["User-Agent: curl/8.0", "Accept: application/json", "Authorization: Bearer x"]],
  "fetch GET": ["GET", "/api/items", [...browser, "Accept: */*", ...fetched]],
  "htmx GET": ["GET", "/part", [...browser, page, "HX-Request: true"]],
  POST: ["POST", "/api/items", ["User-Agent: curl/8.0", "Content-Type: text/plain", "Content-Length: 5"], "hello"],
  "escaped path": ["GET", "/a%20b/%2e%2e/c%2Fd?x=%26&y", ["User-Agent: curl/8.0", "Accept: */*"]],
  "WebSocket upgrade": [
    "GET",
    "/socket",
    [
      ...browser.slice(0, 1),
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
      "Origin: http://blog.example.com",
    ],
  ],
  "OPTIONS preflight": [
    "OPTIONS",
    "/api/items",
    [
      ...browser,
      "Accept: */*",
      "Origin: http://front.example.com",
      "Access-Control-Request-Method: PUT",
      ...fetched.with(0, "Sec-Fetch-Site: cross-site"),
    ],
  ],
  "loading page's probe": ["GET", "/deep/link", [...browser, "Accept: */*", ...fetched, "X-Nodoff-Probe: 1"]],
  "forged headers": [
    "GET",
    "/api/items?route=victim",
    [
      "User-Agent: curl/8.0",
      "Accept: application/json",
      "X-Forwarded-Host: victim.example.com",
      "X-Forwarded-Uri: /victim",
      "X-Forwarded-Method: POST",
      "X-Forwarded-Proto: https",
      "X-Forwarded-For: 203.0.113.7",
      "X-Original-URI: /victim",
      "X-Original-Method: POST",
      "X-Original-Addr: 203.0.113.7",
      "X-Original-Host: victim.example.com",
      "X-Nodoff-Route: victim",
      "X-Nodoff-Upstream: http://203.0.113.7",
    ],
  ],
};

/** Keeps the head of each request and says yes; hook requests have no body. */
async function openHook(): Promise<{ port: number; take(): Promise<string>; close(): void }> {
  const heads: string[] = [];
  const takers: ((head: string) => void)[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    let text = "";
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      text += chunk;
      for (let end = text.indexOf("\r\n\r\n"); end !== -1; end = text.indexOf("\r\n\r\n")) {
        const head = text.slice(0, end + 4);
        text = text.slice(end + 4);
        const taker = takers.shift();
        if (taker === undefined) heads.push(head);
        else taker(head);
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { readonly port: number };
  return {
    port,
    take: () => {
      const head = heads.shift();
      return head === undefined ? new Promise((resolve) => takers.push(resolve)) : Promise.resolve(head);
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

function send(port: number, text: string): Socket {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write(text, "latin1");
  return socket;
}

/** `bare` drops all options of the kit's middleware but the address: what users have who wrote it themselves. */
async function record(bare: boolean): Promise<readonly RecordedCall[]> {
  const hook = await openHook();
  const directory = await mkdtemp(join(tmpdir(), "nodoff-record-"));
  const file = join(directory, "dynamic.yml");
  const dynamic = parse(adapt(await readKit("traefik/dynamic.yml"), { "nodoff:8090": `127.0.0.1:${hook.port}` })) as {
    readonly http: { readonly middlewares: { nodoff: { forwardAuth: object } } };
  };
  const { middlewares } = dynamic.http;
  if (bare) middlewares.nodoff = { forwardAuth: { address: `http://127.0.0.1:${hook.port}/auth/traefik` } };
  await writeFile(file, stringify(dynamic));
  const traefik = await startTraefik([`--providers.file.filename=${file}`], { directory });
  try {
    await traefik.routed("blog@file");
    const calls: RecordedCall[] = [];
    for (const [name, [method, target, lines, body = ""]] of Object.entries(clients)) {
      const client = `${[`${method} ${target} HTTP/1.1`, `Host: ${host}`, ...lines].join("\r\n")}\r\n\r\n${body}`;
      const socket = send(traefik.port, client);
      const head = await hook.take();
      socket.destroy();
      // Address and machine were this run's; what a kit's Traefik would have sent stands in for them.
      calls.push({
        name,
        client,
        hook: head
          .replaceAll(`127.0.0.1:${hook.port}`, "nodoff:8090")
          .replaceAll(`X-Forwarded-Server: ${hostname()}`, "X-Forwarded-Server: traefik"),
      });
    }
    return calls;
  } finally {
    await traefik.close();
    hook.close();
  }
}

const version = execFileSync(traefikBin ?? "", ["version"], { encoding: "utf8" });
const traefik = version
  .replaceAll(/^(Version|Codename|Go version|OS\/Arch|Built):\s+/gm, "$1 ")
  .trim()
  .split("\n")
  .join(", ");
for (const [name, bare] of [
  ["kit", false],
  ["bare", true],
] as const) {
  const middleware = bare ? "forwardAuth with nothing but an address" : "forwardAuth as in traefik/dynamic.yml";
  const recording: Recording = { traefik, middleware, calls: await record(bare) };
  const file = new URL(`../../fixtures/traefik/${name}.json`, import.meta.url);
  await writeFile(file, `${JSON.stringify(recording, null, 2)}\n`);
  console.log(`${name}: ${recording.calls.length} calls`);
}
