/**
 * The app whose use the activity tests try: runs inside a container, so it imports nothing but Node's own modules. Every
 * use that a proxy can carry, on port 8080, and a raw TCP echo on port 9000.
 *
 * `/` says hello; `/sse?every=ms` sends an event now and then; `/download?bytes=` as fast as it is taken; `POST /upload`
 * counts; `POST /cpu?seconds=` works on in the background and says so on standard output; upgrades echo.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { once } from "node:events";
import { createServer as createTcpServer, type Socket } from "node:net";
import { isMainThread, Worker, workerData } from "node:worker_threads";

const chunk = Buffer.alloc(65_536, "nodoff ");

function answer(request: IncomingMessage, response: ServerResponse): void {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://app");
  const number = (name: string): number => Number(searchParams.get(name));
  switch (pathname) {
    case "/sse":
      return sendEvents(response, number("every"));
    case "/download":
      return send(response, number("bytes"));
    case "/upload":
      return count(request, response);
    case "/cpu":
      response.writeHead(202).end();
      return work(number("seconds") * 1_000);
    default:
      response.setHeader("Content-Type", "text/plain").end("hello\n".padEnd(number("bytes"), "."));
  }
}

function sendEvents(response: ServerResponse, everyMs: number): void {
  response.writeHead(200, { "Content-Type": "text/event-stream", "X-Accel-Buffering": "no" });
  let id = 0;
  const tell = (): void => void response.write(`id: ${id++}\ndata: tick\n\n`);
  tell();
  const timer = setInterval(tell, everyMs);
  response.on("close", () => clearInterval(timer));
}

/** No faster than it is taken: what waits on the way is in the buffers of kernels and proxies. */
function send(response: ServerResponse, bytes: number): void {
  response.writeHead(200, { "Content-Type": "application/octet-stream", "Content-Length": bytes });
  let left = bytes;
  const more = (): void => {
    while (left > 0) {
      const part = chunk.subarray(0, left);
      left -= part.length;
      if (!response.write(part)) return void response.once("drain", more);
    }
    response.end();
  };
  more();
}

function count(request: IncomingMessage, response: ServerResponse): void {
  let bytes = 0;
  request.on("data", (part: Buffer) => (bytes += part.length));
  request.on("end", () => response.end(String(bytes)));
}

/** Two threads, as a transcoder has; says when they are done. */
function work(ms: number): void {
  const ended = [1, 2].map(() => once(new Worker(new URL(import.meta.url), { workerData: ms }), "exit"));
  void Promise.all(ended).then(() => process.stdout.write("job done\n"));
}

/** Half a core, far over any floor: others share the machine that runs the tests, so it takes what it can get. */
function burn(ms: number): void {
  const end = performance.now() + ms;
  const spent = (): number => process.threadCpuUsage().user / 1_000;
  const step = (): void => {
    const pause = spent() + 30;
    while (spent() < pause) Math.sqrt(pause);
    if (performance.now() < end) setTimeout(step, 30);
  };
  step();
}

/** RFC 6455, as much as short text frames need. */
function echo(request: IncomingMessage, socket: Socket): void {
  const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash("sha1").update(key).digest("base64");
  const head = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"];
  socket.write(`${[...head, `Sec-WebSocket-Accept: ${accept}`].join("\r\n")}\r\n\r\n`);
  let rest: Buffer = Buffer.alloc(0);
  socket.on("data", (data: Buffer) => {
    rest = Buffer.concat([rest, data]);
    while (rest.length >= 2) {
      const length = 6 + (rest.readUInt8(1) & 0x7f);
      if (rest.length < length) return;
      const mask = rest.subarray(2, 6);
      const payload = Buffer.from(rest.subarray(6, length).map((byte, at) => byte ^ (mask[at % 4] ?? 0)));
      const [first] = rest;
      socket.write(Buffer.concat([Buffer.from([first ?? 0, payload.length]), payload]));
      if (((first ?? 0) & 0x0f) === 8) return void socket.end();
      rest = rest.subarray(length);
    }
  });
  socket.on("error", () => socket.destroy());
}

function serve(): void {
  // PID 1 ignores SIGTERM unless it says otherwise.
  process.on("SIGTERM", () => process.exit(0));
  createTcpServer((socket) => socket.on("error", () => socket.destroy()).pipe(socket)).listen(9000);
  createServer({ requestTimeout: 0 }, answer).on("upgrade", echo).listen(8080);
}

if (isMainThread) serve();
else burn(workerData as number);
