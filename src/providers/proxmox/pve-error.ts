import { NodoffError } from "../../core/errors.ts";
import type { ErrorCode } from "../../core/errors.ts";

/**
 * Why a call failed, as far as that decides what follows.
 * `unreachable`: no connection, so nothing was done · `broken`, `timeout`: it was sent, and whether it was done is not
 * known · `gateway`: a proxy or node on the way has no way on · `auth`: 401 · `permission`: 403 · `parameter`: 400 ·
 * `alien`: what answers is no Proxmox VE · `moved`: the guest is not on that node · `quorum`, `locked`, `engine`: said no.
 */
export type PveErrorKind =
  | "unreachable"
  | "broken"
  | "timeout"
  | "gateway"
  | "auth"
  | "permission"
  | "parameter"
  | "alien"
  | "moved"
  | "quorum"
  | "locked"
  | "engine";

interface PveErrorDetails {
  /** 0 = there was no answer. */
  readonly status?: number;
  /** What is wrong with which parameter. */
  readonly errors?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** A call to Proxmox VE that failed. Never leaves this folder: `toProviderError` translates it. */
export class PveError extends Error {
  override readonly name = "PveError";
  readonly kind: PveErrorKind;
  readonly status: number;
  readonly errors: Readonly<Record<string, string>>;

  constructor(kind: PveErrorKind, message: string, { status = 0, errors = {}, cause }: PveErrorDetails = {}) {
    super(message, { cause });
    this.kind = kind;
    this.status = status;
    this.errors = errors;
  }
}

const codes: Readonly<Record<PveErrorKind, ErrorCode>> = {
  unreachable: "PROVIDER_UNAVAILABLE",
  broken: "PROVIDER_UNAVAILABLE",
  timeout: "PROVIDER_UNAVAILABLE",
  gateway: "PROVIDER_UNAVAILABLE",
  alien: "PROVIDER_UNAVAILABLE",
  auth: "PROVIDER_FORBIDDEN",
  permission: "PROVIDER_FORBIDDEN",
  parameter: "ENGINE_ERROR",
  moved: "ENGINE_ERROR",
  quorum: "ENGINE_ERROR",
  locked: "ENGINE_ERROR",
  engine: "ENGINE_ERROR",
};

/** Translates whatever was thrown, for the room's edge. `about` begins the message: `lxc/100`. */
export function toProviderError(error: unknown, about?: string): NodoffError {
  if (error instanceof NodoffError) return error;
  const options = { cause: error };
  const prefix = about === undefined ? "" : `${about}: `;
  if (error instanceof PveError) return new NodoffError(codes[error.kind], prefix + error.message, options);
  return new NodoffError("INTERNAL", prefix + (error instanceof Error ? error.message : String(error)), options);
}

/** Whether a call that failed so may have been carried out all the same. */
export function isUncertain(error: unknown): boolean {
  return error instanceof PveError && ["broken", "timeout", "gateway"].includes(error.kind);
}

/** What kind of refusal a text of the engine is; it says 500 to everything, so there is only the text to go by. */
export function kindOfText(text: string): "moved" | "quorum" | "locked" | "engine" {
  if (/configuration file .* does not exist|hostname lookup .* failed/i.test(text)) return "moved";
  if (/no quorum/i.test(text)) return "quorum";
  if (/\bis locked\b|can't lock file/i.test(text)) return "locked";
  return "engine";
}

/** The engine's words with what to do about them, where that is known. */
export function withMend(text: string, id: string): string {
  const mend = mends.find(({ pattern }) => pattern.test(text))?.mend;
  return mend === undefined ? text : `${text}: ${mend.replaceAll("{id}", id)}`;
}

const mends: readonly { readonly pattern: RegExp; readonly mend: string }[] = [
  {
    pattern: /no quorum/i,
    mend: "nothing can be started or stopped until most nodes of the cluster see each other again",
  },
  {
    pattern: /is locked \((?:backup|snapshot|snapshot-delete|rollback|clone|migrate|create|disk)\)/i,
    mend: "wait until that task has ended (if it died, `pct unlock {id}` or `qm unlock {id}`)",
  },
  { pattern: /can't lock file/i, mend: "another task of this guest is at work; it is tried again later" },
  { pattern: /if it's a template/i, mend: "a template never runs; clone it" },
  {
    pattern: /did not stop|got timeout/i,
    mend: "it ignores the shutdown; `stop_method: kill` (with a `stop_timeout` for a shutdown before) ends it all the same",
  },
  { pattern: /cannot suspend ha managed vm to disk/i, mend: "use `stop_method: stop` or `pause`" },
];
