import type { ListenSpec, RouteSpec } from "../core/spec.ts";

/** Where a route wants a port of its own; undefined = nowhere. */
export function portOf({ stream, listen, excluded }: RouteSpec): ListenSpec | undefined {
  return excluded ? undefined : (stream?.listen ?? listen);
}
