import type { DecisionName, Route } from "./route.ts";

/** Request headers as node:http parses them: lower-case names. */
export type RequestHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** A client's request as a door understood it, whatever the dialect. */
export interface RequestFacts {
  readonly method: string;
  /** As sent: may carry a port and capitals. */
  readonly host: string;
  /** Raw path without query, starts with `/`. */
  readonly path: string;
  /** Raw query with its `?`, or empty. */
  readonly query: string;
  readonly proto: "http" | "https";
  /** The client's address by trust; null = unknown. */
  readonly client: string | null;
  readonly upgrade: boolean;
  /** `X-Nodoff-Probe`: the loading page or `nodoff doctor` asks. Never held, never counted. */
  readonly probe: boolean;
  readonly headers: RequestHeaders;
}

/** Reads `X-Nodoff-Probe`: `1`, or the mark of an examination. */
export function isProbe(value: RequestHeaders[string]): boolean {
  return value !== undefined && value !== "0";
}

/** What the door adds to the client's request. */
export interface DoorOptions {
  /** Longest a caller may be held before the dialect's proxy gives up. */
  readonly maxHoldMs: number;
  /** `&via=` of the hook's address. */
  readonly via: "url" | "docker" | null;
  /** Aborts when the caller leaves. */
  readonly signal: AbortSignal;
}

/** What the door does. Replies are complete: status, headers, body. */
export type Answer =
  | {
      readonly kind: "allow";
      readonly decision: DecisionName;
      /** Whether the request is use of the service (`no_count`, design §8.3); absent = it is. */
      readonly counted?: boolean;
    }
  | {
      readonly kind: "reply";
      readonly decision: DecisionName;
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: Uint8Array | string;
    }
  /** The caller left while held: nothing to answer. */
  | { readonly kind: "left" };

/**
 * Decides about one request (design §8.2) and carries the decision out: touches, wakes, holds, renders. Shared by the
 * hook and our own proxy. Synchronous (no promise) whenever nothing is waited for; counts the decision on the route.
 */
export interface Gate {
  admit(route: Route, facts: RequestFacts, options: DoorOptions): Answer | Promise<Answer>;
  /** The page or problem for a request that must not be held (nginx `@wake`, Caddy `handle_errors`). */
  present(route: Route, facts: RequestFacts): Answer;
}
