import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { constants, Http2ServerRequest } from "node:http2";
import type { Http2ServerResponse, ServerHttp2Stream } from "node:http2";

/** Whether a request came by HTTP/2, through Node's compatibility API. The version alone may be a text of HTTP/1.1. */
export function isHttp2(req: IncomingMessage): boolean {
  return req.httpVersionMajor === 2 && req instanceof Http2ServerRequest;
}

/** The HTTP/2 stream below a request or its response. Call only where `isHttp2`. */
function streamOf(message: IncomingMessage | ServerResponse): ServerHttp2Stream {
  // Node's compatibility API is made to stand in for node:http's objects, but its types are not related.
  return (message as unknown as Http2ServerRequest | Http2ServerResponse).stream;
}

/** Whether an HTTP/2 request carries a body: its head may leave the length open. */
export function hasStreamBody(req: IncomingMessage): boolean {
  return !streamOf(req).endAfterHeaders;
}

/** Whether nobody waits for the answer any more. */
export function isStreamGone(req: IncomingMessage): boolean {
  const stream = streamOf(req);
  return stream.destroyed || stream.closed;
}

/** A response's head as it is to be sent. */
export interface Head {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  /** Learns why it could not be sent. */
  readonly onError: (error: unknown) => void;
}

/**
 * Sets the head of an HTTP/2 response; throws for one that HTTP/2 does not allow. It is sent with the first chunk, or
 * when all that came with it was seen: where nothing follows, head and end are one, as gRPC tells its failures.
 */
export function prepareHead(res: ServerResponse, { status, headers, onError }: Head): void {
  res.statusCode = status;
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined) res.setHeader(name, value);
  }
  setImmediate(() => {
    if (res.headersSent || streamOf(res).destroyed) return;
    try {
      res.flushHeaders();
    } catch (error) {
      onError(error);
    }
  });
}

/** Ends an HTTP/2 response. */
export function endStream(
  res: ServerResponse,
  trailers: Readonly<Record<string, string | string[] | undefined>>,
): void {
  if (Object.keys(trailers).length > 0) {
    res.flushHeaders();
    res.addTrailers(trailers);
  }
  res.end();
}

/** Ends a response of either version in a way that nobody takes for its proper end. */
export function cut(req: IncomingMessage, res: ServerResponse): void {
  if (isHttp2(req)) streamOf(res).close(constants.NGHTTP2_INTERNAL_ERROR);
  else res.destroy();
}

/**
 * Makes an HTTP/2 request look as one of HTTP/1.1 to whoever reads its headers: Host instead of pseudo headers, one
 * Cookie (RFC 9113 section 8.2.3). False = it contradicts itself (section 8.3.1) and must be refused.
 */
export function toPlainHeaders(req: IncomingMessage): boolean {
  const { headers, rawHeaders } = req;
  const named = headers[":authority"];
  const authority = typeof named === "string" ? named : headers.host;
  if (headers.host !== undefined && headers.host !== authority) return false;
  const plain: string[] = [];
  let cookie = -1;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    const value = rawHeaders[i + 1] ?? "";
    if (name.startsWith(":") || name === "host") continue;
    if (name === "cookie" && cookie >= 0) {
      plain[cookie] += `; ${value}`;
      continue;
    }
    plain.push(name, value);
    if (name === "cookie") cookie = plain.length - 1;
  }
  if (authority !== undefined) {
    headers.host = authority;
    plain.push("host", authority);
  }
  // The compatibility API keeps method and path in the same object; they are read through it.
  rawHeaders.splice(0, rawHeaders.length, ...plain);
  return true;
}

/** Bytes of a head as RFC 9113 section 6.5.2 counts them: names, values and 32 for each. */
export function headSize(rawHeaders: readonly string[]): number {
  let size = 16 * rawHeaders.length;
  for (const text of rawHeaders) size += text.length;
  return size;
}
