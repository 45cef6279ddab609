import { resolve as resolvePath } from "node:path";
import type { Env } from "./expand.ts";
import type { KeyPath, Report } from "./findings.ts";
import type { ReadSecret } from "./resolve-providers.ts";
import { resolveAdmin } from "./resolve-admin.ts";
import type { ConfigFile } from "./schema.ts";
import { parseListenAddress } from "../net/listen.ts";
import type { ListenAddress } from "../net/listen.ts";
import type { Config, KeyPlace, TlsListen } from "./types.ts";

/** Where a key stands in the file. */
export type Place = (path: KeyPath) => KeyPlace;

export interface SettingsDeps {
  readonly env: Env;
  readonly readSecret: ReadSecret;
  readonly report: Report;
  /** Relative paths start here. */
  readonly folder: string;
  readonly place: Place;
}

/** Smaller files would be put aside every few requests. */
const leastLogBytes = 10_000;

type Settings = Omit<
  Config,
  "providers" | "defaults" | "workloads" | "routes" | "processes" | "notify" | "warnings" | "appearances"
>;

/** Everything that is neither provider, workload nor route, with its defaults. */
export function resolveSettings(file: ConfigFile, deps: SettingsDeps): Settings {
  const { limits = {}, signals = {} } = file;
  const hook = file.listen?.hook ?? defaultHook(deps);
  return {
    listen: {
      hook,
      proxy: file.listen?.proxy ?? null,
      fallback: file.listen?.fallback ?? null,
      tls: toTls(file.listen, deps),
      acceptProxy: file.listen?.accept_proxy_protocol ?? false,
    },
    publicUrl: file.public_url ?? null,
    basePath: file.base_path ?? "/",
    stateDir: file.state_dir ?? "/var/lib/nodoff",
    trustedProxies: file.trusted_proxies ?? [{ group: "loopback" }, { group: "container_networks" }],
    proxyHops: file.proxy_hops ?? 1,
    unknownHost: file.unknown_host ?? "allow",
    log: { level: file.log?.level ?? "info", format: file.log?.format ?? "auto" },
    accessLog: toAccessLog(file.access_log, deps),
    admin: resolveAdmin(file.admin, { ...deps, hook }),
    limits: {
      waitersPerWorkload: limits.waiters_per_workload ?? 1000,
      waiters: limits.waiters ?? 20_000,
      statusPerClient: limits.status_per_client ?? { count: 20, perMs: 10_000 },
      logsPerClient: limits.logs_per_client ?? { count: 5, perMs: 10_000 },
    },
    metrics: { public: file.metrics?.public ?? false },
    signals: {
      caddy: signals.caddy === undefined ? null : { adminUrl: signals.caddy.admin_url },
      traefik: signals.traefik?.api_url === undefined ? null : { apiUrl: signals.traefik.api_url.replace(/\/+$/, "") },
      poolIdleMs: signals.traefik?.idle_conn_timeout ?? 90_000,
      proc: signals.netns?.proc ?? "/proc",
      pollMs: signals.poll ?? 10_000,
    },
  };
}

function toAccessLog(keys: ConfigFile["access_log"], { folder, report }: SettingsDeps): Config["accessLog"] {
  if (keys === undefined) return null;
  const { path = "stdout", format = "combined", max_size: maxBytes = 10_000_000, keep = 5 } = keys;
  if (maxBytes < leastLogBytes) report(["access_log", "max_size"], `is too small (at least 10kB)`);
  return { path: path === "stdout" ? null : resolvePath(folder, path), format, maxBytes, keep };
}

/** The image sets NODOFF_LISTEN; what the file says wins. */
function defaultHook({ env, report }: SettingsDeps): ListenAddress {
  const fallback = { host: "127.0.0.1", port: 8090 };
  const given = env["NODOFF_LISTEN"];
  if (given === undefined || given === "") return fallback;
  const address = parseListenAddress(given);
  if (address === null) report(["listen", "hook"], `NODOFF_LISTEN: "${given}" is not an address to listen on`);
  return address ?? fallback;
}

function toTls(keys: ConfigFile["listen"], { report, folder, place }: SettingsDeps): TlsListen | null {
  const { tls, proxy } = keys ?? {};
  if (tls === undefined) return null;
  const { address, certificates, redirect = false, redirect_port: port } = tls;
  if (certificates.length === 0) report(["listen", "tls", "certificates"], "must not be empty");
  if (redirect && proxy === undefined)
    report(["listen", "tls", "redirect"], `there is nothing to redirect: "listen.proxy" is not set`);
  if (port !== undefined && !redirect) report(["listen", "tls", "redirect_port"], `needs "redirect: true"`);
  return {
    address,
    redirectPort: redirect ? (port ?? address.port) : null,
    certificates: certificates.map(({ cert_file, key_file }, index) => ({
      certFile: resolvePath(folder, cert_file),
      keyFile: resolvePath(folder, key_file),
      certAt: place(["listen", "tls", "certificates", index, "cert_file"]),
      keyAt: place(["listen", "tls", "certificates", index, "key_file"]),
    })),
  };
}
