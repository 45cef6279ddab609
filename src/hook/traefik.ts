import type { Dialect } from "./dialect.ts";
import { readForwarded } from "./forwarded.ts";

/**
 * Traefik's `forwardAuth`. It strips Upgrade and Connection from the subrequest, so a WebSocket shows only by its key.
 * It cuts at 30 s, which cannot be configured.
 */
export const traefik: Dialect = {
  name: "traefik",
  maxHoldMs: 25_000,
  hidesReplies: false,
  read(req, toClient) {
    const { headers } = req;
    return readForwarded({ headers, toClient, upgrade: headers["sec-websocket-key"] !== undefined });
  },
};
