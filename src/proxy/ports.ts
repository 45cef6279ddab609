import type { Cancel } from "../core/clock.ts";
import { toFailure } from "../core/errors.ts";
import type { ListenSpec, RouteSpec } from "../core/spec.ts";
import { bind } from "../net/bind.ts";
import { formatListenAddress, listen } from "../net/listen.ts";
import type { Listening } from "../net/listen.ts";
import { portOf } from "./own-port.ts";
import { createPortRoutes } from "./port-routes.ts";
import type { PortRoutes } from "./port-routes.ts";
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
  /** Aliases of routes whose port is not open. */
  missing(): readonly string[];
  close(options: { readonly graceMs: number }): Promise<void>;
}

/** A port that cannot be opened may be free later: whoever has it may be a former self. */
const retryMs = 5_000;

interface Port {
  readonly opened: Promise<void>;
  /** Other routes share it now, or the same ones in another form. */
  serve(specs: readonly RouteSpec[]): void;
  close(graceMs: number): Promise<void>;
}

/** What one port is to be. Those of HTTP routes may be shared. */
interface Wanted {
  readonly at: ListenSpec;
  readonly specs: readonly [RouteSpec, ...RouteSpec[]];
}

/** Keeps the listening ports in line with the routes. One that cannot be opened is told once and tried again. */
export function createPorts(deps: PortsDeps): Ports {
  const { registry, clock, logger } = deps;
  const ports = new Map<string, Port>();
  const open = new Map<string, Listening>();

  function start({ at, specs }: Wanted): Port {
    const door = openDoor(specs, at, deps);
    let aliases = specs.map(({ alias }) => alias);
    let listening: Listening | null = null;
    let isClosed = false;
    let isTold = false;
    let cancel: Cancel = () => undefined;
    const attempt = async (): Promise<void> => {
      try {
        const opened = await door.listen();
        // Closed while it was being opened.
        if (isClosed) return await door.close(0);
        listening = opened;
        for (const alias of aliases) open.set(alias, opened);
        logger.info("port open", { alias: aliases.join(", "), address: formatListenAddress(opened) });
      } catch (error) {
        if (isClosed) return;
        if (!isTold) logger.error("port not open", { alias: aliases.join(", "), error: toFailure(error).message });
        isTold = true;
        cancel = clock.after(retryMs, () => void attempt());
      }
    };
    return {
      opened: attempt(),
      serve(next) {
        for (const alias of aliases) open.delete(alias);
        aliases = next.map(({ alias }) => alias);
        if (listening !== null) for (const alias of aliases) open.set(alias, listening);
        door.serve(next);
      },
      async close(graceMs) {
        isClosed = true;
        cancel();
        if (listening === null) return;
        for (const alias of aliases) open.delete(alias);
        await door.close(graceMs);
      },
    };
  }

  return {
    open,
    missing() {
      const specs = Array.from(registry.routes(), ({ spec }) => spec);
      return specs.flatMap((spec) => (portOf(spec) !== undefined && !open.has(spec.alias) ? spec.alias : []));
    },
    async update() {
      const wanted = toWanted(Array.from(registry.routes(), ({ spec }) => spec));
      for (const [key, port] of ports) {
        if (wanted.has(key)) continue;
        ports.delete(key);
        // Its port may be wanted by the next one: nobody waits for what is still open there.
        void port.close(0);
      }
      for (const [key, want] of wanted) {
        const port = ports.get(key);
        if (port === undefined) ports.set(key, start(want));
        else port.serve(want.specs);
      }
      await Promise.all(Array.from(ports.values(), ({ opened }) => opened));
    },
    async close({ graceMs }) {
      const all = [...ports.values()];
      ports.clear();
      await Promise.all(all.map((port) => port.close(graceMs)));
    },
  };
}

/** By what makes a port another one. Any free one is each time another, so nobody can share it. */
function toWanted(specs: readonly RouteSpec[]): ReadonlyMap<string, Wanted> {
  const wanted = new Map<string, Wanted>();
  for (const spec of specs) {
    const at = portOf(spec);
    if (at === undefined) continue;
    const owner = spec.stream === undefined && at.port !== 0 ? "http" : `${spec.kind} ${spec.alias}`;
    const key = `${owner} ${JSON.stringify(at)}`;
    const others = wanted.get(key)?.specs;
    wanted.set(key, { at, specs: others === undefined ? [spec] : [...others, spec] });
  }
  return wanted;
}

interface Door {
  listen(): Promise<Listening>;
  /** Only HTTP ports ever have other routes. */
  serve(specs: readonly RouteSpec[]): void;
  close(graceMs: number): Promise<void>;
}

function openDoor(specs: Wanted["specs"], at: ListenSpec, deps: PortsDeps): Door {
  const [{ kind, alias }] = specs;
  switch (kind) {
    case "tcp": {
      const door = createTcpDoor(alias, deps);
      return { listen: () => listen(door.server, at), serve: noChange, close: (graceMs) => door.close({ graceMs }) };
    }
    case "udp":
      return toUdpDoor(alias, at, deps);
    case "files":
    case "http": {
      let routes = createPortRoutes(deps.registry, specs);
      const only: PortRoutes = {
        match: (host, path) => routes.match(host, path),
        get: (name) => routes.get(name),
        get sole() {
          return routes.sole;
        },
      };
      const proxy = createProxy(Object.assign(Object.create(deps) as ProxyDeps, { only }));
      return {
        listen: () => listen(proxy.server, at),
        serve: (next) => void (routes = createPortRoutes(deps.registry, next)),
        close: (graceMs) => proxy.close({ graceMs }),
      };
    }
  }
}

/** They look their route up by its alias. */
const noChange = (): void => undefined;

/** A socket that failed to bind is of no more use: each attempt has its own. */
function toUdpDoor(alias: string, at: ListenSpec, deps: PortsDeps): Door {
  let door: ReturnType<typeof createUdpDoor> | null = null;
  return {
    listen() {
      const made = createUdpDoor(alias, at, deps);
      door = made;
      return bind(made.socket, at);
    },
    serve: noChange,
    close() {
      door?.close();
      return Promise.resolve();
    },
  };
}
