import { freePort } from "../child.ts";
import { startCaddy } from "../caddy.ts";
import { startHaproxy } from "../haproxy.ts";
import { startNginx } from "../nginx.ts";
import type { Stage } from "./stage.ts";

/** Caddy with `import nodoff`, the apps by name. */
export const caddyStage: Stage = {
  title: "Caddy",
  prepare: ({ names }) =>
    Promise.resolve({
      open: ({ hookPort, fail, sites }) => startCaddy({ hookPort, sites, names, failOpen: fail === "open" }),
    }),
};

/** nginx in compose: the apps by name, looked up per request. */
export const nginxComposeStage: Stage = {
  title: "nginx (compose)",
  prepare: ({ names }) =>
    Promise.resolve({
      open: ({ hookPort, fail, sites }) =>
        startNginx({ variant: "compose", hookPort, sites, names, failOpen: fail === "open" }),
    }),
};

/** nginx on the host: nodoff says the apps' addresses; while it is away, the last ones it said. */
export const nginxHostStage: Stage = {
  title: "nginx (host)",
  asksWhere: true,
  prepare: () =>
    Promise.resolve({
      open: ({ hookPort, fail, sites }) => startNginx({ variant: "host", hookPort, sites, cached: fail === "open" }),
    }),
};

/** HAProxy in compose: the apps by name, looked up per request. */
export const haproxyComposeStage: Stage = {
  title: "HAProxy (compose)",
  prepare: ({ names }) =>
    Promise.resolve({
      open: ({ hookPort, fail, sites }) =>
        startHaproxy({ variant: "compose", hookPort, sites, names, failOpen: fail === "open" }),
    }),
};

/** HAProxy on the host: nodoff says the apps' addresses. */
export const haproxyHostStage: Stage = {
  title: "HAProxy (host)",
  asksWhere: true,
  prepare: ({ names }) =>
    Promise.resolve({
      open: ({ hookPort, fail, sites }) =>
        startHaproxy({ variant: "host", hookPort, sites, names, failOpen: fail === "open" }),
    }),
};

const inFront = "nothing stands between it and nodoff";

/** nodoff's own proxy. */
export const ownProxyStage: Stage = {
  title: "own proxy",
  without: {
    "HTTP/2": "it has no certificate here",
    "login in front": "it has none: who logs in is the app's business",
    "hook down, closed": inFront,
    "hook down, open": inFront,
    "hook slow": inFront,
  },
  async prepare() {
    const port = await freePort();
    return {
      config: { listen: { proxy: `127.0.0.1:${port}` } },
      // It closes itself.
      open: () => Promise.resolve({ port, tlsPort: null, close: () => Promise.resolve() }),
    };
  },
};
