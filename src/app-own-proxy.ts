import type { OwnProxy } from "./app-late-proxy.ts";
import { formatConfigError } from "./config/load.ts";
import type { Config } from "./config/types.ts";
import type { Journal } from "./core/journal.ts";
import { withLive } from "./core/live.ts";
import type { Dialed } from "./net/dialed.ts";
import { listen } from "./net/listen.ts";
import { createOriginPools } from "./net/origin-pools.ts";
import { createCertificates } from "./proxy/certificates.ts";
import { createLimiter } from "./proxy/limiter.ts";
import { createPorts, type PortsDeps } from "./proxy/ports.ts";
import { createProxy, type ProxyDeps } from "./proxy/proxy.ts";

type Left = "pools" | "limiter" | "names" | "admits" | "acceptsProxyHeader" | "certificates" | "redirectPort" | "only";

export interface OwnProxyDeps {
  /** What all ports have in common. */
  readonly shared: Omit<PortsDeps, Left> & { readonly dialed: Dialed };
  readonly names: NonNullable<ProxyDeps["names"]>;
  /** Whether a peer may ask at the fallback port; else it has been answered. */
  readonly admits: NonNullable<ProxyDeps["admits"]>;
  /** `listen`, as it was at the start. */
  readonly addresses: Config["listen"];
  readonly journal: Pick<Journal, "publish">;
  /** Text of a file; may throw. */
  readonly readFile: (path: string) => string;
  /** Calls back when a file has become another. */
  readonly watch: (path: string, onChange: () => void) => { close(): void };
}

/** nodoff's own proxy. Its libraries are read with this file: import it where a port is wanted. */
export function createOwnProxy({ shared, names, admits, addresses, journal, ...files }: OwnProxyDeps): OwnProxy {
  const { clock, logger, dialed } = shared;
  const certificates = createCertificates({
    ...files,
    clock,
    logger,
    onProblem(problem) {
      const failure = { code: "CONFIG_INVALID", message: formatConfigError(problem) } as const;
      journal.publish({ type: "config", alias: null, message: "a certificate cannot be used", failure });
    },
  });
  const pools = createOriginPools({ clock, dialed });
  const all = withLive(shared, { pools, limiter: createLimiter(clock) });
  const named = withLive(all, { names, acceptsProxyHeader: addresses.acceptProxy });
  const redirectPort = addresses.tls?.redirectPort ?? null;
  const proxy = createProxy(redirectPort === null ? named : withLive(named, { redirectPort }));
  const secure = addresses.tls === null ? null : createProxy(withLive(named, { certificates }));
  const fallback = createProxy(withLive(all, { isFallback: true, admits }));
  const ports = createPorts(named);
  return {
    useCertificates(of) {
      certificates.update(of);
      return Promise.resolve();
    },
    problems: () => certificates.problems(),
    async open() {
      const { proxy: plain, tls, fallback: last } = addresses;
      return {
        proxy: plain === null ? null : await listen(proxy.server, plain),
        tls: secure === null || tls === null ? null : await listen(secure.server, tls.address),
        fallback: last === null ? null : await listen(fallback.server, last),
      };
    },
    update: () => ports.update(),
    missing: () => [
      ...(addresses.proxy !== null && !proxy.server.listening ? ["listen.proxy"] : []),
      ...(addresses.fallback !== null && !fallback.server.listening ? ["listen.fallback"] : []),
      ...(secure?.server.listening === false ? ["listen.tls"] : []),
      ...ports.missing().map((alias) => `port of ${alias}`),
    ],
    async close(grace) {
      certificates.close();
      const servers = [proxy, fallback, ...(secure === null ? [] : [secure])];
      await Promise.all([...servers.map((server) => server.close(grace)), ports.close(grace)]);
      await pools.close({ graceMs: 0 });
    },
  };
}
