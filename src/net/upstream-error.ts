import type { ErrorCode } from "../core/errors.ts";
import { NodoffError } from "../core/errors.ts";

/** What became of a connection or request to an upstream. `detail` is for the log, never for strangers. */
export interface UpstreamFailure {
  readonly code: Extract<ErrorCode, "UPSTREAM_FAILED" | "UPSTREAM_TIMEOUT" | "BAD_REQUEST" | "BODY_TOO_BIG">;
  readonly detail: string;
}

const timeouts = new Set(["ETIMEDOUT", "UND_ERR_CONNECT_TIMEOUT", "UPSTREAM_TIMEOUT"]);

/** Names what a socket, node:http or undici reported. */
export function toUpstreamFailure(error: unknown): UpstreamFailure {
  const detail = toDetail(error);
  const code = codeOf(error);
  if (timeouts.has(code)) return { code: "UPSTREAM_TIMEOUT", detail };
  // The body's own stream said so: the route allows no more.
  if (code === "BODY_TOO_BIG") return { code, detail };
  // undici checks what it is given to send: the client sent what cannot be passed on.
  return { code: code === "UND_ERR_INVALID_ARG" ? "BAD_REQUEST" : "UPSTREAM_FAILED", detail };
}

// Name not known: Docker's resolver learns of a container a moment after its start.
const unreachable = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EHOSTDOWN",
  "ENOTFOUND",
  "EAI_AGAIN",
  "UND_ERR_SOCKET",
]);

/** Whether trying to connect once more may help: nobody is there yet, as against silence, a wrong certificate or name. */
export function isWorthRedialing(error: unknown): boolean {
  return unreachable.has(codeOf(error));
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  // Several addresses of one name failed: the first tells enough.
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  return "code" in error && typeof error.code === "string" ? error.code : "";
}

function toDetail(error: unknown): string {
  if (error instanceof NodoffError) return error.message;
  const code = codeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  return message.includes(code) ? message : `${code} ${message}`.trim();
}
