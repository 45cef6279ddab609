import type { Socket } from "node:net";

const keepAliveMs = 60_000;

/**
 * Joins two sockets: bytes both ways with backpressure; an end of one side is passed on and the other side may go on
 * (half-close); an error or a loss of one ends the other. A peer that vanished without a word is found by TCP
 * keep-alive: there is no idle limit, a silent socket may be in use.
 */
export function tunnel(client: Socket, upstream: Socket): void {
  for (const socket of [client, upstream]) {
    // The default would be to end our side as soon as the peer ends its own.
    socket.setNoDelay(true).setKeepAlive(true, keepAliveMs);
    socket.on("error", () => socket.destroy());
  }
  pass(client, upstream);
  pass(upstream, client);
}

function pass(from: Socket, to: Socket): void {
  from.pipe(to);
  from.once("close", () => {
    // `pipe` passed a clean end on. `to` may flush what it has, but nobody takes what it still says.
    if (from.readableEnded) to.destroySoon();
    else cut(to);
  });
}

/** A reset, where TLS does not show it anyway: what was cut must not look as if it had ended. */
function cut(socket: Socket): void {
  if ("encrypted" in socket) socket.destroy();
  else socket.resetAndDestroy();
}
