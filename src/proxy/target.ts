import type { IncomingMessage } from "node:http";
import { isHostForm } from "../net/host-form.ts";
import { hasStreamBody, isHttp2 } from "./http2.ts";

/** What a request asks for: the raw pieces of its target, and the host it names. */
export interface Target {
  /** As sent: may carry a port and capitals; empty only for HTTP/1.0. */
  readonly host: string;
  /** Starts with `/`, without query. */
  readonly path: string;
  /** With its `?`, or empty. */
  readonly query: string;
}

const absoluteForm = /^https?:\/\/([^/?#]+)([^#]*)$/i;

/**
 * Reads what a request asks for; null = refuse it with 400. node:http's parser refuses most of what servers in a row
 * read in different ways (Content-Length twice or beside Transfer-Encoding, bare line ends, folded headers). Here goes
 * what it lets through: a second Host, codings other than chunked, chunked in HTTP/1.0, fragments, hosts that are none.
 */
export function toTarget(req: IncomingMessage): Target | null {
  const { headers, rawHeaders, url = "" } = req;
  const coding = headers["transfer-encoding"];
  if (coding !== undefined && (coding.toLowerCase() !== "chunked" || req.httpVersionMinor === 0)) return null;
  if (hasSecondHost(rawHeaders)) return null;
  if (url.startsWith("/")) return split(headers.host ?? "", url);
  // RFC 9112 section 3.2.2: in this form the target names the host, whatever the Host header says.
  const absolute = absoluteForm.exec(url);
  if (absolute === null) return null;
  const rest = absolute[2] ?? "";
  return split(absolute[1] ?? "", rest.startsWith("/") ? rest : `/${rest}`);
}

function split(host: string, pathAndQuery: string): Target | null {
  if (!isHostForm(host) || pathAndQuery.includes("#")) return null;
  const query = pathAndQuery.indexOf("?");
  if (query === -1) return { host, path: pathAndQuery, query: "" };
  return { host, path: pathAndQuery.slice(0, query), query: pathAndQuery.slice(query) };
}

function hasSecondHost(rawHeaders: readonly string[]): boolean {
  let seen = false;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    if (name.length !== 4 || name.toLowerCase() !== "host") continue;
    if (seen) return true;
    seen = true;
  }
  return false;
}

/** Whether the request carries a body. */
export function hasBody(req: IncomingMessage): boolean {
  if (isHttp2(req)) return hasStreamBody(req);
  const { headers } = req;
  if (headers["transfer-encoding"] !== undefined) return true;
  const length = headers["content-length"];
  return length !== undefined && Number(length) > 0;
}
