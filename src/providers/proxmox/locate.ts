import type { Clock } from "../../core/clock.ts";
import { NodoffError } from "../../core/errors.ts";
import type { IoOptions, LocateQuery, Placement } from "../../core/provider.ts";
import type { Addresses } from "./address.ts";
import type { Client } from "./client.ts";
import { describeGuest } from "./guest.ts";
import type { Guest } from "./guest.ts";
import type { Guests } from "./guests.ts";
import { PveError } from "./pve-error.ts";
import { toList, toText } from "./raw.ts";

/** Addresses of guests that go on as they are hold for so long: asking costs a call or two for each of them. */
const keptMs = 600_000;

export interface LocateDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly guests: Guests;
  readonly addresses: Pick<Addresses, "now">;
}

export type Locate = (query: LocateQuery, options: IoOptions) => Promise<Placement | null>;

/**
 * Finds what a route leads to: a node before a guest; by address, then by the first part of the host name, then by alias.
 * A node is named as VMID 0: nobody starts or stops it. Rejects with REFUSED where several have the name.
 */
export function createLocate({ client, clock, guests, addresses }: LocateDeps): Locate {
  const kept = new Map<string, { readonly of: string; readonly at: number; readonly addresses: readonly string[] }>();

  async function addressesOf(guest: Guest, options: IoOptions): Promise<readonly string[]> {
    const of = `${guest.power} ${guest.startedAt}`;
    const before = kept.get(guest.key);
    if (before?.of === of && clock.now() - before.at < keptMs) return before.addresses;
    const found = await addresses.now(guest, options).catch((error: unknown): readonly string[] => {
      if (options.signal.aborted || !(error instanceof PveError)) throw error;
      return [];
    });
    kept.set(guest.key, { of, at: clock.now(), addresses: found });
    return found;
  }

  async function nodeAddresses(options: IoOptions): Promise<ReadonlyMap<string, string>> {
    try {
      const rows = toList(await client.api(options).cluster.status.$get());
      return new Map(
        rows.filter((row) => row["type"] === "node").map((row) => [toText(row["ip"]), toText(row["name"])] as const),
      );
    } catch (error) {
      // Needs Sys.Audit on /: without it nodes are found by name alone.
      if (error instanceof PveError && error.kind === "permission") return new Map();
      throw error;
    }
  }

  /** Guests with this address; only running ones have any but configured ones. */
  async function withAddress(ip: string, options: IoOptions): Promise<readonly Guest[]> {
    const found: Guest[] = [];
    for (const guest of guests.all()) if ((await addressesOf(guest, options)).includes(ip)) found.push(guest);
    return found;
  }

  return async ({ ref, hostname, ip, alias }, options) => {
    if (guests.nodes().length === 0) await guests.connect(options);
    if (ref !== null) {
      const guest = await guests.find(ref, options);
      return guest === undefined ? null : { node: guest.node, id: guest.vmid, ref: guest.key };
    }
    const label = hostname?.split(".")[0]?.toLowerCase() ?? null;
    const names: string[] = [label, alias?.toLowerCase()].filter((name) => typeof name === "string");
    const nodes = guests.nodes().map(({ name }) => name);
    const byIp = ip === null ? undefined : (await nodeAddresses(options)).get(ip);
    const node = byIp ?? nodes.find((each) => names.includes(each.toLowerCase()));
    if (node !== undefined) return { node, id: 0, ref: null };
    if (ip !== null) {
      const owners = await withAddress(ip, options);
      if (owners.length > 0) return only(ip, owners);
    }
    for (const name of names) {
      const owners = [...guests.all()].filter(({ row }) => row.name.split(".")[0]?.toLowerCase() === name);
      if (owners.length > 0) return only(name, owners);
    }
    return null;
  };
}

function only(name: string, owners: readonly Guest[]): Placement {
  const [guest, second] = owners;
  if (guest !== undefined && second === undefined) return { node: guest.node, id: guest.vmid, ref: guest.key };
  throw new NodoffError("REFUSED", `"${name}" may be several guests: ${owners.map(describeGuest).join(", ")}`);
}
