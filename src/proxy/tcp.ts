import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { NodoffError } from "../core/errors.ts";
import type { Route } from "../core/route.ts";
import { toRouteContext } from "../core/route-context.ts";
import type { StreamSpec } from "../core/spec.ts";
import { closeServer } from "../net/listen.ts";
import { normaliseAddress } from "../net/trust.ts";
import { admit } from "./admission.ts";
import { createEarlyBytes } from "./early-bytes.ts";
import type { EarlyBytes } from "./early-bytes.ts";
import { readProxyHeader, toProxyHeader } from "./proxy-protocol.ts";
import { createRedial } from "./redial.ts";
import { isAllowed, noAddress, noteStreamFailure, toStreamFacts, toStreamRoute } from "./stream-door.ts";
import type { StreamDeps } from "./stream-door.ts";
import { useWhileOpen } from "./stream-use.ts";
import { tunnel } from "./tunnel.ts";

/** A TCP route's door. Its owner lets `server` listen. */
export interface TcpDoor {
  readonly server: Server;
  /** Takes no more, ends what is open with what was written flushed, and after `graceMs` cuts the rest. */
  close(options: { readonly graceMs: number }): Promise<void>;
}

/** Who sends neither its first bytes nor a PROXY header within this only holds a connection open. */
const firstBytesMs = 60_000;
const connectTimeoutMs = 5_000;

/** A connection on its way to the upstream. */
interface Caller {
  readonly socket: Socket;
  readonly early: EarlyBytes;
  readonly route: Route;
  readonly stream: StreamSpec;
}

/**
 * Accepts connections for the TCP route `alias`: wakes what it leads to, keeps what the client sends until then, and
 * joins the two. Each connection is one counted use, and in use while it is open.
 */
export function createTcpDoor(alias: string, deps: StreamDeps): TcpDoor {
  const open = new Set<Socket>();
  // Our side must be able to go on after the client ended its own.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    const found = toStreamRoute(deps.registry, alias);
    if (found === null || socket.remoteAddress === undefined) return void socket.destroy();
    receive({ socket, early: createEarlyBytes(socket), ...found }, deps);
  });
  return {
    server,
    async close({ graceMs }) {
      const closing = closeServer(server, { clock: deps.clock, graceMs });
      for (const socket of open) socket.destroySoon();
      await closing;
      for (const socket of open) socket.destroy();
    },
  };
}

function receive(caller: Caller, deps: StreamDeps): void {
  const { socket, early, stream } = caller;
  const peer = normaliseAddress(socket.remoteAddress ?? "");
  const hasHeader = stream.acceptProxy && deps.isTrusted(socket.remoteAddress);
  if (!hasHeader && stream.minBytes === 0) return ask(caller, peer, deps);
  const cancel = deps.clock.after(firstBytesMs, () => socket.destroy());
  socket.once("close", cancel);
  let client: string | null | undefined = hasHeader ? undefined : peer;
  early.onMore((hasEnded) => {
    if (client === undefined) {
      const header = readProxyHeader(early.peek());
      if (header.kind === "wrong") return void socket.destroy();
      if (header.kind !== "more") {
        early.drop(header.bytes);
        client = header.kind === "client" ? normaliseAddress(header.address) : peer;
      }
    }
    if (client !== undefined && early.peek().length >= stream.minBytes) {
      cancel();
      early.onMore(null);
      ask(caller, client, deps);
    } else if (hasEnded) socket.destroy();
  });
}

function ask(caller: Caller, client: string | null, deps: StreamDeps): void {
  const { socket, early, route, stream } = caller;
  if (!isAllowed(stream, client)) return void socket.destroy();
  admit(deps.gate, { route, facts: toStreamFacts(client), onLeave: (leave) => early.onLeave(leave) }, (answer) => {
    if (answer.kind === "left" || socket.destroyed) return;
    if (answer.kind === "broken")
      deps.logger.error("connection not decided", { alias: route.spec.alias, error: String(answer.error) });
    // Nothing can be told in a protocol that is not ours.
    if (answer.kind !== "allow") return void socket.destroy();
    if (answer.counted !== false) socket.once("close", useWhileOpen(route, socket, deps));
    join(caller, client, deps);
  });
}

/** Connects to the upstream, again while nobody listens there yet, and joins the two sockets. */
function join(caller: Caller, client: string | null, deps: StreamDeps): void {
  const { socket, early, route } = caller;
  const redial = createRedial(route, deps.clock);
  let upstream: Socket | null = null;
  early.onLeave(() => upstream?.destroy());
  const fail = (error: unknown, origin: string | null): void => {
    if (socket.destroyed || (origin !== null && redial.again(error, origin, dial))) return;
    noteStreamFailure(route, error, deps.logger);
    socket.destroy();
  };
  function dial(): void {
    if (socket.destroyed) return;
    const locating = route.workload?.locating ?? null;
    if (locating !== null) return void locating.then(dial);
    const to = toRouteContext(route, redial.passed);
    if (to === null) return fail(noAddress(), null);
    const link = connect({ host: to.host, port: to.port, allowHalfOpen: true, noDelay: true });
    upstream = link;
    const cancel = deps.clock.after(connectTimeoutMs, () => {
      link.destroy(new NodoffError("UPSTREAM_TIMEOUT", "no connection in time"));
    });
    const onError = (error: Error): void => {
      cancel();
      fail(error, to.address);
    };
    link.once("error", onError).once("connect", () => {
      cancel();
      link.off("error", onError);
      deps.dialed?.add(link);
      if (caller.stream.sendProxy) link.write(toProxyHeader(endsOf(socket, client)));
      const sent = early.release();
      if (sent.length > 0) link.write(sent);
      tunnel(socket, link);
    });
  }
  dial();
}

function endsOf(socket: Socket, client: string | null): Parameters<typeof toProxyHeader>[0] {
  return {
    client: { address: client ?? "", port: socket.remotePort ?? 0 },
    server: { address: normaliseAddress(socket.localAddress ?? "") ?? "", port: socket.localPort ?? 0 },
  };
}
