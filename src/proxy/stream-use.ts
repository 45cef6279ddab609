import type { Socket } from "node:net";
import type { Cancel, Clock } from "../core/clock.ts";
import type { InFlight } from "../core/in-flight.ts";
import type { Route } from "../core/route.ts";

/** Bytes are looked at so often at most, and at least four times within `stale_after`. */
const maxLookMs = 5_000;

/**
 * Counts a connection as use of its route while it is open; with `stale_after` only while bytes flow, until that much
 * time has passed without any. Ends with the returned function, which may be called twice.
 */
export function useWhileOpen(
  route: Route,
  socket: Socket,
  deps: { readonly clock: Clock; readonly inFlight: InFlight },
): () => void {
  const { clock, inFlight } = deps;
  const staleMs = route.workload?.spec.activity.connections?.staleAfterMs ?? null;
  let release: (() => void) | null = inFlight.carry(route);
  let cancel: Cancel = () => undefined;
  const end = (): void => {
    cancel();
    release?.();
    release = null;
  };
  if (staleMs === null) return end;
  const bytes = (): number => socket.bytesRead + socket.bytesWritten;
  let seen = bytes();
  let movedAt = clock.now();
  const look = (): void => {
    if (bytes() !== seen) {
      seen = bytes();
      movedAt = clock.now();
      release ??= inFlight.carry(route);
    } else if (clock.now() - movedAt >= staleMs) {
      release?.();
      release = null;
    }
    cancel = clock.after(Math.min(maxLookMs, staleMs / 4), look);
  };
  cancel = clock.after(Math.min(maxLookMs, staleMs / 4), look);
  return end;
}
