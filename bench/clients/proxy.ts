/** Asks a proxy as fast as it answers: bodies of a known length on connections kept from one time to the next, bare sockets. */
import { connect } from "node:net";
import type { Socket } from "node:net";
import { answerQuestions } from "../ipc.ts";
import { percentile } from "../stats.ts";

/** A load of one path. `bodyBytes` is the length every answer must have. */
export interface ProxyLoad {
  readonly port: number;
  readonly path: string;
  readonly bodyBytes: number;
  readonly connections: number;
  /** Of all connections together. */
  readonly requests: number;
}

export interface ProxyResult {
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

/** One connection: a request at a time. */
type Ask = (path: string, bodyBytes: number) => Promise<void>;

const kept = new Map<number, Ask[]>();

async function closed({ port, path, bodyBytes, connections, requests }: ProxyLoad): Promise<ProxyResult> {
  const asks = kept.get(port) ?? [];
  kept.set(port, asks);
  while (asks.length < connections) asks.push(await open(port, asks));
  const tookMs: number[] = [];
  let left = requests;
  const begun = performance.now();
  await Promise.all(
    asks.slice(0, connections).map(async (ask) => {
      while (left-- > 0) {
        const sentAt = performance.now();
        await ask(path, bodyBytes);
        tookMs.push(performance.now() - sentAt);
      }
    }),
  );
  return { elapsedMs: performance.now() - begun, p99Ms: percentile(tookMs, 0.99) };
}

/** `among` loses it when the server ends it for being idle. */
async function open(port: number, among: Ask[]): Promise<Ask> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await new Promise<void>((resolve, reject) => void socket.once("connect", resolve).once("error", reject));
  let pending: Pending | null = null;
  const fail = (error: Error): void => pending?.reject(error);
  socket.on("error", fail).on("close", () => {
    fail(new Error("closed before it answered"));
    among.splice(among.indexOf(ask), 1);
  });
  socket.on("data", (chunk: Buffer) => {
    if (pending === null || !take(pending, chunk)) return;
    const { resolve } = pending;
    pending = null;
    resolve();
  });
  const ask: Ask = (path, bodyBytes) => {
    const asked = Promise.withResolvers<void>();
    pending = { ...asked, bodyBytes, head: null, left: -1 };
    send(socket, path);
    return asked.promise;
  };
  return ask;
}

interface Pending {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  readonly bodyBytes: number;
  /** What came of the head so far; of no use once `left` is known. */
  head: Buffer | null;
  /** Bytes of the body to come; -1 = not known yet. */
  left: number;
}

function send(socket: Socket, path: string): void {
  socket.write(`GET ${path} HTTP/1.1\r\nHost: app.test\r\n${browser}\r\n\r\n`, "latin1");
}

/** True = that was the last of the answer. */
function take(pending: Pending, chunk: Buffer): boolean {
  if (pending.left >= 0) pending.left -= chunk.length;
  else {
    const head = pending.head === null ? chunk : Buffer.concat([pending.head, chunk]);
    pending.head = head;
    const at = head.indexOf("\r\n\r\n");
    if (at === -1) return false;
    const text = head.toString("latin1", 0, at);
    if (!text.startsWith("HTTP/1.1 200 ") || !hasLength(text, pending.bodyBytes)) {
      pending.reject(new Error(`wrong answer:\n${text}`));
      return false;
    }
    pending.left = pending.bodyBytes - (head.length - at - 4);
  }
  return pending.left === 0;
}

const length = /\r\ncontent-length: (\d+)/i;

function hasLength(head: string, bytes: number): boolean {
  return Number(length.exec(head)?.[1]) === bytes;
}

answerQuestions({}, { closed: (options) => closed(options as ProxyLoad) });
