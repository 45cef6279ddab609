import { connect as connectTcp, isIP } from "node:net";
import type { OnReadOpts, Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { ConnectionOptions } from "node:tls";

/** What bare connections to an upstream need to know. */
export interface DialOptions {
  readonly tlsVerify: boolean;
  /** Whether our side may go on writing after the upstream has ended its own. */
  readonly allowHalfOpen: boolean;
}

/** Gets what is read; a chunk is good until it returns. */
export type Receive = (chunk: Buffer) => void;

/** What is read into where somebody receives. All connections share it: a chunk is used before the next is read. */
const sharedBytes = 16_384;
let shared: Buffer | undefined;

/** The event that says a connection is up: for https when the handshake is done. */
export function dialedEvent(origin: URL): "connect" | "secureConnect" {
  return origin.protocol === "https:" ? "secureConnect" : "connect";
}

/** Opens a connection to `origin` (TLS only for https). Failures arrive as the socket's `error`. */
export function dial(origin: URL, options: DialOptions): Socket {
  return createDialer(origin, options)();
}

/**
 * Opens connections to `origin`, as `dial`. With `receive` nothing comes by `data` events: for connections that read
 * little, since a socket by itself takes 64 kB from the system for each read.
 */
export function createDialer(origin: URL, { tlsVerify, allowHalfOpen }: DialOptions): (receive?: Receive) => Socket {
  const host = withoutBrackets(origin.hostname);
  if (origin.protocol !== "https:") {
    const options = { host, port: origin.port === "" ? 80 : Number(origin.port), allowHalfOpen, noDelay: true };
    return (receive) => connectTcp(receive === undefined ? options : { ...options, onread: toReader(receive) });
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
  return (receive) => {
    const socket = connectTls({ ...options }).setNoDelay(true);
    return receive === undefined ? socket : socket.on("data", receive);
  };
}

function toReader(receive: Receive): OnReadOpts {
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
