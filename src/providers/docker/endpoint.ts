import { readFileSync } from "node:fs";
import { join } from "node:path";
import { NodoffError } from "../../core/errors.ts";

/** PEM contents, as read from the files of `providers.<name>.tls`. */
export interface DockerTls {
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
}

/** Where the engine listens. `shown` is for messages. */
export type Endpoint =
  | { readonly kind: "unix"; readonly socketPath: string; readonly shown: string }
  | {
      readonly kind: "tcp";
      readonly protocol: "http" | "https";
      readonly host: string;
      readonly port: number;
      readonly tls: DockerTls | null;
      /** False only by `DOCKER_CERT_PATH` without `DOCKER_TLS_VERIFY`, as docker's own client does. */
      readonly verify: boolean;
      readonly shown: string;
    };

/** What decides where the engine is. */
export interface EndpointOptions {
  /** From the configuration; null = `DOCKER_HOST`, else the default socket. */
  readonly url: string | null;
  readonly tls: DockerTls | null;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const defaultUrl = "unix:///var/run/docker.sock";

/**
 * Resolves the engine's address the way docker's own client does; `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH` apply only
 * with `DOCKER_HOST`. Throws CONFIG_INVALID for what cannot be used.
 */
export function toEndpoint({ url, tls, env }: EndpointOptions): Endpoint {
  const fromEnv = url === null && present(env.DOCKER_HOST) !== undefined;
  const text = url ?? present(env.DOCKER_HOST) ?? defaultUrl;
  if (text.startsWith("unix://")) return toUnix(text);
  // DOCKER_HOST may leave the scheme out.
  const parsed = parseUrl(text.includes("://") ? text : `tcp://${text}`);
  if (parsed.protocol === "ssh:") {
    throw new NodoffError("CONFIG_INVALID", "an engine over ssh:// is not available yet: use a socket proxy or TLS");
  }
  if (!["tcp:", "http:", "https:"].includes(parsed.protocol)) {
    throw new NodoffError(
      "CONFIG_INVALID",
      `"${text}" is not an engine address (unix://, tcp://, http:// or https://)`,
    );
  }
  if (parsed.hostname === "")
    throw new NodoffError("CONFIG_INVALID", `"${text}" is not an engine address: it has no host`);
  if (parsed.pathname !== "" && parsed.pathname !== "/") {
    throw new NodoffError("CONFIG_INVALID", `an engine address has no path: "${text}"`);
  }
  const given = tls ?? (fromEnv ? tlsFromEnv(env) : null);
  const secure =
    parsed.protocol === "https:" || (parsed.protocol === "tcp:" && (given !== null || parsed.port === "2376"));
  return {
    kind: "tcp",
    protocol: secure ? "https" : "http",
    host: parsed.hostname,
    port: parsed.port === "" ? defaultPort(parsed.protocol, secure) : Number(parsed.port),
    tls: secure ? given : null,
    verify: !(fromEnv && tls === null && given !== null && present(env.DOCKER_TLS_VERIFY) === undefined),
    shown: `${parsed.protocol}//${parsed.host}`,
  };
}

function toUnix(text: string): Endpoint {
  const socketPath = text.slice("unix://".length);
  if (!socketPath.startsWith("/")) {
    throw new NodoffError("CONFIG_INVALID", `"${text}" needs an absolute path: unix:///var/run/docker.sock`);
  }
  return { kind: "unix", socketPath, shown: socketPath };
}

function parseUrl(text: string): URL {
  try {
    return new URL(text);
  } catch (error) {
    throw new NodoffError("CONFIG_INVALID", `"${text}" is not an engine address`, { cause: error });
  }
}

function defaultPort(protocol: string, secure: boolean): number {
  if (protocol === "http:") return 80;
  if (protocol === "https:") return 443;
  return secure ? 2376 : 2375;
}

function tlsFromEnv(env: EndpointOptions["env"]): DockerTls | null {
  const verify = present(env.DOCKER_TLS_VERIFY) !== undefined;
  const home = present(env.HOME);
  const folder = present(env.DOCKER_CERT_PATH) ?? (verify && home !== undefined ? join(home, ".docker") : undefined);
  if (folder === undefined) return null;
  const read = (name: string): string => {
    try {
      return readFileSync(join(folder, name), "utf8");
    } catch (error) {
      throw new NodoffError("CONFIG_INVALID", `DOCKER_CERT_PATH: ${name} cannot be read`, { cause: error });
    }
  };
  return { ca: read("ca.pem"), cert: read("cert.pem"), key: read("key.pem") };
}

function present(value: string | undefined): string | undefined {
  return value === "" ? undefined : value;
}
