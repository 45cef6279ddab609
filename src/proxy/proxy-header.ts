import type { Server, Socket } from "node:net";
import type { Clock } from "../core/clock.ts";
import { normaliseAddress } from "../net/trust.ts";
import { createEarlyBytes } from "./early-bytes.ts";
import { readProxyHeader } from "./proxy-protocol.ts";

export interface ProxyHeaderDeps {
  readonly clock: Clock;
  readonly isTrusted: (address: string | undefined) => boolean;
}

/** A trusted peer that has sent no header by then has nothing to say. */
const headerMs = 10_000;

/**
 * Lets connections of trusted peers begin with a PROXY protocol header (version 1 or 2): from then on the client it
 * names is the connection's peer, whom nobody has to trust. Of anybody else no header is read, so that one would be a
 * bad request: whoever could send one could be anybody. Call before the server listens; it may be any that takes
 * connections by its 'connection' event. Returns the end: cuts those that have sent nothing yet.
 */
export function expectProxyHeader(server: Server, { clock, isTrusted }: ProxyHeaderDeps): () => void {
  const accept = server.listeners("connection");
  const waiting = new Set<Socket>();
  server.removeAllListeners("connection");
  const serve = (socket: Socket): void => {
    for (const listener of accept) Reflect.apply(listener, server, [socket]);
  };
  // TLS makes a socket of its own of each connection; which one it is its port tells.
  const named = new Map<string, string>();
  server.prependListener("secureConnection", (socket: Socket) => {
    const address = named.get(keyOf(socket));
    if (address !== undefined) rename(socket, address);
  });
  server.on("connection", (socket: Socket) => {
    if (!isTrusted(socket.remoteAddress)) return serve(socket);
    const onError = (): void => void socket.destroy();
    waiting.add(socket);
    const early = createEarlyBytes(socket.on("error", onError));
    const cancel = clock.after(headerMs, onError);
    const end = (): void => {
      cancel();
      waiting.delete(socket);
    };
    socket.once("close", end);
    early.onMore((hasEnded) => {
      const header = readProxyHeader(early.peek());
      if (header.kind === "wrong" || (header.kind === "more" && hasEnded)) return void socket.destroy();
      if (header.kind === "more") return;
      early.drop(header.bytes);
      const rest = early.release();
      end();
      socket.off("close", end).off("error", onError);
      if (header.kind === "client") {
        const key = keyOf(socket);
        named.set(key, header.address);
        socket.once("close", () => named.delete(key));
        rename(socket, header.address);
      }
      if (rest.length > 0) socket.unshift(rest);
      serve(socket);
      // node:http listens for data on the paused socket; TLS takes what is there by itself.
      if (socket.listenerCount("data") > 0) socket.resume();
    });
  });
  return () => {
    for (const socket of waiting) socket.destroy();
  };
}

function keyOf({ remoteAddress = "", remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

/** All later code asks the socket who is there. */
function rename(socket: Socket, address: string): void {
  Object.defineProperty(socket, "remoteAddress", { value: normaliseAddress(address), configurable: true });
}
