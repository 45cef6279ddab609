import type { Socket } from "node:net";

/** Kept at most for a client that waits; then it is not read any more until it is let through. */
const maxBytes = 65_536;

/** What a client sends before its connection leads anywhere. */
export interface EarlyBytes {
  /** All that has come so far. */
  peek(): Buffer;
  /** Drops the first bytes: they were for us. */
  drop(bytes: number): void;
  /** Calls `then` after each arrival and at the end of the client's side, now if there is something; one at a time. */
  onMore(then: ((hasEnded: boolean) => void) | null): void;
  /** Calls `leave` once when the connection is lost. */
  onLeave(leave: () => void): void;
  /** Stops reading: gives what came, and leaves the socket paused. */
  release(): Buffer;
}

/**
 * Reads a client's socket while nobody else does, as the only way to notice that it is lost. A client that only ends
 * its side may still wait for an answer.
 */
export function createEarlyBytes(socket: Socket): EarlyBytes {
  let kept: Buffer = Buffer.alloc(0);
  let hasEnded = false;
  let then: ((hasEnded: boolean) => void) | null = null;
  let leaves: (() => void)[] = [];
  const onData = (chunk: Buffer): void => {
    kept = kept.length === 0 ? chunk : Buffer.concat([kept, chunk]);
    if (kept.length >= maxBytes) socket.pause();
    then?.(hasEnded);
  };
  const onEnd = (): void => {
    hasEnded = true;
    then?.(true);
  };
  const onClose = (): void => {
    then = null;
    for (const leave of leaves.splice(0)) leave();
  };
  socket.on("data", onData).on("end", onEnd).on("close", onClose);
  return {
    peek: () => kept,
    drop(bytes) {
      kept = kept.subarray(bytes);
    },
    onMore(next) {
      then = next;
      if (kept.length > 0 || hasEnded) then?.(hasEnded);
    },
    onLeave(leave) {
      if (socket.destroyed) leave();
      else leaves.push(leave);
    },
    release() {
      then = null;
      leaves = [];
      socket.off("data", onData).off("end", onEnd).off("close", onClose).pause();
      return kept;
    },
  };
}
