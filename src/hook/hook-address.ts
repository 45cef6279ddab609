import type { DoorOptions } from "../core/gate.ts";
import { caddy, caddyErrors } from "./caddy.ts";
import type { Dialect } from "./dialect.ts";
import { nginx } from "./nginx.ts";
import { traefik } from "./traefik.ts";

/** What the address a proxy calls us at says. Proxies send a constant one, so each is parsed once. */
export interface HookAddress {
  readonly door: "auth" | "wake";
  readonly dialect: Dialect;
  /** `?route=`; null = find it by host. */
  readonly alias: string | null;
  /** For requests that are surely not held: nothing per request is needed. */
  readonly unheld: DoorOptions;
}

const authDialects: ReadonlyMap<string, Dialect> = new Map([
  ["/auth/traefik", traefik],
  ["/auth/caddy", caddy],
  ["/auth/nginx", nginx],
]);
const wakeDialects: ReadonlyMap<string, Dialect> = new Map([
  ["nginx", nginx],
  ["caddy", caddyErrors],
]);

/** Bounded, since a Caddy kit without its `?` lets clients append their query. */
const memoSize = 512;

const neverLeaves = new AbortController().signal;

/** Parses the hook's own addresses; null for one that is not the hook's. */
export function createAddressReader(): (url: string) => HookAddress | null {
  const memo = new Map<string, HookAddress | null>();
  let lastUrl = "";
  let last: HookAddress | null = null;
  const remember = (url: string): HookAddress | null => {
    const known = memo.get(url);
    if (known !== undefined) return known;
    const address = toHookAddress(url);
    if (memo.size >= memoSize) memo.clear();
    memo.set(url, address);
    return address;
  };
  return (url) => {
    // Nearly always the one before: comparing is less than the hash that a look-up needs of a fresh string.
    if (url !== lastUrl) {
      last = remember(url);
      lastUrl = url;
    }
    return last;
  };
}

function toHookAddress(url: string): HookAddress | null {
  const mark = url.indexOf("?");
  const path = mark === -1 ? url : url.slice(0, mark);
  const query = new URLSearchParams(mark === -1 ? "" : url.slice(mark));
  const isWake = path === "/wake";
  const dialect = isWake ? wakeDialects.get(query.get("dialect") ?? "nginx") : authDialects.get(path);
  if (dialect === undefined) return null;
  return {
    door: isWake ? "wake" : "auth",
    dialect,
    // `get` takes the first of several: what the kit wrote, not what a client appended.
    alias: query.get("route") || null,
    unheld: Object.freeze({
      maxHoldMs: dialect.maxHoldMs,
      via: dialect.name === "traefik" ? toVia(query.get("via")) : "url",
      signal: neverLeaves,
    }),
  };
}

/** Only Traefik has a provider that learns of starts late: what comes by another proxy is always handed over by URL. */
function toVia(via: string | null): DoorOptions["via"] {
  return via === "url" || via === "docker" ? via : null;
}
