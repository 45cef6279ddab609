import { request as startRequest, ServerResponse } from "node:http";
import type { ClientRequest, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Clock } from "../core/clock.ts";
import type { Route } from "../core/route.ts";
import { toRouteContext } from "../core/route-context.ts";
import { dial, dialedEvent } from "../net/dial.ts";
import type { Dialed } from "../net/dialed.ts";
import { NodoffError } from "../core/errors.ts";
import { isHopByHop, namedByConnection } from "./hop-by-hop.ts";
import { createRedial } from "./redial.ts";
import { toUpstreamHeaders, toUpstreamPath } from "./request-headers.ts";
import type { Outgoing } from "./request-headers.ts";
import { addExtras, toClientHeaders, toStatusMessage } from "./response-headers.ts";
import { tunnel } from "./tunnel.ts";
import type { WaitingSocket } from "./waiting-socket.ts";

/** Connecting must not hang for ever, and a third SYN is worth nobody's time. */
const connectTimeoutMs = 5_000;

export interface UpgradeDeps {
  readonly clock: Clock;
  /** Learns of the connection to the upstream; left out, nobody asks whose it is. */
  readonly dialed?: Pick<Dialed, "add"> | undefined;
}

/** One allowed upgrade to carry to its upstream. */
export interface Upgrading {
  readonly req: IncomingMessage;
  readonly socket: Socket;
  readonly waiting: WaitingSocket;
  readonly route: Route;
  readonly outgoing: Outgoing;
  /** The upstream failed before it answered; the socket is still open, and the caller's. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Asks the upstream to upgrade. On 101 the two sockets become a tunnel; any other answer is passed on and ends the
 * connection, since what the client sent meanwhile was meant for another protocol.
 */
export function forwardUpgrade(upgrading: Upgrading, deps: UpgradeDeps): void {
  const { clock, dialed } = deps;
  const { socket, route, waiting, onFailure } = upgrading;
  const redial = createRedial(route, clock);
  let asked: ClientRequest | null = null;
  let hasLeft = false;
  waiting.onLeave(() => {
    hasLeft = true;
    asked?.destroy();
  });
  const send = (): void => {
    if (hasLeft) return;
    const locating = route.workload?.locating ?? null;
    if (locating !== null) return void locating.then(send);
    const context = toRouteContext(route, redial.passed);
    if (context === null) return onFailure(new Error("the upstream has no address"));
    asked = ask(upgrading, context.url, {
      clock,
      dialed,
      onError(error, isConnected) {
        if (hasLeft || (!isConnected && redial.again(error, context.address, send))) return;
        if (!socket.destroyed) onFailure(error);
      },
    });
  };
  send();
}

interface Asking extends UpgradeDeps {
  readonly onError: (error: unknown, isConnected: boolean) => void;
}

function ask(upgrading: Upgrading, origin: URL, { clock, dialed, onError }: Asking): ClientRequest {
  const { req, socket, waiting, route, outgoing } = upgrading;
  const link = dial(origin, { tlsVerify: route.spec.tlsVerify, allowHalfOpen: true });
  let isConnected = false;
  let isAnswered = false;
  // At once: an error that comes before the request has taken the socket over would be heard by nobody.
  link.on("error", (error) => asked.destroy(error));
  const asked = startRequest({
    method: req.method ?? "GET",
    path: toUpstreamPath(outgoing),
    headers: toUpgradeHeaders(req, outgoing),
    createConnection: () => link,
  });
  const cancelTimeout = clock.after(connectTimeoutMs, () => {
    asked.destroy(new NodoffError("UPSTREAM_TIMEOUT", "no connection in time"));
  });
  link.once(dialedEvent(origin), () => {
    isConnected = true;
    dialed?.add(link);
    cancelTimeout();
  });
  asked
    .on("upgrade", (answer: IncomingMessage, _link, head: Buffer) => {
      isAnswered = true;
      const early = waiting.release();
      socket.write(toSwitchHead(answer), "latin1");
      if (head.length > 0) link.unshift(head);
      if (early.length > 0) link.write(early);
      tunnel(socket, link);
    })
    .on("response", (answer: IncomingMessage) => {
      isAnswered = true;
      waiting.release();
      passOn(answer, createSocketResponse(req, socket), { link, outgoing });
    })
    .on("error", (error) => {
      cancelTimeout();
      if (!isAnswered) onError(error, isConnected);
    })
    .end();
  return asked;
}

/** The client's headers with the hop-by-hop ones that ask for the switch. */
function toUpgradeHeaders(req: IncomingMessage, outgoing: Outgoing): string[] {
  const headers = toUpstreamHeaders(req, outgoing);
  headers.push("connection", "Upgrade", "upgrade", req.headers.upgrade ?? "");
  // Else node:http announces a chunked body for methods that usually have one.
  const isBare = req.method === "GET" || req.method === "HEAD" || req.headers["content-length"] !== undefined;
  if (!isBare) headers.push("content-length", "0");
  return headers;
}

function toSwitchHead(answer: IncomingMessage): string {
  const { rawHeaders, headers } = answer;
  const named = namedByConnection(headers.connection);
  const lines = [`HTTP/1.1 101 ${toStatusMessage(answer.statusMessage) ?? "Switching Protocols"}`];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    const lower = name.toLowerCase();
    if (!isHopByHop(lower) && named?.has(lower) !== true) lines.push(`${name}: ${rawHeaders[i + 1] ?? ""}`);
  }
  lines.push("Connection: Upgrade", `Upgrade: ${headers.upgrade ?? ""}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/**
 * A response on a socket that the HTTP server has let go of, for everything but 101. Ends the connection when done.
 */
export function createSocketResponse(req: IncomingMessage, socket: Socket): ServerResponse {
  const res = new ServerResponse(req);
  res.shouldKeepAlive = false;
  res.assignSocket(socket);
  res.on("error", () => undefined);
  res.on("finish", () => socket.destroySoon());
  return res;
}

function passOn(
  answer: IncomingMessage,
  res: ServerResponse,
  { link, outgoing }: { readonly link: Socket; readonly outgoing: Outgoing },
): void {
  const status = answer.statusCode ?? 502;
  const phrase = toStatusMessage(answer.statusMessage);
  const headers = toClientHeaders(answer.headers, { req: res.req, status });
  addExtras(headers, outgoing, res.req);
  if (phrase === undefined) res.writeHead(status, headers);
  else res.writeHead(status, phrase, headers);
  res.flushHeaders();
  answer.on("error", () => res.destroy());
  res.once("close", () => link.destroy());
  answer.pipe(res);
}
