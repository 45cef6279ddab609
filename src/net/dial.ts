import { connect as connectTcp, isIP } from "node:net";
import type { OnReadOpts, Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { ConnectionOptions } from "node:tls";

/** What a bare connection to an upstream needs to know. */
export interface DialOptions {
  readonly tlsVerify: boolean;
  /** Whether our side may go on writing after the upstream has ended its own. */
  readonly allowHalfOpen: boolean;
  /**
   * Gets every chunk in place of `data` events; a chunk is good until it returns. For connections that read little: a
   * socket by itself takes 64 kB from the system for each read.
   */
  readonly receive?: (chunk: Buffer) => void;
}

/** What is read into where somebody receives. All connections share it: a chunk is used before the next is read. */
const sharedBytes = 16_384;
let shared: Buffer | undefined;

/** The event that says a connection made by `dial` is up: for https when the handshake is done. */
export function dialedEvent(origin: URL): "connect" | "secureConnect" {
  return origin.protocol === "https:" ? "secureConnect" : "connect";
}

/** Opens a connection to `origin` (TLS only for https). Failures arrive as the socket's `error`. */
export function dial(origin: URL, { tlsVerify, allowHalfOpen, receive }: DialOptions): Socket {
  const host = withoutBrackets(origin.hostname);
  if (origin.protocol !== "https:") {
    const port = origin.port === "" ? 80 : Number(origin.port);
    const onread = receive === undefined ? {} : { onread: toReader(receive) };
    return connectTcp({ host, port, allowHalfOpen, noDelay: true, ...onread });
  }
  // node:tls documents allowHalfOpen, its types lack it.
  const options: ConnectionOptions & { readonly allowHalfOpen: boolean } = {
    host,
    port: origin.port === "" ? 443 : Number(origin.port),
    servername: toServerName(origin),
    rejectUnauthorized: tlsVerify,
    ALPNProtocols: ["http/1.1"],
    allowHalfOpen,
  };
  const socket = connectTls(options).setNoDelay(true);
  return receive === undefined ? socket : socket.on("data", receive);
}

function toReader(receive: (chunk: Buffer) => void): OnReadOpts {
  shared ??= Buffer.allocUnsafeSlow(sharedBytes);
  return {
    buffer: shared,
    callback(bytes, buffer) {
      receive((buffer as Buffer).subarray(0, bytes));
      return true;
    },
  };
}

/** The name to ask a certificate for; empty for an address, which SNI has no place for (RFC 6066 section 3). */
export function toServerName(origin: URL): string {
  const host = withoutBrackets(origin.hostname);
  return isIP(host) === 0 ? host : "";
}

/** A host as sockets take it: IPv6 without the brackets of URLs. */
export function withoutBrackets(host: string): string {
  return host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
}
