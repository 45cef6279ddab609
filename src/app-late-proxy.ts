import type { Config } from "./config/types.ts";
import type { RouteRegistry } from "./core/route.ts";
import type { Listening } from "./net/listen.ts";
import type { CertificateFiles, CertificateProblem } from "./proxy/certificates.ts";
import { portOf } from "./proxy/own-port.ts";

/** nodoff's own proxy: all ports but the hook's. */
export interface OwnProxy {
  /** Reads the certificates of `listen.tls` that are new; what stays is kept. */
  useCertificates(files: readonly CertificateFiles[]): Promise<void>;
  /** What is wrong with them as they are now. */
  problems(): readonly CertificateProblem[];
  /** Opens the ports that `listen` names. Throws LISTEN_FAILED. */
  open(): Promise<OpenPorts>;
  /** Opens and closes ports of routes as they want them now. Resolves when each was opened or failed. */
  update(): Promise<void>;
  /** What is to be open and is not, in words. */
  missing(): readonly string[];
  /** Takes no more, waits up to `graceMs` for what is under way, then cuts it. */
  close(options: { readonly graceMs: number }): Promise<void>;
}

/** null = not configured. */
export interface OpenPorts {
  readonly proxy: Listening | null;
  readonly tls: Listening | null;
  readonly fallback: Listening | null;
}

export interface LateProxyDeps {
  /** `listen`, as it was at the start. */
  readonly addresses: Config["listen"];
  readonly registry: Pick<RouteRegistry, "routes">;
  readonly load: () => Promise<OwnProxy>;
}

/**
 * The own proxy where something wants it, now or later. HTTP/2, undici and what else it brings are a fifth of the start
 * and 10 MB, and behind another proxy nobody needs them.
 */
export function createLateProxy({ addresses, registry, load }: LateProxyDeps): OwnProxy {
  let loading: Promise<OwnProxy> | null = null;
  let loaded: OwnProxy | null = null;
  const named = [
    ...(addresses.proxy === null ? [] : ["listen.proxy"]),
    ...(addresses.fallback === null ? [] : ["listen.fallback"]),
    ...(addresses.tls === null ? [] : ["listen.tls"]),
  ];
  const withPorts = (): readonly string[] =>
    Array.from(registry.routes(), ({ spec }) => spec).flatMap((spec) =>
      portOf(spec) === undefined ? [] : [`port of ${spec.alias}`],
    );

  async function use(): Promise<OwnProxy> {
    loading ??= load();
    return (loaded = await loading);
  }

  return {
    async useCertificates(files) {
      if (loaded !== null || files.length > 0) await (await use()).useCertificates(files);
    },
    problems: () => loaded?.problems() ?? [],
    async open() {
      return named.length === 0 ? { proxy: null, tls: null, fallback: null } : (await use()).open();
    },
    async update() {
      if (loading !== null || withPorts().length > 0) await (await use()).update();
    },
    missing: () => loaded?.missing() ?? [...named, ...withPorts()],
    async close(grace) {
      // What could not be loaded has nothing to close.
      const own = await loading?.catch(() => null);
      await own?.close(grace);
    },
  };
}
