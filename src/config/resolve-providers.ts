import { wrongEngineUrl } from "./addresses.ts";
import type { Env } from "./expand.ts";
import type { Report } from "./findings.ts";
import { toProxmox } from "./resolve-proxmox.ts";
import type { ConfigFile, ProviderKeys } from "./schema.ts";
import { didYouMean } from "./suggest.ts";
import type { DockerProviderConfig, ProviderConfig, TlsMaterial } from "./types.ts";

export type ProviderType = ProviderKeys["type"];

/** What stands for the provider of groups, whose members have their own. */
export const groupProvider = "group";

/** Text of a file, trimmed at its end; null (and a finding) when it cannot be read. */
export type ReadSecret = (path: string, report: (message: string) => void) => string | null;

export interface ProviderDeps {
  readonly env: Env;
  readonly readSecret: ReadSecret;
  readonly report: Report;
  readonly warn: Report;
}

/** The providers that are available now; one `docker` named `local` where the file has no `providers`. */
export function resolveProviders(file: ConfigFile, deps: ProviderDeps): ProviderConfig[] {
  const providers: ProviderConfig[] = [];
  for (const [name, keys] of Object.entries(file.providers ?? { local: { type: "docker" } as const })) {
    if (name === groupProvider)
      deps.report(["providers", name], `"${name}" is kept for groups of workloads: choose another name`);
    if (keys.type === "docker") providers.push(toDocker(name, keys, deps));
    if (keys.type === "process") providers.push({ type: "process", name });
    if (keys.type === "proxmox") providers.push(...toProxmox(name, keys, deps));
  }
  return providers;
}

function toDocker(name: string, keys: ProviderKeys & { type: "docker" }, deps: ProviderDeps): DockerProviderConfig {
  const fromEnv = keys.url === undefined;
  const url = keys.url ?? dockerHost(name, deps);
  return {
    type: "docker",
    name,
    url,
    tls: keys.tls === undefined && fromEnv ? tlsFromEnv(name, deps) : toTls(name, keys.tls, deps),
    discover: keys.discover ?? true,
    labels: [...new Set(keys.labels ?? (["nodoff"] as const))],
    matchDomains: keys.match_domains ?? [],
    network: keys.network ?? null,
  };
}

function dockerHost(name: string, { env, report }: ProviderDeps): string {
  const given = env["DOCKER_HOST"];
  if (given === undefined || given === "") return "unix:///var/run/docker.sock";
  const wrong = given.startsWith("ssh://") ? "is not available yet" : wrongEngineUrl(given);
  if (wrong !== null) report(["providers", name], `DOCKER_HOST: "${given}" ${wrong}`);
  return given;
}

/** As the docker command does it: DOCKER_TLS_VERIFY with the three files of DOCKER_CERT_PATH. */
function tlsFromEnv(name: string, deps: ProviderDeps): TlsMaterial | null {
  const { DOCKER_TLS_VERIFY: verify = "", DOCKER_CERT_PATH: folder = "", DOCKER_HOST: url = "" } = deps.env;
  if (verify === "" || folder === "" || url === "") return null;
  const files = { ca_file: `${folder}/ca.pem`, cert_file: `${folder}/cert.pem`, key_file: `${folder}/key.pem` };
  return toTls(name, files, deps);
}

type TlsKeys = (ProviderKeys & { type: "docker" })["tls"];

function toTls(name: string, keys: TlsKeys, { readSecret, report }: ProviderDeps): TlsMaterial | null {
  if (keys === undefined) return null;
  const read = (key: "ca_file" | "cert_file" | "key_file"): string | null => {
    const path = keys[key];
    return path === undefined ? null : readSecret(path, (message) => report(["providers", name, "tls", key], message));
  };
  if ((keys.cert_file === undefined) !== (keys.key_file === undefined))
    report(["providers", name, "tls"], `"cert_file" and "key_file" belong together`);
  return { ca: read("ca_file"), cert: read("cert_file"), key: read("key_file") };
}

/** What is known about providers while workloads look for theirs. */
export interface KnownProviders {
  /** By name; null = its entry is wrong, so nothing is known about it. */
  readonly types: ReadonlyMap<string, ProviderType | null>;
}

/** The provider of a workload that needs one of `type`; null (and a finding, unless one was told) when there is none. */
export function findProvider(
  { types }: KnownProviders,
  wanted: { readonly name: string | undefined; readonly type: ProviderType; readonly kind: string },
  report: Report,
): string | null {
  const { name, type, kind } = wanted;
  if (name !== undefined) {
    const found = types.get(name);
    if (found === type) return name;
    if (found === undefined) report(["provider"], `"${name}" is not a provider${didYouMean(name, [...types.keys()])}`);
    else if (found !== null) report(["provider"], `"${name}" is of type ${found}: it has no ${kind}`);
    return null;
  }
  const able = [...types].filter(([, known]) => known === type).map(([found]) => found);
  const [only] = able;
  if (only !== undefined && able.length === 1) return only;
  if ([...types.values()].includes(null)) return null;
  if (only === undefined) report([kind], `needs a provider of type ${type} under "providers"`);
  else report(["provider"], `is missing: one of ${able.join(", ")}`);
  return null;
}
