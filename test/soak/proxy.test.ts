import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { Server, ServerResponse } from "node:http";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { WebSocketServer } from "ws";
import { freePort, startChild } from "../support/e2e/child.ts";
import { type Nodoff, startNodoff } from "../support/e2e/nodoff.ts";

/** Longer than any timer of 30, 60 or 120 s that might cut a stream. */
const streamS = Number(process.env["SOAK_STREAM_S"] ?? 130);
const socketCount = Number(process.env["SOAK_SOCKETS"] ?? 5_000);
const perSecond = 256 * 1024;
const gigabyte = 1_073_741_824;
const port = await freePort();

describe("nodoff's own proxy over minutes", () => {
  let upstream: Server;
  let nodoff: Nodoff;

  before(async () => {
    upstream = createServer((req, res) => {
      if (req.url === "/events") void sendEvents(res);
      else if (req.url === "/slow") void sendSlowly(res);
      else sendMuch(res);
    });
    const sockets = new WebSocketServer({ server: upstream, perMessageDeflate: false });
    sockets.on("connection", (socket) => socket.on("error", () => undefined));
    upstream.listen(0, "127.0.0.1", 4_096);
    await once(upstream, "listening");
    const to = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
    nodoff = await startNodoff({
      listen: { proxy: `127.0.0.1:${port}` },
      providers: {},
      routes: { ws: { host: "ws.test", upstream: to } },
    });
  });
  after(async () => {
    await nodoff.close();
    upstream.closeAllConnections();
    upstream.close();
  });

  const rss = async (): Promise<number> => {
    const status = await readFile(`/proc/${nodoff.child.pid}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
  };

  it(`passes an event stream and a download of ${streamS} s untouched`, async () => {
    const ask = (path: string): Promise<Curl> =>
      curl(["-sS", "-N", "-H", "Host: ws.test", `http://127.0.0.1:${port}${path}`]);
    const [events, download] = await Promise.all([ask("/events"), ask("/slow")]);
    assert.deepEqual([events.code, events.error, download.code, download.error], [0, "", 0, ""]);
    assert.equal(events.bytes, "data: tick\n\n".length * 2);
    assert.equal(download.bytes, perSecond * streamS);
    console.log(
      `event stream ${events.seconds.toFixed(1)} s, download ${download.seconds.toFixed(1)} s, ${download.bytes} bytes`,
    );
    assert.ok(events.seconds >= streamS - 1 && download.seconds >= streamS - 1);
  });

  it("does not take in what a slow reader of 1 GB leaves", async () => {
    const before = await rss();
    const client = connect(port, "127.0.0.1");
    client.write("GET /much HTTP/1.1\r\nHost: ws.test\r\nConnection: close\r\n\r\n");
    let read = 0;
    let peak = before;
    // 640 kB a second, for ten seconds.
    for (let i = 0; i < 100; i++) {
      await delay(100);
      const chunk = (client.read(65_536) ?? client.read()) as Buffer | null;
      read += chunk?.length ?? 0;
      peak = Math.max(peak, await rss());
    }
    client.destroy();
    console.log(
      `slow reader: ${(read / 1_048_576).toFixed(1)} MB read, RSS ${before.toFixed(0)} -> ${peak.toFixed(0)} MB`,
    );
    assert.ok(read > 1_000_000);
    assert.ok(peak - before <= 32, `${(peak - before).toFixed(1)} MB more`);
  });

  it(`holds ${socketCount} idle WebSockets`, async () => {
    const before = await rss();
    const script = fileURLToPath(new URL("proxy-clients.ts", import.meta.url));
    const clients = await startChild(process.execPath, [script, String(port), String(socketCount)]);
    await clients.line((line) => line === "open", "open sockets");
    const inFlight = async (): Promise<number> =>
      ((await nodoff.api("/routes/ws")) as { readonly in_flight: number }).in_flight;
    assert.equal(await inFlight(), socketCount);
    await delay(10_000);
    const now = await rss();
    assert.equal(await inFlight(), socketCount);
    await clients.close();
    assert.ok(clients.lines.includes("lost 0"), clients.lines.join("\n"));
    const each = ((now - before) * 1024) / socketCount;
    console.log(`${socketCount} WebSockets: ${each.toFixed(1)} kB of RSS each in nodoff`);
    for (let i = 0; i < 100 && (await inFlight()) > 0; i++) await delay(100);
    assert.equal(await inFlight(), 0);
  });
});

/** One event at each end: what is silent in between must stay open. */
async function sendEvents(res: ServerResponse): Promise<void> {
  res.writeHead(200, { "content-type": "text/event-stream" }).write("data: tick\n\n");
  await delay(streamS * 1_000);
  res.end("data: tick\n\n");
}

async function sendSlowly(res: ServerResponse): Promise<void> {
  res.writeHead(200, { "content-length": perSecond * streamS });
  for (let i = 0; i < streamS; i++) {
    res.write(Buffer.alloc(perSecond));
    await delay(1_000);
  }
  res.end();
}

function sendMuch(res: ServerResponse): void {
  res.writeHead(200, { "content-length": gigabyte });
  const chunk = Buffer.alloc(65_536);
  let left = gigabyte / chunk.length;
  const more = (): void => {
    while (left > 0 && !res.destroyed) {
      left--;
      if (!res.write(chunk)) return;
    }
    res.end();
  };
  res.on("drain", more);
  more();
}

interface Curl {
  readonly code: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly error: string;
}

async function curl(args: readonly string[]): Promise<Curl> {
  const since = performance.now();
  const child = spawn("curl", [...args], { stdio: ["ignore", "pipe", "pipe"] });
  let bytes = 0;
  let error = "";
  child.stdout.on("data", (chunk: Buffer) => (bytes += chunk.length));
  child.stderr.on("data", (chunk: Buffer) => (error += chunk.toString()));
  const [code] = (await once(child, "close")) as [number];
  return { code, bytes, seconds: (performance.now() - since) / 1_000, error };
}
