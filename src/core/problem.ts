import { statusByCode } from "./errors.ts";
import type { ErrorCode } from "./errors.ts";
import type { StateName } from "./state.ts";

/** What is known about a failure that is to be told to a client. */
export interface ProblemInput {
  readonly code: ErrorCode;
  /** The engine's or library's own words: give it only to operators, or with `show_details`. */
  readonly detail?: string;
  /** Alias of the route. */
  readonly route?: string;
  readonly state?: StateName;
  /** Seconds; sent rounded up and at least 1. */
  readonly retryAfterS?: number;
  /** Further members of the body, such as the `reasons` of IN_USE. They never replace a standard one. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** A complete answer: RFC 9457 `application/problem+json`. */
export interface Problem {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Each failure in words fit for strangers: they name no container, image, address or engine. */
export const titleByCode = {
  UNKNOWN_ROUTE: "Nothing is served at this address",
  ASLEEP: "The service is asleep",
  WAKING: "The service is waking up",
  WAKE_NOT_ALLOWED: "This request may not wake the service",
  WAKE_QUOTA: "Too many wake-ups from this address",
  TOO_MANY_WAITERS: "Too many are waiting for this service already",
  RATE_LIMITED: "Too many requests from this address",
  WAKE_TIMEOUT: "The service did not become ready in time",
  EXITED: "The service ended unexpectedly",
  STOPPED_OUTSIDE: "The service was stopped while it was waking up",
  DEPENDENCY_FAILED: "Something this service needs could not be woken",
  GONE: "The service no longer exists",
  PROVIDER_UNAVAILABLE: "The service cannot be woken now: its engine is not reachable",
  PROVIDER_FORBIDDEN: "The service cannot be woken: its engine refuses access",
  ENGINE_ERROR: "The service could not be started",
  PORT_CONFLICT: "The service could not be started: a port it needs is taken",
  BAD_COMMAND: "The service could not be started: its command cannot be run",
  NETWORK_MISSING: "The service could not be started: a network it needs is missing",
  NO_SHARED_NETWORK: "The service runs but cannot be reached",
  NO_PORT: "The service has no port to reach it at",
  REFUSED: "This service is never started or stopped from here",
  IN_USE: "The service is in use",
  UPSTREAM_FAILED: "The service closed the connection",
  UPSTREAM_TIMEOUT: "The service did not answer in time",
  UNTRUSTED_PEER: "This address is for trusted proxies only",
  BAD_HOOK_REQUEST: "The request lacks what a proxy sends here",
  BAD_RETURN: "The return address does not belong to this service",
  BAD_REQUEST: "The request is not valid",
  BODY_TOO_BIG: "The body of the request is too long",
  NOT_FOUND: "Not found",
  METHOD_NOT_ALLOWED: "This method is not allowed here",
  UNAUTHORIZED: "Sign in first",
  FORBIDDEN: "Your role does not allow this",
  FOREIGN_ORIGIN: "The request came from another site",
  TOO_MANY_STREAMS: "Too many streams are open",
  CONFIG_INVALID: "The configuration is not valid",
  LISTEN_FAILED: "An address cannot be listened on",
  SHUTTING_DOWN: "The service cannot be woken now: nodoff is shutting down",
  INTERNAL: "Something went wrong in nodoff",
} as const satisfies Record<ErrorCode, string>;

/**
 * The answer to a program for one failure. Pure; status and title follow from the code. `type` is a URN built from the
 * code, since RFC 9457 asks for one that stays the same and need not lead anywhere.
 */
export function toProblem(input: ProblemInput): Problem {
  const { code, detail, route, state, extra } = input;
  const status = statusByCode[code];
  const headers: Record<string, string> = { "content-type": "application/problem+json", "cache-control": "no-store" };
  if (input.retryAfterS !== undefined) headers["retry-after"] = toRetryAfter(input.retryAfterS);
  if (state !== undefined) headers["x-nodoff-state"] = state;
  const type = `urn:nodoff:problem:${code.toLowerCase()}`;
  // JSON leaves out what is undefined.
  const body = JSON.stringify({ ...extra, type, title: titleByCode[code], status, code, detail, route, state });
  return { status, headers, body };
}

/** The value of a Retry-After header for a wait in seconds: whole, and never 0 (that would be "at once"). */
export function toRetryAfter(seconds: number): string {
  return String(Math.max(1, Math.ceil(seconds)));
}
