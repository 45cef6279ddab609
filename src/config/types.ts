import type { ListenAddress } from "../net/listen.ts";
import type { NotifierSpec } from "../core/notices.ts";
import type { PasswordHash } from "../core/password-hash.ts";
import type { Rate, RouteSpec, WorkloadSpec } from "../core/spec.ts";
import type { WorkloadKeys } from "./schema-workload.ts";

/** One wrong or questionable place of the file. `line` and `column` count from 1; `key` is empty for the file itself. */
export interface ConfigError {
  /** As it was named on the command line. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Dotted: `workloads.blog.idle_timeout`. */
  readonly key: string;
  readonly message: string;
}

/** A theme or icon, and where the file names it. */
export interface PlacedAppearance {
  readonly kind: "theme" | "icon";
  /** A name, or an absolute path. */
  readonly value: string;
  readonly place: KeyPlace;
}

/** Peers by address, or a group of networks that is known only at run time. */
export type Network =
  | { readonly group: "loopback" | "container_networks" | "private" }
  /** A CIDR or a single address; valid. */
  | { readonly cidr: string };

/** PEM texts, read from the files the configuration names. */
export interface TlsMaterial {
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
}

export interface DockerProviderConfig {
  readonly type: "docker";
  readonly name: string;
  /** `unix:///…`, `tcp://host:port`, `http://…` or `https://…`; from the file, else DOCKER_HOST, else the socket. */
  readonly url: string;
  readonly tls: TlsMaterial | null;
  /** Whether labels of its containers declare workloads. */
  readonly discover: boolean;
  /** Whose labels are read. */
  readonly labels: readonly ("nodoff" | "godoxy" | "dag" | "sablier")[];
  /** What GoDoxy's short aliases are completed with. */
  readonly matchDomains: readonly string[];
  /** Network whose address is used; null = one shared with nodoff, else the first reachable. */
  readonly network: string | null;
}

interface ProcessProviderConfig {
  readonly type: "process";
  readonly name: string;
}

export interface ProxmoxProviderConfig {
  readonly type: "proxmox";
  readonly name: string;
  /** Addresses of nodes of one cluster, at least one. */
  readonly origins: readonly string[];
  readonly credentials:
    | { readonly kind: "token"; readonly id: string; readonly secret: string }
    | { readonly kind: "login"; readonly username: string; readonly password: string };
  readonly trust:
    | { readonly kind: "system" | "insecure" }
    | { readonly kind: "ca"; readonly ca: string }
    | { readonly kind: "fingerprint"; readonly fingerprint: string };
  /** Whether tags and notes of its guests declare workloads. */
  readonly discover: boolean;
}

export type ProviderConfig = DockerProviderConfig | ProcessProviderConfig | ProxmoxProviderConfig;

/** What the process provider runs. */
export interface ProcessCommand {
  /** Name of the provider it belongs to. */
  readonly provider: string;
  /** Program and arguments; never empty. */
  readonly command: readonly string[];
  /** Absolute; null = nodoff's own. */
  readonly cwd: string | null;
  /** Added to nodoff's own environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** The part of every workload that `defaults:` gives; pass it on to `readLabels`. */
export type Defaults = WorkloadKeys;

/** Who may use API and dashboard. */
export interface AdminConfig {
  /** null = none configured: one is made. */
  readonly token: string | null;
  readonly users: readonly {
    readonly name: string;
    readonly passwordHash: PasswordHash;
    readonly role: "viewer" | "operator";
  }[];
  /** The proxy in front says who it is. */
  readonly trustedHeader: {
    /** In small letters. */
    readonly name: string;
    /** CIDRs and addresses of the proxies that may say so. */
    readonly from: readonly string[];
    readonly role: "viewer" | "operator";
  } | null;
  /** `none`: everybody is an operator; the file says so only with a loopback address to listen on. */
  readonly auth: "required" | "none";
}

/** The own proxy over TLS. */
export interface TlsListen {
  readonly address: ListenAddress;
  /** Port of the https address that clients of `listen.proxy` are sent to; null = they are served there. */
  readonly redirectPort: number | null;
  /** At least one. Whether the files are there and right is seen when they are used. */
  readonly certificates: readonly CertificateFiles[];
}

/** A certificate and its key, as files that may be replaced at any time. */
export interface CertificateFiles {
  /** Absolute. */
  readonly certFile: string;
  readonly keyFile: string;
  /** Where the configuration says so, for what turns out to be wrong with them. */
  readonly certAt: KeyPlace;
  readonly keyAt: KeyPlace;
}

/** Where a key stands. */
export type KeyPlace = Omit<ConfigError, "message">;

/** The whole configuration, validated, in the units the core uses (times are ms). */
export interface Config {
  readonly listen: {
    readonly hook: ListenAddress;
    readonly proxy: ListenAddress | null;
    readonly tls: TlsListen | null;
    /** At the HTTP ports of our own proxy trusted peers begin with a PROXY header. */
    readonly acceptProxy: boolean;
    /** For Traefik's catch-all router. */
    readonly fallback: ListenAddress | null;
  };
  /** Origin without trailing slash. */
  readonly publicUrl: string | null;
  readonly stateDir: string;
  readonly trustedProxies: readonly Network[];
  readonly proxyHops: number;
  readonly unknownHost: "allow" | "deny";
  readonly log: {
    readonly level: "debug" | "info" | "warn" | "error";
    readonly format: "auto" | "pretty" | "json";
  };
  /** Of our own proxy; null = off. `path` absolute, null = standard output. */
  readonly accessLog: {
    readonly path: string | null;
    readonly format: "combined" | "json";
    readonly maxBytes: number;
    readonly keep: number;
  } | null;
  /** Where people reach API and dashboard below `publicUrl`: `/`, or a path without trailing slash. */
  readonly basePath: string;
  readonly admin: AdminConfig;
  readonly limits: {
    readonly waitersPerWorkload: number;
    readonly waiters: number;
    readonly statusPerClient: Rate;
    readonly logsPerClient: Rate;
  };
  readonly metrics: { readonly public: boolean };
  /** Sources of activity that serve many workloads. */
  readonly signals: {
    /** `http://host:port`, or `unix:///path` of its socket. */
    readonly caddy: { readonly adminUrl: string } | null;
    /** Traefik's API, which shows whether it knows of a start; without trailing slash. */
    readonly traefik: { readonly apiUrl: string } | null;
    /** How long a proxy keeps an idle connection to an app open (Traefik: 90 s). */
    readonly poolIdleMs: number;
    /** The /proc of the engine's host. */
    readonly proc: string;
    /** Upper bound of the time between two polls. */
    readonly pollMs: number;
  };
  readonly providers: readonly ProviderConfig[];
  readonly defaults: Defaults;
  readonly workloads: readonly WorkloadSpec[];
  readonly routes: readonly RouteSpec[];
  readonly notify: readonly NotifierSpec[];
  /** By `WorkloadSpec.ref` of workloads of kind `process`. */
  readonly processes: ReadonlyMap<string, ProcessCommand>;
  /** Themes and icons of pages that the file names, each once per place. Whether they can be shown, `pages` knows. */
  readonly appearances: readonly PlacedAppearance[];
  /** Worth a look, nothing is wrong. */
  readonly warnings: readonly ConfigError[];
}
