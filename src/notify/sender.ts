import type { Notice } from "../core/notices.ts";

/** Brings one notice to one receiver. Rejects with a SendError; its message names no address and no secret. */
export interface Sender {
  send(notice: Notice, options: { readonly signal: AbortSignal }): Promise<void>;
  /** Tries without sending whether the receiver can be reached; absent where that would send something. */
  verify?(options: { readonly signal: AbortSignal }): Promise<void>;
  close(): void;
}

/** Why a notice was not taken. */
export class SendError extends Error {
  override readonly name = "SendError";
  /** False: the same notice will be refused again. */
  readonly isWorthRetrying: boolean;
  /** How long the receiver asks to be left alone; null = it did not say. */
  readonly retryAfterMs: number | null;

  constructor(message: string, options: { readonly isWorthRetrying: boolean; readonly retryAfterMs?: number | null }) {
    super(message);
    this.isWorthRetrying = options.isWorthRetrying;
    this.retryAfterMs = options.retryAfterMs ?? null;
  }
}

export function toSendError(error: unknown): SendError {
  if (error instanceof SendError) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const reason = reasons[code] ?? (code === "" ? "failed" : code);
  return new SendError(reason, { isWorthRetrying: true });
}

/** Messages of libraries repeat addresses, which may hold credentials: only codes are passed on. */
const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  UND_ERR_SOCKET: "connection closed",
  ENOTFOUND: "host name not known",
  EAI_AGAIN: "host name not known",
  EHOSTUNREACH: "host not reachable",
  ETIMEDOUT: "timed out",
  UND_ERR_CONNECT_TIMEOUT: "timed out",
  UND_ERR_HEADERS_TIMEOUT: "timed out",
  UND_ERR_ABORTED: "timed out",
  ABORT_ERR: "timed out",
};
