import type { Cancel } from "../core/clock.ts";
import { toFailure } from "../core/errors.ts";
import type { ListenSpec, RouteSpec } from "../core/spec.ts";
import { bind } from "../net/bind.ts";
import { formatListenAddress, listen } from "../net/listen.ts";
import type { Listening } from "../net/listen.ts";
import { createProxy } from "./proxy.ts";
import type { ProxyDeps } from "./proxy.ts";
import { createTcpDoor } from "./tcp.ts";
import type { StreamDeps } from "./stream-door.ts";
import { createUdpDoor } from "./udp.ts";

export type PortsDeps = ProxyDeps & StreamDeps;

/** The ports that routes have for themselves. */
export interface Ports {
  /** Opens what the routes want now and closes what none wants any more. Resolves when each was opened or failed. */
  update(): Promise<void>;
  /** Where a route's own port is open, by alias. */
  readonly open: ReadonlyMap<string, Listening>;
  close(options: { readonly graceMs: number }): Promise<void>;
}

/** A port that cannot be opened may be free later: whoever has it may be a former self. */
const retryMs = 5_000;

interface Port {
  readonly alias: string;
  readonly opened: Promise<void>;
  close(graceMs: number): Promise<void>;
}

/** Keeps the listening ports in line with the routes. One that cannot be opened is told once and tried again. */
export function createPorts(deps: PortsDeps): Ports {
  const { registry, clock, logger } = deps;
  const ports = new Map<string, Port>();
  const open = new Map<string, Listening>();

  function start(spec: RouteSpec, at: ListenSpec): Port {
    const { alias } = spec;
    const door = openDoor(spec, at, deps);
    let isClosed = false;
    let isTold = false;
    let cancel: Cancel = () => undefined;
    const attempt = async (): Promise<void> => {
      try {
        const listening = await door.listen();
        // Closed while it was being opened.
        if (isClosed) return await door.close(0);
        open.set(alias, listening);
        logger.info("port open", { alias, address: formatListenAddress(listening) });
      } catch (error) {
        if (isClosed) return;
        if (!isTold) logger.error("port not open", { alias, error: toFailure(error).message });
        isTold = true;
        cancel = clock.after(retryMs, () => void attempt());
      }
    };
    return {
      alias,
      opened: attempt(),
      async close(graceMs) {
        isClosed = true;
        cancel();
        if (!open.delete(alias)) return;
        await door.close(graceMs);
      },
    };
  }

  return {
    open,
    async update() {
      const wanted = new Map<string, readonly [RouteSpec, ListenSpec]>();
      for (const { spec } of registry.routes()) {
        const at = spec.stream?.listen ?? spec.listen;
        if (at !== undefined && !spec.excluded)
          wanted.set(`${spec.kind} ${spec.alias} ${JSON.stringify(at)}`, [spec, at]);
      }
      for (const [key, port] of ports) {
        if (wanted.has(key)) continue;
        ports.delete(key);
        // Its port may be wanted by the next one: nobody waits for what is still open there.
        void port.close(0);
      }
      for (const [key, [spec, at]] of wanted) if (!ports.has(key)) ports.set(key, start(spec, at));
      await Promise.all(Array.from(ports.values(), ({ opened }) => opened));
    },
    async close({ graceMs }) {
      const all = [...ports.values()];
      ports.clear();
      await Promise.all(all.map((port) => port.close(graceMs)));
    },
  };
}

interface Door {
  listen(): Promise<Listening>;
  close(graceMs: number): Promise<void>;
}

function openDoor({ kind, alias }: RouteSpec, at: ListenSpec, deps: PortsDeps): Door {
  switch (kind) {
    case "tcp": {
      const door = createTcpDoor(alias, deps);
      return { listen: () => listen(door.server, at), close: (graceMs) => door.close({ graceMs }) };
    }
    case "udp":
      return toUdpDoor(alias, at, deps);
    case "files":
    case "http": {
      const proxy = createProxy(Object.assign(Object.create(deps) as ProxyDeps, { only: alias }));
      return { listen: () => listen(proxy.server, at), close: (graceMs) => proxy.close({ graceMs }) };
    }
  }
}

/** A socket that failed to bind is of no more use: each attempt has its own. */
function toUdpDoor(alias: string, at: ListenSpec, deps: PortsDeps): Door {
  let door: ReturnType<typeof createUdpDoor> | null = null;
  return {
    listen() {
      const made = createUdpDoor(alias, at, deps);
      door = made;
      return bind(made.socket, at);
    },
    close() {
      door?.close();
      return Promise.resolve();
    },
  };
}
