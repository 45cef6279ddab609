import type { Clock } from "../../core/clock.ts";
import { NodoffError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { IoOptions, Provider } from "../../core/provider.ts";
import { deadline } from "../deadline.ts";
import { createAddresses } from "./address.ts";
import { createClient } from "./client.ts";
import { createDeclarations } from "./declarations.ts";
import { examine } from "./examine.ts";
import { createGuests } from "./guests.ts";
import { createLocate } from "./locate.ts";
import { createPower } from "./power.ts";
import { PveError, toProviderError } from "./pve-error.ts";
import { readTaskOutput, toCounters } from "./readings.ts";
import type { PveCredentials } from "./session.ts";
import { createTasks } from "./tasks.ts";
import { openTransport } from "./transport.ts";
import type { PveTrust, Transport } from "./transport.ts";
import { createWatch } from "./watch.ts";

export type { PveCredentials } from "./session.ts";
export type { PveTrust, Transport } from "./transport.ts";

export interface ProxmoxProviderOptions {
  /** The name under `providers:`. */
  readonly name: string;
  /** Base addresses of the nodes of one cluster; any of them answers for all. */
  readonly origins: readonly string[];
  readonly credentials: PveCredentials;
  readonly trust: PveTrust;
  /** Whether tags and notes of guests declare workloads. */
  readonly discover: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Default: HTTPS. */
  readonly open?: (trust: PveTrust) => Transport;
}

export interface ProxmoxProvider extends Provider {
  /** Refs the configuration uses: only these guests (and discovered ones) are worth a live look; null = all. */
  expect(refs: ReadonlySet<string> | null): void;
}

/** Counters the cluster takes every 10 s are asked for no more often than this. */
const countersMs = 5_000;
/** Longest time to find out who ended a guest. */
const whoLimitMs = 60_000;

/**
 * Adapter to one Proxmox VE cluster (or a single node): containers (`lxc/100`) and VMs (`vm/101`), also by name
 * (`lxc/web`, `lxc/web@pve1`). Opens nothing until it is called, starts nothing by itself, writes no configuration.
 */
export function createProxmoxProvider(options: ProxmoxProviderOptions): ProxmoxProvider {
  const { name, clock } = options;
  const logger = options.logger.child({ provider: name });
  const transport = (options.open ?? openTransport)(options.trust);
  const client = createClient({ ...options, transport });
  const tasks = createTasks({ client, clock });
  const closing = new AbortController();
  const guests = createGuests({
    name,
    client,
    clock,
    logger,
    changed: (change) => watch.changed(change),
    restructured: () => watch.restructured(),
    async whoStopped(guest) {
      const { signal, end } = deadline(clock, whoLimitMs, closing.signal);
      try {
        return await tasks.whoStopped(guest, { signal });
      } finally {
        end();
      }
    },
  });
  const declarations = options.discover ? createDeclarations({ client, clock, logger }) : null;
  const watch = createWatch({ guests, declarations, clock });
  const power = createPower({ client, guests, tasks, clock, stirred: () => watch.stirred() });
  const addresses = createAddresses({ client, guests, clock });
  const locate = createLocate({ client, clock, guests, addresses });
  let told: ReadonlySet<string> = new Set();

  /** Says once what the configuration names and the cluster does not show. */
  function tellMissing(wanted: ReadonlySet<string>): void {
    const known = new Set(guests.looks().flatMap(({ refs }) => refs));
    const missing = new Set([...wanted].filter((ref) => !known.has(ref)));
    for (const ref of missing) {
      if (told.has(ref)) continue;
      logger.warn("guest not found", { ref, error: `it does not exist, or the ${client.who} lacks VM.Audit on it` });
    }
    told = missing;
  }

  /** Nothing but NodoffError leaves; after `close`, or asked too late, nothing is sent. */
  async function edge<T>(signal: AbortSignal, about: string | undefined, run: () => Promise<T>): Promise<T> {
    if (closing.signal.aborted) throw new NodoffError("SHUTTING_DOWN", `${name} is closed`);
    try {
      signal.throwIfAborted();
      return await run();
    } catch (error) {
      if (error instanceof NodoffError || error instanceof PveError) throw toProviderError(error, about);
      if (!signal.aborted) throw toProviderError(error, about);
      throw new NodoffError("PROVIDER_UNAVAILABLE", `${name} did not answer in time`, { cause: error });
    }
  }
  const byRef =
    <O extends IoOptions, T>(run: (ref: string, io: O) => Promise<T>) =>
    (ref: string, io: O): Promise<T> =>
      edge(io.signal, ref, () => run(ref, io));

  let wanted: ReadonlySet<string> | null = null;
  return {
    name,
    type: "proxmox",
    capabilities: { pause: true, kill: true, logs: true, health: false, discovers: options.discover },
    expect(refs) {
      wanted = refs;
      guests.expect(refs);
    },
    list: (io) =>
      edge(io.signal, undefined, async () => {
        await watch.fresh(0, io);
        return guests.looks();
      }),
    inspect: byRef(async (ref, io) => {
      const ambiguous = guests.ambiguous(ref);
      if (ambiguous !== undefined) return ambiguous;
      const guest = await guests.find(ref, io);
      if (guest === undefined) return undefined;
      const status = await guests.read(guest, io);
      if (status === undefined) return undefined;
      if (guest.busy === 0) guests.settle(guest, status);
      return guests.look(guest);
    }),
    start: byRef(power.start),
    stop: byRef(power.stop),
    pause: byRef(power.pause),
    resume: byRef(power.resume),
    kill: byRef(power.kill),
    suspend: byRef(power.suspend),
    watch: (observer) =>
      watch.add({
        link: (failure) => observer.link(failure),
        changed: (change) => observer.changed(change),
        listed(looks) {
          if (wanted !== null) tellMissing(wanted);
          observer.listed(looks);
        },
      }),
    logs: byRef(async (ref, io) => readTaskOutput({ client, tasks }, await guests.need(ref, io), io)),
    counters: byRef(async (ref, io) => {
      const guest = await guests.need(ref, io);
      await watch.fresh(countersMs, io);
      return toCounters(guest);
    }),
    address: (ref, query, io) => edge(io.signal, ref, () => addresses.of(ref, query, io)),
    locate: (query, io) => edge(io.signal, undefined, () => locate(query, io)),
    examine: (needs, io) => edge(io.signal, undefined, () => examine({ name, client, guests }, needs, io)),
    async close() {
      closing.abort(new Error("closed"));
      await watch.close();
      await client.close();
    },
  };
}
