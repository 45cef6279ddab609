import type { IncomingMessage, ServerResponse } from "node:http";
import type { Exams } from "../core/exams.ts";
import type { RequestFacts } from "../core/gate.ts";
import type { RouteRegistry, Route } from "../core/route.ts";
import { channelPrefix } from "./asked.ts";
import type { ChannelRequest } from "./asked.ts";
import type { PageChannel } from "./channel.ts";
import { headerOf, splitTarget } from "./dialect.ts";
import { examine } from "./examining.ts";
import type { ToClient } from "./dialect.ts";
import { peerOf } from "./write.ts";

/** Whether a path belongs to the page channel, whatever the service behind it would make of it. */
export function isReserved(path: string): boolean {
  return path.startsWith(channelPrefix);
}

/** Answers a reserved path that came through a hook: nothing but a "no" reaches the client there. */
export function serveThroughHook(
  channel: PageChannel,
  facts: RequestFacts,
  asked: { readonly req: IncomingMessage; readonly res: ServerResponse; readonly route: Route | undefined },
): void {
  const { method, host, path, query, headers } = facts;
  if (asked.route !== undefined) asked.route.decisions.reserved++;
  const client = facts.client ?? peerOf(asked.req);
  channel.serve({ ...asked, method, host, path, query, client, headers, direct: false });
}

/** Answers `/.nodoff/…` asked of nodoff itself by a proxy, which keeps the client's Host. */
export function serveDirectly(
  channel: PageChannel,
  http: { readonly req: IncomingMessage; readonly res: ServerResponse },
  deps: { readonly registry: RouteRegistry; readonly toClient: ToClient; readonly exams: Exams },
): void {
  const { req } = http;
  const { headers } = req;
  const host = headerOf(headers, "host") ?? "";
  // The nginx kit says it by a header of its own; the other two always set X-Forwarded-For.
  const forwarded = headerOf(headers, "x-forwarded-for") ?? headerOf(headers, "x-original-addr");
  const client = deps.toClient(forwarded) ?? peerOf(req);
  const route = deps.registry.match(host, "/");
  if (headers["x-nodoff-probe"] !== undefined) examine(req, { outcome: "read", address: null, route }, deps.exams);
  channel.serve(toDirect(http, { host, client, route }));
}

/** A request that reached us without a hook between. */
export function toDirect(
  { req, res }: { readonly req: IncomingMessage; readonly res: ServerResponse },
  asked: { readonly host: string; readonly client: string; readonly route: Route | undefined },
): ChannelRequest {
  const { path, query } = splitTarget(req.url ?? "/");
  return { req, res, method: req.method ?? "GET", path, query, headers: req.headers, direct: true, ...asked };
}
