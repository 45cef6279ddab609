import type { IncomingMessage } from "node:http";
import type { RequestFacts, RequestHeaders } from "../core/gate.ts";
import type { KnownHeader } from "./read-headers.ts";

/** The client's address as X-Forwarded-For or X-Original-Addr says it; null = it does not say. */
export type ToClient = (list: string | undefined) => string | null;

/** The name of a header the dialect's proxy always sends, and this request lacks or has in a form nobody sends. */
export interface Unreadable {
  readonly header: string;
}

/** What one proxy's auth subrequest looks like. */
export interface Dialect {
  readonly name: DialectName;
  /** Longest a caller may be held, in ms, before the proxy itself gives up. */
  readonly maxHoldMs: number;
  /** The proxy shows the client nothing but its own 401 and 403: the real answer is fetched from `/wake`. */
  readonly hidesReplies: boolean;
  /** Reads only headers that this proxy sets itself: any other of the kind came from the client. */
  read(req: IncomingMessage, toClient: ToClient): RequestFacts | Unreadable;
}

type DialectName = "traefik" | "caddy" | "nginx";

/** A header's value. Empty counts as absent. */
export function headerOf(headers: RequestHeaders, name: KnownHeader): string | undefined {
  const value = headers[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** The first member of a list header: what the outermost proxy said. */
export function firstOf(list: string): string {
  const comma = list.indexOf(",");
  return comma === -1 ? list : list.slice(0, comma).trim();
}

/** Traefik says `wss` for a WebSocket over TLS. */
export function toProto(value: string | undefined): "http" | "https" {
  return value !== undefined && (value.startsWith("https") || value.startsWith("wss")) ? "https" : "http";
}

/** RFC 9110 §5.6.2. Methods are case-sensitive, so they are kept as sent. */
export function isToken(value: string): boolean {
  if (value === "GET" || value === "POST") return true;
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(value);
}

/**
 * Path and query of a request target. Takes what clients really send: absolute form loses its origin, `*` (OPTIONS)
 * and whatever else does not start with a slash are put under `/`, so that it can only miss, never break.
 */
export function splitTarget(target: string): { readonly path: string; readonly query: string } {
  const local = target.startsWith("/") ? target : withoutOrigin(target);
  const mark = local.indexOf("?");
  return mark === -1 ? { path: local, query: "" } : { path: local.slice(0, mark), query: local.slice(mark) };
}

function withoutOrigin(target: string): string {
  if (target === "*") return "/";
  const rest = target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i, "");
  return rest.startsWith("/") ? rest : `/${rest}`;
}
