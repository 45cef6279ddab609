import type { Socket } from "node:net";
import type { Clock } from "../core/clock.ts";

/** Connections nodoff itself opened, by the end on its side: to others they look like anybody's. */
export interface Dialed {
  /** Call once it is connected. It is known until it is closed, and a little longer. */
  add(socket: Socket): void;
  /** `peer` as the other side sees it: `address:port`, IPv6 in brackets. */
  has(peer: string): boolean;
}

/** A table of sockets read elsewhere may be so old when it is compared. */
const keptMs = 30_000;

/** Looking for what is past its time is not worth it below this. */
const sweepFrom = 512;

export function createDialed({ clock }: { readonly clock: Clock }): Dialed {
  /** When it was closed, monotonic ms; null = it is open. */
  const closedAt = new Map<string, number | null>();
  let sweptAt = clock.now();

  function sweep(): void {
    const now = clock.now();
    if (closedAt.size < sweepFrom || now - sweptAt < keptMs) return;
    sweptAt = now;
    for (const [peer, at] of closedAt) if (at !== null && now - at > keptMs) closedAt.delete(peer);
  }

  return {
    add(socket) {
      const { localAddress, localPort } = socket;
      // Neither: it is closed already, or no TCP.
      if (localAddress === undefined || localPort === undefined) return;
      sweep();
      const peer = toPeer(localAddress, localPort);
      closedAt.set(peer, null);
      socket.once("close", () => closedAt.set(peer, clock.now()));
    },
    has(peer) {
      const at = closedAt.get(peer);
      return at !== undefined && (at === null || clock.now() - at <= keptMs);
    },
  };
}

function toPeer(address: string, port: number): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
  return plain.includes(":") ? `[${plain.replace(/%.*/, "")}]:${port}` : `${plain}:${port}`;
}
