import type { Readable } from "node:stream";
import { buildConnector, H2CClient, Pool } from "undici";
import type { Dispatcher } from "undici";
import type { Cancel, Clock } from "../core/clock.ts";
import { NodoffError } from "../core/errors.ts";
import { toServerName } from "./dial.ts";
import type { Dialed } from "./dialed.ts";

/** Connections to one origin: `http`, `https` or `h2c` (HTTP/2 without TLS, by prior knowledge). */
export interface OriginPool {
  /** Sends one request. Everything that goes wrong, also at once, reaches `onResponseError`; never throws. */
  dispatch(request: OriginRequest, handler: Dispatcher.DispatchHandler): void;
}

/** What differs per request. There are no time limits: a stream may be silent for hours. */
export interface OriginRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** Names and values in turn. */
  readonly headers: string[];
  readonly body: Readable | null;
}

/** Keeps one pool per origin while it is in use. */
export interface OriginPools {
  /** The pool of `origin`, made on first use. Throws UPSTREAM_FAILED for what is no origin. Do not keep the answer. */
  get(origin: string, options: { readonly tlsVerify: boolean }): OriginPool;
  /** Origins that have a pool now. */
  readonly size: number;
  /** Waits up to `graceMs` for what is under way, then cuts it. */
  close(options: { readonly graceMs: number }): Promise<void>;
}

/** A pool that carried nothing for so long is closed: containers get another address at each start. */
const unusedMs = 60_000;
const sweepMs = 30_000;

/** The kernel repeats a lost SYN after 1 s and 3 s; a third try is worth nobody's time. */
const connectTimeoutMs = 5_000;

/** Cookies and policies of some apps are larger than Node's default of 16 kB. */
const maxHeaderBytes = 65_536;

interface Entry {
  readonly pool: Pool;
  readonly handle: OriginPool;
  usedAt: number;
}

export interface OriginPoolsDeps {
  readonly clock: Clock;
  /** Learns of each connection made; left out, nobody asks whose they are. */
  readonly dialed?: Dialed;
}

export function createOriginPools({ clock, dialed }: OriginPoolsDeps): OriginPools {
  const entries = new Map<string, Entry>();
  let cancelSweep: Cancel | null = null;

  function sweep(): void {
    cancelSweep = null;
    const before = clock.now() - unusedMs;
    for (const [key, { pool, usedAt }] of entries) {
      if (usedAt > before || pool.stats.size > 0) continue;
      entries.delete(key);
      void pool.close();
    }
    arm();
  }

  function arm(): void {
    if (cancelSweep === null && entries.size > 0) cancelSweep = clock.after(sweepMs, sweep);
  }

  return {
    get(origin, { tlsVerify }) {
      const key = tlsVerify ? origin : `${origin} unverified`;
      let entry = entries.get(key);
      if (entry === undefined) {
        entry = toEntry(origin, { tlsVerify, dialed });
        entries.set(key, entry);
        arm();
      }
      entry.usedAt = clock.now();
      return entry.handle;
    },
    get size() {
      return entries.size;
    },
    async close({ graceMs }) {
      cancelSweep?.();
      const pools = [...entries.values()].map(({ pool }) => pool);
      entries.clear();
      const cancel = clock.after(graceMs, () => {
        for (const pool of pools) void pool.destroy();
      });
      await Promise.allSettled(pools.map((pool) => pool.close()));
      cancel();
    },
  };
}

interface EntryOptions {
  readonly tlsVerify: boolean;
  readonly dialed: Dialed | undefined;
}

function toEntry(origin: string, options: EntryOptions): Entry {
  const url = URL.canParse(origin) ? new URL(origin) : null;
  if (url === null || !["http:", "https:", "h2c:"].includes(url.protocol))
    throw new NodoffError("UPSTREAM_FAILED", `"${origin}" is no http, https or h2c address`);
  const pool = url.protocol === "h2c:" ? toH2cPool(url, options) : toPool(url, options);
  // The name of the origin, never the client's Host: else undici reconnects whenever the Host changes, and a client
  // would choose which certificate is asked for.
  const servername = url.hostname;
  const handle: OriginPool = {
    dispatch({ method, path, headers, body }, handler) {
      // undici's types lack servername.
      const request: Dispatcher.DispatchOptions & { readonly servername: string } = {
        method,
        path,
        headers,
        body,
        servername,
        headersTimeout: 0,
        bodyTimeout: 0,
      };
      pool.dispatch(request, handler);
    },
  };
  return { pool, handle, usedAt: 0 };
}

function toPool(url: URL, { tlsVerify, dialed }: EntryOptions): Pool {
  const connect = buildConnector({ allowH2: false, rejectUnauthorized: tlsVerify, timeout: connectTimeoutMs });
  const servername = toServerName(url);
  return new Pool(url.origin, {
    allowH2: false,
    connect: (options, callback) => connect({ ...options, servername }, telling(dialed, callback)),
    maxHeaderSize: maxHeaderBytes,
  });
}

/** Each client multiplexes a hundred streams; the pool makes another when these are taken. */
function toH2cPool(url: URL, { dialed }: EntryOptions): Pool {
  // undici's types lack useH2c.
  const how: buildConnector.BuildOptions & { readonly useH2c: true } = { useH2c: true, timeout: connectTimeoutMs };
  const connector = buildConnector(how);
  const connect: buildConnector.connector = (options, callback) => connector(options, telling(dialed, callback));
  return new Pool(`http://${url.host}`, {
    factory: (origin) => new H2CClient(origin, { connect, maxHeaderSize: maxHeaderBytes }),
  });
}

function telling(dialed: Dialed | undefined, callback: buildConnector.Callback): buildConnector.Callback {
  return (...outcome) => {
    const [error, socket] = outcome;
    if (error === null) dialed?.add(socket);
    callback(...outcome);
  };
}
