import type { Socket } from "node:net";

/** More than this a client may not send ahead of the answer to its upgrade. */
const maxEarlyBytes = 65_536;

/** A client's socket between its request to upgrade and the answer. */
export interface WaitingSocket {
  /** Called once when the client ends or loses its side. */
  onLeave(leave: () => void): void;
  /** Stops waiting: gives what the client sent ahead, and leaves the socket paused. */
  release(): Buffer;
}

/**
 * Reads on while a client waits, as the only way to notice that it leaves, and keeps what it sends ahead. That must
 * not reach the upstream before it has agreed to switch: it would be read there as a second request, past our door.
 */
export function createWaitingSocket(socket: Socket, head: Buffer): WaitingSocket {
  let chunks = head.length === 0 ? [] : [head];
  let size = head.length;
  let hasLeft = false;
  const listeners: (() => void)[] = [];
  const onData = (chunk: Buffer): void => {
    chunks.push(chunk);
    size += chunk.length;
    if (size > maxEarlyBytes) socket.pause();
  };
  const onGone = (): void => {
    if (hasLeft) return;
    hasLeft = true;
    socket.destroy();
    for (const leave of listeners.splice(0)) leave();
  };
  socket.on("data", onData).on("end", onGone).on("close", onGone);
  return {
    onLeave(leave) {
      if (hasLeft) leave();
      else listeners.push(leave);
    },
    release() {
      socket.off("data", onData).off("end", onGone).off("close", onGone).pause();
      const early = Buffer.concat(chunks);
      chunks = [];
      return early;
    },
  };
}
