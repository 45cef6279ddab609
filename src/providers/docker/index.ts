import type { Clock } from "../../core/clock.ts";
import { NodoffError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { Counters, Provider, ProviderObserver } from "../../core/provider.ts";
import { findAddress, findLastingAddress } from "./address.ts";
import { createClient } from "./client.ts";
import { createContainers } from "./containers.ts";
import { readCounters } from "./counters.ts";
import { createExecs } from "./exec.ts";
import { createHostProcesses } from "./host-processes.ts";
import type { HostPaths } from "./host-process.ts";
import { createInsight } from "./insight.ts";
import { toEndpoint } from "./endpoint.ts";
import type { DockerTls } from "./endpoint.ts";
import { createMarks } from "./marks.ts";
import { followOutput } from "./follow.ts";
import { readOutput } from "./output.ts";
import { createPower } from "./power.ts";
import { missingRights } from "./rights.ts";
import { ownContainerId } from "./self.ts";
import type { Self } from "./self.ts";
import { watchEngine } from "./watch.ts";

export type { DockerTls } from "./endpoint.ts";
export type { HostPaths } from "./host-process.ts";
export { readSelf } from "./self.ts";
export type { Self } from "./self.ts";

export interface DockerProviderOptions {
  /** The name under `providers:`. */
  readonly name: string;
  /** `unix://`, `tcp://`, `http://` or `https://`; null = `DOCKER_HOST` of `env`, else the default socket. */
  readonly url: string | null;
  readonly tls: DockerTls | null;
  /** The network whose addresses are used; null = one shared with nodoff, else the first that can be reached. */
  readonly network: string | null;
  /** What tells nodoff's own container from the others: `readSelf()`. */
  readonly self: Self;
  /** The process's environment: only the DOCKER_* variables and HOME are read. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly logger: Logger;
  /**
   * Where the engine's machine shows its processes and control groups; default `/proc` and `/sys/fs/cgroup`. Used for
   * containers that are found there; needs `pid: host`, or the machine's own `/proc` mounted, and `cgroup: host`.
   */
  readonly host?: Partial<HostPaths>;
  /** 0 to below 1, for the jitter of reconnects; default Math.random. */
  readonly random?: () => number;
}

/**
 * Adapter to a Docker or Podman engine. Opens nothing until it is called; throws CONFIG_INVALID when the address cannot
 * be used.
 */
export function createDockerProvider(options: DockerProviderOptions): Provider {
  const { name, clock, network } = options;
  const logger = options.logger.child({ provider: name });
  const endpoint = toEndpoint(options);
  const ownId = ownContainerId(options.self);
  const marks = createMarks(clock);
  const client = createClient({ endpoint, clock });
  const containers = createContainers({ client, clock, marks, ownId });
  const power = createPower({ client, containers, marks, clock });
  const paths: HostPaths = { proc: "/proc", cgroup: "/sys/fs/cgroup", ...options.host };
  const processes = createHostProcesses({ containers, paths });
  const insight = createInsight({ containers, execs: createExecs({ client, clock }), processes });
  const closing = new AbortController();
  const watches = new Set<{ close(): Promise<void> }>();
  let asked = false;

  /** Once, as soon as the engine answers: better said now than at the first wake. */
  const askRights = async (): Promise<void> => {
    if (asked) return;
    asked = true;
    const missing = await missingRights(client, { signal: closing.signal });
    if (missing.length > 0) logger.warn("the engine's proxy refuses calls that sleep and wake need", { missing });
  };
  const watch = (observer: ProviderObserver): { close(): Promise<void> } => {
    const link: ProviderObserver["link"] = (failure) => {
      if (failure === null) void askRights();
      observer.link(failure);
    };
    const deps = { client, containers, marks, clock, logger, random: options.random ?? Math.random };
    const watching = watchEngine(deps, {
      link,
      listed(looks) {
        processes.forget();
        insight.keep(new Set(looks.map(({ id }) => id)));
        observer.listed(looks);
      },
      changed(change) {
        processes.forget(change.refs);
        observer.changed(change);
      },
    });
    const closed = {
      close() {
        watches.delete(closed);
        return watching.close();
      },
    };
    watches.add(closed);
    return closed;
  };
  /** After `close` nothing is sent any more. */
  const open =
    <A extends readonly unknown[], T>(run: (...args: A) => Promise<T>) =>
    async (...args: A): Promise<T> => {
      if (closing.signal.aborted) throw new NodoffError("SHUTTING_DOWN", `${name} is closed`);
      return run(...args);
    };
  /** What was known of its process may be true no longer, whether the call succeeds or not. */
  const acting = <A extends readonly [string, ...(readonly unknown[])]>(run: (...args: A) => Promise<void>) =>
    open((...args: A) => run(...args).finally(() => processes.forget([args[0]])));
  return {
    name,
    type: "docker",
    capabilities: { pause: true, kill: true, logs: true, health: true, discovers: true },
    insight: {
      connections: open(insight.connections),
      sessions: open(insight.sessions),
      exec: open(insight.exec),
    },
    list: open(async (io) => (await containers.entries(io)).map(({ look }) => look)),
    inspect: open((ref, io) => containers.look(ref, io)),
    start: acting(power.start),
    stop: acting(power.stop),
    pause: acting(power.pause),
    resume: acting(power.resume),
    kill: acting(power.kill),
    watch,
    logs: open(async (ref, io) => readOutput(client, await containers.need(ref, { signal: io.signal }), io)),
    async *follow(ref, io) {
      const raw = await open(containers.need)(ref, { signal: io.signal });
      yield* followOutput(client, raw, { ...io, closing: closing.signal });
    },
    counters: open((ref, io) =>
      processes.ask<Counters>(ref, io, {
        ended: {},
        onHost: (process) => process.counters(),
        byEngine: (raw) => readCounters(client, raw, io),
      }),
    ),
    address: open((ref, { port }, { signal }) =>
      findAddress({ containers, endpoint, ownId, network }, ref, { port, signal }),
    ),
    lastingAddress: open((ref, query, { signal }) =>
      findLastingAddress({ containers, endpoint, ownId, network }, ref, { ...query, signal }),
    ),
    async close() {
      closing.abort(new Error("closed"));
      await Promise.all([...watches].map((watching) => watching.close()));
      client.close();
    },
  };
}
