import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { inspect } from "node:util";
import Dockerode from "dockerode";
import type { DockerOptions } from "dockerode";
import type { Clock } from "../../core/clock.ts";
import { NodoffError } from "../../core/errors.ts";
import { deadline, untilAborted } from "../deadline.ts";
import type { Endpoint } from "./endpoint.ts";
import { toProviderError } from "./map-error.ts";
import type { RawVersion } from "./raw.ts";

/** The newest Engine API whose answers are known here. */
const newestApi = "1.52";
const callTimeoutMs = 30_000;

/** A negotiated connection. */
export interface Session {
  readonly docker: Dockerode;
  /** Such as `1.41`. */
  readonly api: string;
  readonly podman: boolean;
}

export interface CallOptions {
  readonly signal: AbortSignal;
  /** How long the engine may take; default 30 s. `signal` ends it earlier. */
  readonly limitMs?: number;
}

/** Calls to one engine. Rejects only with NodoffError. */
export interface Client {
  readonly endpoint: Endpoint;
  /** Runs one call, named as in an allow list; `run` gets the signal to pass as `abortSignal`. */
  call<T>(
    name: string,
    options: CallOptions,
    run: (session: Session, abortSignal: AbortSignal) => Promise<T>,
  ): Promise<T>;
  /** Negotiates if that was not done yet. */
  session(options: CallOptions): Promise<Session>;
  /** Negotiates anew at the next call: the daemon may have been replaced. */
  forget(): void;
  close(): void;
}

/** Opens nothing until the first call. Event streams go the same way, for nothing here has a socket timeout. */
export function createClient({ endpoint, clock }: { readonly endpoint: Endpoint; readonly clock: Clock }): Client {
  const agent = toAgent(endpoint);
  let session: Session | null = null;
  const negotiate = async (abortSignal: AbortSignal): Promise<Session> => {
    const version = await askVersion(connect(endpoint, agent), abortSignal);
    if (!isVersion(version)) {
      throw new NodoffError("PROVIDER_UNAVAILABLE", `${endpoint.shown} does not speak the Docker Engine API`);
    }
    const api = chooseApi(version);
    const podman = version.Components?.some(({ Name }) => Name === "Podman Engine") ?? false;
    return { docker: connect(endpoint, agent, `v${api}`), api, podman };
  };
  const attempt = async <T>(name: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> => {
    try {
      return await untilAborted(work(), signal);
    } catch (error) {
      throw await toProviderError(error, { call: name, endpoint, signal });
    }
  };
  const call: Client["call"] = async (name, { signal: outer, limitMs = callTimeoutMs }, run) => {
    const { signal, end } = deadline(clock, limitMs, outer);
    try {
      const current = session ?? (await attempt("GET /version", signal, () => negotiate(signal)));
      session = current;
      return await attempt(name, signal, () => run(current, signal));
    } finally {
      end();
    }
  };
  return {
    endpoint,
    call,
    session: (options) => call("GET /version", options, (current) => Promise.resolve(current)),
    forget() {
      session = null;
    },
    close: () => agent.destroy(),
  };
}

/** No keep-alive: a connection kept over a daemon's restart would fail the next call. */
function toAgent(endpoint: Endpoint): HttpAgent {
  const isPlain = endpoint.kind === "unix" || endpoint.protocol === "http";
  const agent = isPlain
    ? new HttpAgent({ keepAlive: false })
    : new HttpsAgent({ keepAlive: false, rejectUnauthorized: endpoint.verify });
  // docker-modem formats the options of each request for its debug output, also while that is off: the agent with all
  // its sockets took 70 % of the CPU time of a list.
  return Object.defineProperty(agent, inspect.custom, { value: () => "agent" });
}

/** Every field is given, if only as undefined: dockerode fills what is missing from the process's DOCKER_* variables. */
function connect(endpoint: Endpoint, agent: HttpAgent, version?: string): Dockerode {
  const none = { host: undefined, port: undefined, protocol: undefined, socketPath: undefined };
  const tls = endpoint.kind === "tcp" ? endpoint.tls : null;
  const options: DockerOptions & { readonly agent: HttpAgent } = {
    ...none,
    ...(endpoint.kind === "unix"
      ? { socketPath: endpoint.socketPath, protocol: "http" as const }
      : { host: endpoint.host, port: endpoint.port, protocol: endpoint.protocol }),
    ca: tls?.ca ?? undefined,
    cert: tls?.cert ?? undefined,
    key: tls?.key ?? undefined,
    timeout: undefined,
    agent,
    version,
  };
  return new Dockerode(options);
}

/** dockerode takes the signal here too; its types do not say so. */
function askVersion(docker: Dockerode, abortSignal: AbortSignal): Promise<unknown> {
  const ask = docker.version.bind(docker) as (options: object) => Promise<unknown>;
  return ask({ abortSignal });
}

function isVersion(answer: unknown): answer is RawVersion {
  return (
    typeof answer === "object" &&
    answer !== null &&
    "ApiVersion" in answer &&
    /^\d+\.\d+$/.test(String(answer.ApiVersion))
  );
}

/** The newest API both know, never below what the daemon still accepts. */
function chooseApi({ ApiVersion, MinAPIVersion }: RawVersion): string {
  const chosen = compareApi(ApiVersion, newestApi) < 0 ? ApiVersion : newestApi;
  return MinAPIVersion !== undefined && compareApi(chosen, MinAPIVersion) < 0 ? MinAPIVersion : chosen;
}

/** Negative when `a` is older than `b`. */
export function compareApi(a: string, b: string): number {
  const [majorA = 0, minorA = 0] = a.split(".").map(Number);
  const [majorB = 0, minorB = 0] = b.split(".").map(Number);
  return majorA - majorB || minorA - minorB;
}
