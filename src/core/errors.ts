/**
 * Every failure nodoff names, with the HTTP status it answers with. Codes are stable: scripts match on them, never on
 * messages. `docs/errors.md` has one section per code; a test keeps the two equal.
 */
export const statusByCode = {
  /** No route serves this host and path (own proxy, page channel). */
  UNKNOWN_ROUTE: 404,
  /** The workload is asleep and this request may not wake it. */
  ASLEEP: 503,
  /** The workload is being woken; ask again. */
  WAKING: 503,
  /** The path, method or client may not wake this workload (`start_endpoint`, `wake_on`). */
  WAKE_NOT_ALLOWED: 403,
  /** This client caused more wakes than `wake_quota` allows. */
  WAKE_QUOTA: 429,
  /** More callers wait already than `limits.waiters` or `limits.waiters_per_workload` allow. */
  TOO_MANY_WAITERS: 503,
  /** Too many requests from one address to a public endpoint, or to a route with `limits.rate`. */
  RATE_LIMITED: 429,
  /** Not ready within `wake_timeout`. */
  WAKE_TIMEOUT: 503,
  /** It ended by itself while it was being woken, or while it was in use. */
  EXITED: 503,
  /** It was stopped or paused from outside while callers waited. */
  STOPPED_OUTSIDE: 503,
  /** A dependency could not be woken. */
  DEPENDENCY_FAILED: 503,
  /** The engine no longer has this workload. */
  GONE: 503,
  /** The engine does not answer. */
  PROVIDER_UNAVAILABLE: 503,
  /** The engine, or a socket proxy before it, refuses us this call. */
  PROVIDER_FORBIDDEN: 503,
  /** The engine refused the call for a reason that has no code of its own. */
  ENGINE_ERROR: 503,
  /** A host port the workload publishes is taken. */
  PORT_CONFLICT: 503,
  /** The workload's command cannot be run. */
  BAD_COMMAND: 503,
  /** A network the workload needs no longer exists. */
  NETWORK_MISSING: 503,
  /** nodoff and the workload share no network, and no port of it is published. */
  NO_SHARED_NETWORK: 503,
  /** The workload has no port to reach, or several and none was named. */
  NO_PORT: 503,
  /** nodoff never stops this workload: a Swarm task, `--rm`, a one-off run, nodoff itself, or what did not opt in. */
  REFUSED: 409,
  /** It is in use; asked to sleep without force. */
  IN_USE: 409,
  /** The upstream closed or refused the connection after the request was allowed (own proxy). */
  UPSTREAM_FAILED: 502,
  /** The upstream did not answer in time after the request was allowed (own proxy). */
  UPSTREAM_TIMEOUT: 504,
  /** The peer is not in `trusted_proxies`. */
  UNTRUSTED_PEER: 403,
  /** A hook was called without the headers its dialect sends. */
  BAD_HOOK_REQUEST: 400,
  /** `return` does not lead to the route it names. */
  BAD_RETURN: 400,
  /** A query, header or body of the request is not valid. */
  BAD_REQUEST: 400,
  /** The body of the request is longer than the API takes, or than `limits.body` of its route. */
  BODY_TOO_BIG: 413,
  /** No such path or alias in the API. */
  NOT_FOUND: 404,
  /** The path exists, the method does not. */
  METHOD_NOT_ALLOWED: 405,
  /** No token or session, or a wrong one. */
  UNAUTHORIZED: 401,
  /** The role does not allow it: a viewer may only look. */
  FORBIDDEN: 403,
  /** The request came from a page of another site, or by a name that is not nodoff's. */
  FOREIGN_ORIGIN: 403,
  /** More streams of the API are open than it bears. */
  TOO_MANY_STREAMS: 503,
  /** The configuration is not valid. */
  CONFIG_INVALID: 500,
  /** nodoff cannot open an address under `listen`: taken, not permitted, or not of this machine. */
  LISTEN_FAILED: 500,
  /** nodoff is shutting down. */
  SHUTTING_DOWN: 503,
  /** A defect in nodoff itself. */
  INTERNAL: 500,
} as const satisfies Record<string, number>;

export type ErrorCode = keyof typeof statusByCode;

/** A failure as data: what the state machine, the journal and the pages carry. `message` may name engine details. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
}

/** The one error class. Expected outcomes are return values; this is for failed I/O and broken contracts. */
export class NodoffError extends Error {
  override readonly name = "NodoffError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** The failure behind whatever was thrown; anything that is not ours becomes `fallback`. */
export function toFailure(error: unknown, fallback: ErrorCode = "INTERNAL"): Failure {
  if (error instanceof NodoffError) return { code: error.code, message: error.message };
  return { code: fallback, message: error instanceof Error ? error.message : String(error) };
}
