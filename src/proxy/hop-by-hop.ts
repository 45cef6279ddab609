// RFC 9110 section 7.6.1, with what older software sends. Proxy-Authorization is meant for us, the next proxy.
const hopByHop = new Set([
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Whether a header (lower case) belongs to one connection and is never passed on. */
export function isHopByHop(lower: string): boolean {
  return hopByHop.has(lower);
}

/** The headers (lower case) that a Connection header declares to be of this connection only; null = none. */
export function namedByConnection(connection: string | readonly string[] | undefined): ReadonlySet<string> | null {
  if (connection === undefined || connection === "keep-alive" || connection === "close") return null;
  const list = typeof connection === "string" ? connection : connection.join(",");
  return new Set(
    list
      .toLowerCase()
      .split(",")
      .map((name) => name.trim()),
  );
}
