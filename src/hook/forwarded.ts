import { isProbe, type RequestFacts, type RequestHeaders } from "../core/gate.ts";
import { isHostForm } from "../net/host-form.ts";
import { firstOf, headerOf, isToken, splitTarget, toProto } from "./dialect.ts";
import type { ToClient, Unreadable } from "./dialect.ts";

/** What differs between the two proxies that speak X-Forwarded-*. */
interface Forwarded {
  readonly headers: RequestHeaders;
  readonly toClient: ToClient;
  readonly upgrade: boolean;
  /** Taken where X-Forwarded-Method is absent; undefined = it must be there. */
  readonly method?: string | undefined;
}

/** The client's request from X-Forwarded-{Method,Proto,Host,Uri,For}, as Traefik and Caddy both send them. */
export function readForwarded(options: Forwarded): RequestFacts | Unreadable {
  const { headers } = options;
  const method = headerOf(headers, "x-forwarded-method") ?? options.method;
  if (method === undefined || !isToken(method)) return { header: "X-Forwarded-Method" };
  const host = headerOf(headers, "x-forwarded-host");
  if (host === undefined || !isHostForm(firstOf(host))) return { header: "X-Forwarded-Host" };
  const target = headerOf(headers, "x-forwarded-uri");
  if (target === undefined) return { header: "X-Forwarded-Uri" };
  const { path, query } = splitTarget(target);
  return {
    method,
    host: firstOf(host),
    path,
    query,
    proto: toProto(headerOf(headers, "x-forwarded-proto")),
    client: options.toClient(headerOf(headers, "x-forwarded-for")),
    upgrade: options.upgrade,
    probe: isProbe(headers["x-nodoff-probe"]),
    headers,
  };
}
