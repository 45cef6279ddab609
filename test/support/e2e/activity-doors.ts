import { startCaddy } from "./caddy.ts";
import { freePort } from "./child.ts";
import type { Door, Site } from "./kit.ts";
import { startNginx } from "./nginx.ts";
import type { NodoffConfig } from "./nodoff.ts";
import { noTraefik, startTraefikFile } from "./traefik.ts";

/** A column of the matrix. */
export interface ActivityDoor {
  /** Why it cannot be tried here; false when it can. */
  readonly skip: string | false;
  /** How long it keeps idle connections to an app where nothing but sockets can tell, ms. */
  readonly poolMs: number;
  /** Chooses ports; what nodoff.yaml says for it beside the workloads. */
  prepare(): Promise<PreparedDoor>;
}

export interface PreparedDoor {
  readonly config: NodoffConfig;
  open(hookPort: number, sites: readonly Site[]): Promise<Door>;
}

const traefikPoolMs = 6_000;

export const doors = {
  "own proxy": {
    skip: false,
    poolMs: 0,
    async prepare() {
      const port = await freePort();
      return {
        config: { listen: { proxy: `127.0.0.1:${port}` } },
        // nodoff is the door: it closes itself.
        open: () => Promise.resolve({ port, close: () => Promise.resolve() }),
      };
    },
  },
  Caddy: {
    skip: false,
    poolMs: 0,
    async prepare() {
      const admin = `127.0.0.1:${await freePort()}`;
      return {
        config: { signals: { caddy: { admin_url: `http://${admin}` } } },
        open: (hookPort, sites) => startCaddy({ hookPort, sites, admin }),
      };
    },
  },
  nginx: {
    skip: false,
    // The kit's nginx keeps none.
    poolMs: 0,
    prepare: () =>
      Promise.resolve({
        config: {},
        open: (hookPort, sites) => startNginx({ hookPort, variant: "host", sites }),
      }),
  },
  Traefik: {
    skip: noTraefik,
    poolMs: traefikPoolMs,
    prepare: () =>
      Promise.resolve({
        config: { signals: { traefik: { idle_conn_timeout: `${traefikPoolMs}ms` } } },
        open: (hookPort, sites) => {
          const pool = `--serverstransport.forwardingtimeouts.idleconntimeout=${traefikPoolMs}ms`;
          return startTraefikFile({ hookPort, sites, args: [pool] });
        },
      }),
  },
} as const satisfies Readonly<Record<string, ActivityDoor>>;

export type DoorName = keyof typeof doors;
