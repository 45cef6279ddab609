import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { AccessLog } from "../core/access.ts";
import type { Clock } from "../core/clock.ts";
import { toPeer } from "./peer.ts";
import type { TrustDeps } from "./peer.ts";

/** What nginx notes for a client that left before its answer. */
const clientLeft = 499;

interface WatchDeps extends TrustDeps {
  readonly clock: Clock;
  readonly log: AccessLog;
}

/** How the request ended. */
interface End {
  readonly status: number;
  readonly bytes: number;
  readonly route: string | null;
}

/** Notes the request once its answer is through, or given up. */
export function watchResponse(
  { req, res, route }: { readonly req: IncomingMessage; readonly res: ServerResponse; readonly route: string | null },
  deps: WatchDeps,
): void {
  const note = begin(req, deps);
  const bytes = countBody(res);
  res.once("close", () => note({ status: res.headersSent ? res.statusCode : clientLeft, bytes: bytes(), route }));
}

/** Notes an upgrade once its socket is closed, whether it became a tunnel or not. */
export function watchSocket(
  { req, socket, route }: { readonly req: IncomingMessage; readonly socket: Socket; readonly route: string | null },
  deps: WatchDeps,
): void {
  const note = begin(req, deps);
  const before = socket.bytesWritten;
  let status = clientLeft;
  const { write } = socket;
  // The answer's head is written by several parts; its first line is all there is to know of it.
  socket.write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
    socket.write = write;
    status = toStatus(chunk) ?? status;
    return Reflect.apply(write, socket, [chunk, ...rest]) as boolean;
  };
  socket.once("close", () => note({ status, bytes: socket.bytesWritten - before, route }));
}

function begin(req: IncomingMessage, deps: WatchDeps): (end: End) => void {
  const { clock, log } = deps;
  const at = clock.wall();
  const startedAt = clock.now();
  const { client } = toPeer(req, deps);
  const { headers } = req;
  return (end) =>
    log.note({
      ...end,
      at,
      durationMs: Math.max(0, clock.now() - startedAt),
      client,
      method: req.method ?? "GET",
      target: req.url ?? "/",
      protocol: `HTTP/${req.httpVersion}`,
      host: headers.host ?? "",
      referer: headers.referer ?? null,
      userAgent: headers["user-agent"] ?? null,
    });
}

/** Counts what is written as body. Only where the log is on: each write costs one call more. */
function countBody(res: ServerResponse): () => number {
  let bytes = 0;
  const { write, end } = res;
  const add = (chunk: unknown, encoding: unknown): void => {
    if (typeof chunk === "string") bytes += Buffer.byteLength(chunk, toEncoding(encoding));
    else if (chunk instanceof Uint8Array) bytes += chunk.byteLength;
  };
  res.write = (chunk: unknown, ...rest: unknown[]): boolean => {
    add(chunk, rest[0]);
    return Reflect.apply(write, res, [chunk, ...rest]) as boolean;
  };
  res.end = (...all: unknown[]): typeof res => {
    add(all[0], all[1]);
    return Reflect.apply(end, res, all) as typeof res;
  };
  return () => (res.req.method === "HEAD" ? 0 : bytes);
}

function toEncoding(given: unknown): BufferEncoding {
  return typeof given === "string" && Buffer.isEncoding(given) ? given : "utf8";
}

function toStatus(chunk: string | Uint8Array): number | null {
  const head = typeof chunk === "string" ? chunk.slice(0, 16) : Buffer.from(chunk.subarray(0, 16)).toString("latin1");
  const [, status] = /^HTTP\/1\.[01] (\d{3})/.exec(head) ?? [];
  return status === undefined ? null : Number(status);
}
