/** What was looked at. */
export type Check =
  | "reach"
  | "hook"
  | "dialect"
  | "headers"
  | "client"
  | "page"
  | "channel"
  | "app"
  | "hand_over"
  | "strangers"
  | "engine";

/** One thing that was looked at, with what came of it. */
export interface Finding {
  readonly check: Check;
  /** `warning`: works, but not as well as it could. `skipped`: could not be looked at from here. */
  readonly result: "ok" | "warning" | "error" | "skipped";
  /** For scripts: stable. */
  readonly code: string;
  readonly text: string;
  /** What to do: words. */
  readonly mend?: string;
  /** The very lines to add, and where. */
  readonly lines?: Lines;
}

export interface Lines {
  readonly where: string;
  readonly lines: readonly string[];
}

/** Proxies whose lines we know. */
export const proxies = ["traefik", "caddy", "nginx", "haproxy"] as const;
export type ProxyName = (typeof proxies)[number];

/** Whose headers it sends: HAProxy's Lua speaks nginx's dialect. */
export const dialectOf = (proxy: ProxyName): string => (proxy === "haproxy" ? "nginx" : proxy);
