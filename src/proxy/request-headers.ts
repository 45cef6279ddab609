import type { IncomingMessage } from "node:http";
import { withoutSession } from "../core/session-cookie.ts";
import type { RouteSpec } from "../core/spec.ts";
import { isHopByHop, namedByConnection } from "./hop-by-hop.ts";
import type { Peer } from "./peer.ts";
import type { Target } from "./target.ts";

/** A request on its way to the upstream. */
export interface Outgoing {
  readonly target: Target;
  readonly peer: Peer;
  readonly spec: Pick<RouteSpec, "path" | "stripPath" | "hostHeader" | "via" | "securityHeaders">;
}

// What proxies say about the client, beside X-Forwarded-*. An untrusted peer may say none of it.
const aboutClient = new Set(["forwarded", "x-real-ip"]);
const setHere = new Set(["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-real-ip"]);

/**
 * The headers the upstream gets, as a flat list of names and values: what the client sent, in its order, without
 * hop-by-hop headers (RFC 9110 section 7.6.1), with our Host and X-Forwarded-*. Those of a trusted peer are kept and
 * appended to; those of anybody else are dropped and set anew.
 */
export function toUpstreamHeaders(req: IncomingMessage, { target, peer, spec }: Outgoing): string[] {
  const { rawHeaders } = req;
  const named = namedByConnection(req.headers.connection);
  const out = ["host", spec.hostHeader ?? target.host];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    const lower = name.toLowerCase();
    if (lower === "host" || lower === "expect" || isHopByHop(lower) || named?.has(lower) === true) continue;
    if (isForged(lower, peer.trusted)) continue;
    const value = rawHeaders[i + 1] ?? "";
    const left = lower === "cookie" ? withoutSession(value) : value;
    if (left !== null) out.push(name, left);
  }
  addForwarded(out, req, { target, peer, spec });
  // After those of proxies before us: a list in several lines is one list.
  if (spec.via === true) out.push("via", toVia(req));
  return out;
}

/** Our entry in Via (RFC 9110 section 7.6.3): what was spoken to us, and a name that is no address. */
export function toVia({ httpVersion }: IncomingMessage): string {
  return `${httpVersion} nodoff`;
}

function isForged(lower: string, trusted: boolean): boolean {
  if (lower.includes("_")) {
    // Gateways such as WSGI and CGI read X_Forwarded_For as X-Forwarded-For: nobody has an honest use for that.
    const dashed = lower.replaceAll("_", "-");
    return dashed.startsWith("x-forwarded-") || aboutClient.has(dashed);
  }
  if (setHere.has(lower)) return true;
  return !trusted && (lower.startsWith("x-forwarded-") || aboutClient.has(lower));
}

function addForwarded(out: string[], req: IncomingMessage, { target, peer, spec }: Outgoing): void {
  const { headers } = req;
  const said = (name: string): string | undefined => {
    const value = peer.trusted ? headers[name] : undefined;
    return Array.isArray(value) ? value.join(", ") : value;
  };
  const chain = said("x-forwarded-for");
  const address = peer.address ?? "unknown";
  out.push("x-forwarded-for", chain === undefined || chain === "" ? address : `${chain}, ${address}`);
  out.push("x-forwarded-proto", said("x-forwarded-proto") ?? peer.proto);
  out.push("x-forwarded-host", said("x-forwarded-host") ?? target.host);
  out.push("x-forwarded-port", said("x-forwarded-port") ?? toPort(target.host, peer.proto));
  out.push("x-real-ip", said("x-real-ip") ?? peer.client ?? address);
  const elements = said("forwarded");
  // Where a trusted proxy speaks RFC 7239, a chain without us would end one hop early.
  if (elements !== undefined && elements !== "") {
    remove(out, "forwarded");
    out.push("forwarded", `${elements}, for=${toNode(address)}`);
  }
  if (spec.stripPath && spec.path !== "/") {
    // As Traefik's StripPrefix does: the app can still make links that lead back.
    const prefix = said("x-forwarded-prefix");
    if (prefix !== undefined) remove(out, "x-forwarded-prefix");
    out.push("x-forwarded-prefix", `${prefix ?? ""}${spec.path}`);
  }
}

/** An address as Forwarded takes it: IPv6 in brackets and quotes (RFC 7239 section 6). */
function toNode(address: string): string {
  return address.includes(":") ? `"[${address}]"` : address;
}

function remove(out: string[], lower: string): void {
  for (let i = out.length - 2; i >= 0; i -= 2) if (out[i]?.toLowerCase() === lower) out.splice(i, 2);
}

function toPort(host: string, proto: "http" | "https"): string {
  return /:(\d+)$/.exec(host)?.[1] ?? (proto === "https" ? "443" : "80");
}

/** The path and query the upstream is asked for: without the route's prefix where it says so. */
export function toUpstreamPath({ target, spec }: Outgoing): string {
  const { path, query } = target;
  if (!spec.stripPath || spec.path === "/") return path + query;
  const prefix = spec.path.endsWith("/") ? spec.path.slice(0, -1) : spec.path;
  if (!path.startsWith(prefix)) return path + query;
  const rest = path.slice(prefix.length);
  return (rest.startsWith("/") ? rest : `/${rest}`) + query;
}
