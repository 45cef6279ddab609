import { rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** A way to an engine's socket that tests can break. */
export interface Relay {
  /** What to configure as the engine's address. */
  readonly url: string;
  /** Connections that were opened since the start. */
  readonly connections: number;
  /** Breaks every open connection; new ones are still served. */
  cut(): void;
  /** Breaks every connection and goes away: the socket file is removed, the port closed. */
  down(): Promise<void>;
  up(): Promise<void>;
  /** Half-open: connections stay, but nothing passes any more; nor for new ones with `all`. */
  freeze(which: "open" | "all"): void;
  thaw(): void;
  close(): Promise<void>;
}

/** Passes bytes between `listen` (a socket's path, or null for a TCP port) and `target`, a socket's path or a port of 127.0.0.1. */
export async function createRelay(options: { listen: string | null; target: string | number }): Promise<Relay> {
  const { listen, target } = options;
  const pairs = new Set<readonly [Socket, Socket]>();
  let frozen = false;
  let port = 0;
  let connections = 0;
  let server: Server | null = null;

  const accept = (client: Socket): void => {
    connections++;
    const engine = typeof target === "number" ? connect(target, "127.0.0.1") : connect(target);
    const pair = [client, engine] as const;
    pairs.add(pair);
    const end = (): void => {
      pairs.delete(pair);
      client.destroy();
      engine.destroy();
    };
    for (const socket of pair) socket.on("error", end).on("close", end);
    client.pipe(engine);
    engine.pipe(client);
    if (frozen) freezePair(pair);
  };
  const freezePair = ([client, engine]: readonly [Socket, Socket]): void => {
    client.unpipe(engine).pause();
    engine.unpipe(client).pause();
  };
  const up = async (): Promise<void> => {
    const started = createServer(accept);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    started.once("error", reject);
    if (listen === null) started.listen(port, "127.0.0.1", resolve);
    else started.listen(listen, resolve);
    await promise;
    if (listen === null) port = (started.address() as AddressInfo).port;
    server = started;
  };
  const cut = (): void => {
    for (const [client, engine] of pairs) {
      // Not resetAndDestroy: with a write under way Node then never gets through its exit.
      client.destroy();
      engine.destroy();
    }
  };
  const down = async (): Promise<void> => {
    const closing = server;
    server = null;
    cut();
    if (closing !== null) await new Promise<void>((resolve) => closing.close(() => resolve()));
    if (listen !== null) await rm(listen, { force: true });
  };
  await up();
  return {
    get url() {
      return listen === null ? `tcp://127.0.0.1:${port}` : `unix://${listen}`;
    },
    get connections() {
      return connections;
    },
    cut,
    down,
    up,
    freeze(which) {
      frozen = which === "all";
      for (const pair of pairs) freezePair(pair);
    },
    thaw() {
      frozen = false;
      for (const [client, engine] of pairs) {
        client.pipe(engine);
        engine.pipe(client);
      }
    },
    close: down,
  };
}

/** Looks again every 20 ms until `look` says something; fails after `limitMs`. */
export async function eventually<T>(
  what: string,
  look: () => T | Promise<T>,
  limitMs = 30_000,
): Promise<NonNullable<T>> {
  const end = performance.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== null && found !== false) return found as NonNullable<T>;
    if (performance.now() > end) throw new Error(`not within ${limitMs} ms: ${what}`);
    await delay(20);
  }
}
