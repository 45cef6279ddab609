import type { Server as HttpServer } from "node:http";
import { isIPv6 } from "node:net";
import type { Server } from "node:net";
import type { Clock } from "../core/clock.ts";
import { NodoffError } from "../core/errors.ts";

/** An address to listen on. `host` null: every interface, IPv4 and IPv6. */
export interface ListenAddress {
  readonly host: string | null;
  readonly port: number;
}

/** Where a server came to listen: the port is the real one where 0 was asked for. */
export interface Listening {
  readonly host: string;
  readonly port: number;
}

const addressForm = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]/]*)):(\d{1,5})$/;

/** Parses `:8080`, `127.0.0.1:8090`, `[::1]:8090`, `name:8080`; null = none of these. Port 0 = any free port. */
export function parseListenAddress(text: string): ListenAddress | null {
  const match = addressForm.exec(text);
  if (match === null) return null;
  const port = Number(match[3]);
  const bracketed = match[1];
  if (port > 65_535 || (bracketed !== undefined && !isIPv6(bracketed))) return null;
  const host = bracketed ?? match[2] ?? "";
  return { host: host === "" ? null : host, port };
}

/** The address as people write it. */
export function formatListenAddress({ host, port }: ListenAddress): string {
  if (host === null) return `:${port}`;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Opens `address` and resolves once connections are accepted. Rejects with LISTEN_FAILED, which names the address and the
 * reason, for what cannot be opened.
 */
export function listen(server: Server, address: ListenAddress): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      server.off("listening", onListening);
      reject(toListenError(address, error));
    };
    const onListening = (): void => {
      server.off("error", onError);
      const bound = server.address();
      if (bound === null || typeof bound === "string") return onError(new Error("not a network address"));
      resolve({ host: bound.address, port: bound.port });
    };
    server.once("error", onError).once("listening", onListening);
    // The kernel caps the backlog at somaxconn: ask for all of it, a wake brings many at once.
    const host = address.host === null ? {} : { host: address.host };
    server.listen({ port: address.port, backlog: 16_384, ...host });
  });
}

/** LISTEN_FAILED for an address that cannot be opened, with the reason for people. */
export function toListenError(address: ListenAddress, error: NodeJS.ErrnoException): NodoffError {
  const message = `cannot listen on ${formatListenAddress(address)}: ${toReason(error)}`;
  return new NodoffError("LISTEN_FAILED", message, { cause: error });
}

/** How often connections that became idle are ended while a server closes. */
const idleCheckMs = 100;

/**
 * Stops accepting, ends idle keep-alive connections at once and as they become idle, and after `graceMs` cuts the
 * rest. Resolves when all connections are closed; a server that never listened is closed already. Upgraded sockets
 * are their owner's: the server neither waits for them after `graceMs` nor ends them.
 */
export function closeServer(
  server: Server,
  options: { readonly clock: Clock; readonly graceMs: number },
): Promise<void> {
  const { clock, graceMs } = options;
  if (!server.listening) return Promise.resolve();
  return new Promise((resolve) => {
    const deadline = clock.now() + graceMs;
    const http = isHttp(server) ? server : null;
    const done = (): void => {
      cancel();
      resolve();
    };
    const check = (): void => {
      if (clock.now() >= deadline) {
        http?.closeAllConnections?.();
        return done();
      }
      http?.closeIdleConnections();
      cancel = clock.after(Math.max(0, Math.min(idleCheckMs, deadline - clock.now())), check);
    };
    let cancel = (): void => undefined;
    server.close(done);
    check();
  });
}

/** HTTP/2 servers that speak HTTP/1.1 besides can end idle connections of that alone; the rest is their owner's. */
type Closable = Pick<HttpServer, "closeIdleConnections"> & Partial<Pick<HttpServer, "closeAllConnections">>;

/** HTTPS servers have the same methods and another class. */
function isHttp(server: Server): server is Server & Closable {
  return "closeIdleConnections" in server;
}

function toReason(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case "EADDRINUSE":
      return "another program listens there already";
    case "EACCES":
      return "not permitted (ports below 1024 need a right: choose a higher port, or grant NET_BIND_SERVICE)";
    case "EADDRNOTAVAIL":
      return "this machine does not have that address";
    case "ENOTFOUND":
      return "the name is not known";
    default:
      return error.message;
  }
}
