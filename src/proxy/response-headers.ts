import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { isHttp2 } from "./http2.ts";
import { toVia } from "./request-headers.ts";
import type { Outgoing } from "./request-headers.ts";
import { isHopByHop, namedByConnection } from "./hop-by-hop.ts";

/**
 * The headers the client gets of an upstream's answer (lower-case names): without hop-by-hop ones; framing is ours
 * again. `Trailer` stays only where trailers can follow: chunked on both sides, and an answer that has a body.
 */
export function toClientHeaders(
  headers: IncomingHttpHeaders,
  answer: { readonly req: IncomingMessage; readonly status: number },
): OutgoingHttpHeaders {
  const named = namedByConnection(headers.connection);
  const isChunked = headers["transfer-encoding"] !== undefined;
  const out: OutgoingHttpHeaders = {};
  for (const name in headers) {
    if (isHopByHop(name) || named?.has(name) === true) continue;
    // With both, Transfer-Encoding is what counted (RFC 9112 section 6.3); 204 has no length (RFC 9110 section 8.6).
    if (name === "content-length" && (isChunked || answer.status === 204)) continue;
    out[name] = headers[name];
  }
  const isOpen = isChunked || (isHttp2(answer.req) && headers["content-length"] === undefined);
  if (isOpen && headers.trailer !== undefined && canHaveTrailers(answer)) out.trailer = headers.trailer;
  return out;
}

/**
 * Passes an interim answer on: 103 Early Hints (RFC 8297), with which a browser loads styles while the app still thinks.
 * Others say nothing that is not said by our own framing.
 */
export function passHints(res: ServerResponse, headers: IncomingHttpHeaders, status: number): void {
  const { req } = res;
  // HTTP/1.0 knows no interim answers (RFC 9110 section 15.2).
  if (status !== 103 || (req.httpVersionMinor === 0 && !isHttp2(req))) return;
  const hints: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(toClientHeaders(headers, { req, status })))
    if (value !== undefined) hints[name] = Array.isArray(value) ? value : String(value);
  if (hints["link"] === undefined) return;
  try {
    res.writeEarlyHints(hints);
  } catch {
    // It is only a hint: Node takes no links but those of the usual form.
  }
}

const securityHeaders = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "SAMEORIGIN",
  "referrer-policy": "strict-origin-when-cross-origin",
} as const;

/** Adds what the route asks for: Via, and security headers that the app has not set itself. */
export function addExtras(
  out: OutgoingHttpHeaders,
  { spec, peer }: Pick<Outgoing, "spec" | "peer">,
  req: IncomingMessage,
): void {
  if (spec.via === true) out["via"] = out["via"] === undefined ? toVia(req) : `${String(out["via"])}, ${toVia(req)}`;
  if (spec.securityHeaders !== true) return;
  for (const [name, value] of Object.entries(securityHeaders)) out[name] ??= value;
  // RFC 6797 section 7.2: never over plain HTTP.
  if (peer.proto === "https") out["strict-transport-security"] ??= "max-age=31536000";
}

function canHaveTrailers({ req, status }: { readonly req: IncomingMessage; readonly status: number }): boolean {
  return (req.httpVersionMinor === 1 || isHttp2(req)) && req.method !== "HEAD" && status !== 204 && status !== 304;
}

/** The reason phrase as node:http accepts it; undefined = the standard one. */
export function toStatusMessage(message: string | undefined): string | undefined {
  return message !== undefined && /^[\t\x20-\x7e\x80-\xff]+$/.test(message) ? message : undefined;
}
