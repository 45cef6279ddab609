import type { IncomingMessage, ServerResponse } from "node:http";
import type { Route } from "../core/route.ts";
import { createBuckets, hookBoundsS } from "../core/tallies.ts";
import type { Buckets } from "../core/tallies.ts";
import { createAuthDoor } from "./auth.ts";
import { createPageChannel } from "./channel.ts";
import type { HookDeps } from "./deps.ts";
import { createDoorway } from "./door.ts";
import { createAddressReader } from "./hook-address.ts";
import { createPeerNames } from "./peer-names.ts";
import type { PeerNames } from "./peer-names.ts";
import { isReserved, serveDirectly, toDirect } from "./reserved.ts";
import { createWakeDoor } from "./wake.ts";

/** The door that proxies ask, and the channel of the loading page. */
export interface Hook {
  /**
   * Answers what is the hook's own: `/auth/traefik`, `/auth/caddy`, `/auth/nginx`, `/wake`, `/.nodoff/…`. False for
   * every other path: nothing was written. The server it stands in must have no 'upgrade' listener (Caddy's hook for a
   * WebSocket would arrive there).
   */
  serve(req: IncomingMessage, res: ServerResponse): boolean;
  /** For other doors of trusted proxies: whether the peer may ask; else it has been answered 403. */
  admits(req: IncomingMessage, res: ServerResponse): boolean;
  /** Answers `/.nodoff/…` for our own proxy, which has found the route and needs no trusted peer. */
  reserved(req: IncomingMessage, res: ServerResponse, asked: { readonly route: Route; readonly client: string }): void;
  /** Addresses of other gateways that our own proxy answers at. */
  readonly names: PeerNames;
  /** For `nodoff_hook_seconds`: from reading to answering, holds included. */
  readonly timings: Buckets;
  /** Requests whose host no route has; for `nodoff_hook_decisions_total{route=""}`. */
  readonly unknownHosts: number;
  /** `?route=` that were not taken: unknown, or of another host. */
  readonly ignoredNames: number;
  /** Answers the page channel's waits and ends its streams; later requests are answered at once. */
  close(): void;
}

export function createHook(deps: HookDeps): Hook {
  const doorway = createDoorway(deps);
  const channel = createPageChannel(deps);
  const toAddress = createAddressReader();
  const timings = createBuckets(hookBoundsS);
  const parts = { deps, doorway, channel, timings };
  const auth = createAuthDoor(parts);
  const serveWake = createWakeDoor(parts);

  return {
    serve(req, res) {
      const url = req.url ?? "/";
      const isHook = url.startsWith("/auth/") || url.startsWith("/wake");
      if (!isHook && !isReserved(url)) return false;
      const address = isHook ? toAddress(url) : null;
      if (isHook && address === null) return false;
      if (!doorway.admits(req, res, address)) return true;
      if (address === null) serveDirectly(channel, { req, res }, { ...deps, toClient: doorway.toClient });
      else if (address.door === "auth") auth.serve(req, res, address);
      else serveWake(req, res, address);
      return true;
    },
    admits: (req, res) => doorway.admits(req, res, null),
    reserved(req, res, { route, client }) {
      const host = req.headers.host ?? "";
      channel.serve(toDirect({ req, res }, { host, client, route }));
    },
    names: createPeerNames({ clock: deps.clock, registry: deps.registry, channel }),
    timings,
    get unknownHosts() {
      return auth.unknownHosts;
    },
    get ignoredNames() {
      return doorway.ignoredNames;
    },
    close: () => channel.close(),
  };
}
