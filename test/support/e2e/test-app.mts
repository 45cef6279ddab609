/**
 * The app that sleeps in end-to-end tests; runs inside a container, so it imports nothing but Node's own modules.
 *
 * PORT: where it listens (8080). LISTEN_DELAY_MS: listens that much later. STOP_DELAY_MS: ends that much after it was told to. LOGIN=1: `/` says 401.
 * EXIT=code: ends at once. NEVER_LISTEN=1: never does.
 * `/stats` tells what reached it; `/stream?ms=` answers slowly; `/slow?ms=` begins to answer late; `/status?code=` answers
 * that; `/sse` streams what is said by `/say?words`; any other path echoes; upgrades are echoed as WebSocket.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";

const { env } = process;
/** By `METHOD /path?query`; what carried X-Nodoff-Probe is counted apart. */
const requests: Record<string, number> = {};
const probes: Record<string, number> = {};
const bodies: { readonly url: string; readonly bytes: number; readonly sha256: string }[] = [];
let sockets = 0;
const listeners = new Set<ServerResponse>();

function answer(request: IncomingMessage, response: ServerResponse): void {
  const { method = "", url = "/", headers } = request;
  if (url === "/stats") {
    response.setHeader("Content-Type", "application/json").end(JSON.stringify({ requests, probes, bodies, sockets }));
    return;
  }
  const tally = headers["x-nodoff-probe"] === undefined ? requests : probes;
  tally[`${method} ${url}`] = (tally[`${method} ${url}`] ?? 0) + 1;
  if (url === "/" && env["LOGIN"] !== undefined) {
    response.writeHead(401, { "WWW-Authenticate": 'Basic realm="app"' }).end("the app's own login");
    return;
  }
  if (url.startsWith("/stream?ms=")) return stream(response, Number(url.slice("/stream?ms=".length)));
  if (url.startsWith("/status?code=")) {
    const code = Number(url.slice("/status?code=".length));
    response.writeHead(code, { "Retry-After": "77" }).end(`the app's own ${code}`);
    return;
  }
  if (url === "/sse") {
    response.writeHead(200, { "Content-Type": "text/event-stream" }).write("data: hello\n\n");
    listeners.add(response);
    response.on("close", () => listeners.delete(response));
    return;
  }
  if (url.startsWith("/say?")) {
    for (const listener of listeners) listener.write(`data: ${url.slice("/say?".length)}\n\n`);
    response.end(String(listeners.size));
    return;
  }
  const hash = createHash("sha256");
  let bytes = 0;
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    hash.update(chunk);
  });
  request.on("end", () => {
    const sha256 = hash.digest("hex");
    if (bytes > 0) bodies.push({ url, bytes, sha256 });
    if (String(headers.accept).startsWith("text/html")) {
      response.setHeader("Content-Type", "text/html; charset=utf-8");
      response.end(`<!doctype html><title>app</title><h1 id="app">awake</h1><p id="url"></p>
<script>document.getElementById("url").textContent = location.href</script>`);
      return;
    }
    const echoed = JSON.stringify({ method, url, headers, bytes, sha256 });
    const late = url.startsWith("/slow?ms=") ? Number(url.slice("/slow?ms=".length)) : 0;
    setTimeout(() => response.setHeader("Content-Type", "application/json").end(echoed), late);
  });
}

function stream(response: ServerResponse, ms: number): void {
  const start = performance.now();
  response.write("begin\n");
  const timer = setInterval(() => {
    if (performance.now() - start < ms) return void response.write(".\n");
    clearInterval(timer);
    response.end("end\n");
  }, 250);
  response.on("close", () => clearInterval(timer));
}

/** RFC 6455, as much as an echo of short text frames needs. */
function echo(request: IncomingMessage, socket: Socket): void {
  sockets++;
  const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash("sha1").update(key).digest("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  let rest: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const length = rest.readUInt8(1) & 0x7f;
      if (rest.length < 6 + length) return;
      const mask = rest.subarray(2, 6);
      const payload = Buffer.from(rest.subarray(6, 6 + length).map((byte, at) => byte ^ (mask[at % 4] ?? 0)));
      socket.write(Buffer.concat([Buffer.from([rest.readUInt8(0), length]), payload]));
      if ((rest.readUInt8(0) & 0x0f) === 8) return void socket.end();
      rest = rest.subarray(6 + length);
      if (rest.length < 2) return;
    }
  });
  socket.on("error", () => socket.destroy());
}

// PID 1 ignores SIGTERM unless it says otherwise.
process.on("SIGTERM", () => setTimeout(() => process.exit(0), Number(env["STOP_DELAY_MS"] ?? 0)));
if (env["EXIT"] !== undefined) process.exit(Number(env["EXIT"]));
setTimeout(
  () => {
    if (env["NEVER_LISTEN"] !== undefined) return void setInterval(() => undefined, 60_000);
    createServer(answer)
      .on("upgrade", echo)
      .listen(Number(env["PORT"] ?? 8080), () => process.stdout.write("listening\n"));
  },
  Number(env["LISTEN_DELAY_MS"] ?? 0),
);
