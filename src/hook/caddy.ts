import type { RequestHeaders } from "../core/gate.ts";
import type { Dialect } from "./dialect.ts";
import { readForwarded } from "./forwarded.ts";

/** Caddy's `forward_auth`. It has no limit of its own; the kit gives it `response_header_timeout 30s`. */
export const caddy: Dialect = {
  name: "caddy",
  maxHoldMs: 25_000,
  hidesReplies: false,
  read(req, toClient) {
    const { headers } = req;
    return readForwarded({ headers, toClient, upgrade: isUpgrade(headers) });
  },
};

/** `/wake` from `handle_errors`: a plain proxied request, whose method is the client's own. */
export const caddyErrors: Dialect = {
  ...caddy,
  read(req, toClient) {
    const { headers } = req;
    return readForwarded({ headers, toClient, upgrade: isUpgrade(headers), method: req.method });
  },
};

/** Upgrade reaches the hook unless the kit strips it; the WebSocket key always does. */
function isUpgrade(headers: RequestHeaders): boolean {
  return headers.upgrade !== undefined || headers["sec-websocket-key"] !== undefined;
}
