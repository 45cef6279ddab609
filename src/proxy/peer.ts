import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { TLSSocket } from "node:tls";
import { forwardedClient, forwardedEntry, normaliseAddress } from "../net/trust.ts";

/** Who sent a request, as far as it may be believed. */
export interface Peer {
  /** Of the connection; null = it is closed already. */
  readonly address: string | null;
  /** Whether its X-Forwarded-* count. */
  readonly trusted: boolean;
  /** The client behind it, else itself. */
  readonly client: string | null;
  /** What the client speaks to the first proxy. */
  readonly proto: "http" | "https";
}

export interface TrustDeps {
  readonly isTrusted: (address: string | undefined) => boolean;
  /** Trusted proxies in a row before us. */
  readonly proxyHops: number;
}

/** Read now: who is trusted may change with the configuration. */
export function trustOf({ isTrusted, proxyHops }: TrustDeps): TrustDeps {
  return { isTrusted, proxyHops };
}

/** Reads the peer of a request; X-Forwarded-* are looked at only where it is trusted. */
export function toPeer(req: IncomingMessage, { isTrusted, proxyHops }: TrustDeps): Peer {
  const raw = req.socket.remoteAddress;
  // What the kernel writes is in its normal form, but for IPv4 on a dual-stack socket and for zones.
  const isPlain = raw !== undefined && !raw.startsWith("::ffff:") && !raw.includes("%");
  const address = raw === undefined ? null : isPlain ? raw : normaliseAddress(raw);
  const own = isEncrypted(req) ? "https" : "http";
  if (!isTrusted(raw)) return { address, trusted: false, client: address, proto: own };
  const { headers } = req;
  const client = forwardedClient(single(headers, "x-forwarded-for"), proxyHops) ?? address;
  // Traefik says ws and wss for upgrades.
  const proto = forwardedEntry(single(headers, "x-forwarded-proto"), proxyHops)?.toLowerCase();
  const said = proto === undefined ? own : proto === "https" || proto === "wss" ? "https" : "http";
  return { address, trusted: true, client, proto: said };
}

function isEncrypted({ socket }: IncomingMessage): boolean {
  return (socket as Partial<TLSSocket>).encrypted === true;
}

function single(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(",") : value;
}
