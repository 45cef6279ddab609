import type { IncomingMessage, ServerResponse } from "node:http";
import { toProblem } from "../core/problem.ts";
import type { ProblemInput } from "../core/problem.ts";

/** A complete answer, whoever made it: gate, pages or problem. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string;
}

/** Writes it with its length, so that the connection can be kept. */
export function writeReply(res: ServerResponse, reply: Reply): void {
  if (res.destroyed) return;
  const { body } = reply;
  // RFC 9110 section 8.6: these have neither a body nor a length.
  if (reply.status === 204 || reply.status === 304) return void res.writeHead(reply.status, reply.headers).end();
  const length = typeof body === "string" ? Buffer.byteLength(body) : body.byteLength;
  res.writeHead(reply.status, { ...reply.headers, "content-length": String(length) }).end(body);
}

/** Writes a failure as `application/problem+json`. */
export function writeProblem(res: ServerResponse, problem: ProblemInput): void {
  writeReply(res, toProblem(problem));
}

/** Writes JSON that nobody may keep. */
export function writeJson(res: ServerResponse, status: number, body: unknown, headers: Reply["headers"] = {}): void {
  writeReply(res, {
    status,
    // By `*` no service worker of an app may keep it, whatever it keeps else (Cache API, `put`).
    headers: { "content-type": "application/json", "cache-control": "no-store", vary: "*", ...headers },
    body: JSON.stringify(body),
  });
}

/** A signal that aborts when the caller leaves before it was answered. */
export function leavingOf(res: ServerResponse): AbortSignal {
  const controller = new AbortController();
  res.once("close", () => {
    if (!res.writableFinished) controller.abort();
  });
  return controller.signal;
}

/** The peer's address in words for a log line; a socket that closed meanwhile has none. */
export function peerOf(req: IncomingMessage): string {
  return req.socket.remoteAddress ?? "unknown";
}
