/** Asks a proxy as fast as it answers: bodies of a known length on kept connections, bare sockets. */
import { connect } from "node:net";
import { answerQuestions } from "../ipc.ts";
import { percentile } from "../stats.ts";

/** A load of one path. `bodyBytes` is the length every answer must have. */
export interface ProxyLoad {
  readonly port: number;
  readonly path: string;
  readonly bodyBytes: number;
  readonly connections: number;
  readonly durationMs: number;
}

export interface ProxyResult {
  readonly requests: number;
  readonly elapsedMs: number;
  readonly p99Ms: number;
}

const browser = [
  "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  "Accept-Encoding: gzip, deflate, br",
  "Accept-Language: en-GB,en;q=0.5",
  "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark",
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
].join("\r\n");

async function closed(load: ProxyLoad): Promise<ProxyResult> {
  const tookMs: number[] = [];
  const begun = performance.now();
  const end = begun + load.durationMs;
  await Promise.all(Array.from({ length: load.connections }, () => keepAsking(load, { end, tookMs })));
  return { requests: tookMs.length, elapsedMs: performance.now() - begun, p99Ms: percentile(tookMs, 0.99) };
}

function keepAsking(
  { port, path, bodyBytes }: ProxyLoad,
  { end, tookMs }: { readonly end: number; readonly tookMs: number[] },
): Promise<void> {
  const request = `GET ${path} HTTP/1.1\r\nHost: app.test\r\n${browser}\r\n\r\n`;
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    let sentAt = 0;
    let head: Buffer | null = null;
    let left = -1;
    const send = (): void => {
      left = -1;
      head = null;
      sentAt = performance.now();
      socket.write(request, "latin1");
    };
    const take = (chunk: Buffer): void => {
      if (left >= 0) left -= chunk.length;
      else {
        head = head === null ? chunk : Buffer.concat([head, chunk]);
        const at = head.indexOf("\r\n\r\n");
        if (at === -1) return;
        const text = head.subarray(0, at).toString("latin1");
        if (
          !text.startsWith("HTTP/1.1 200 ") ||
          !new RegExp(`\r\ncontent-length: ${bodyBytes}(\r\n|$)`, "i").test(text)
        )
          return void socket.destroy(new Error(`wrong answer:\n${text}`));
        left = bodyBytes - (head.length - at - 4);
      }
      if (left > 0) return;
      const now = performance.now();
      tookMs.push(now - sentAt);
      if (now < end) send();
      else socket.destroy();
    };
    socket.on("connect", send).on("data", take).on("error", reject);
    socket.on("close", () => resolve());
  });
}

answerQuestions({}, { closed: (options) => closed(options as ProxyLoad) });
