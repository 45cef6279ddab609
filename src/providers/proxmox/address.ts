import ipaddr from "ipaddr.js";
import type { Clock } from "../../core/clock.ts";
import { NodoffError } from "../../core/errors.ts";
import type { Address, AddressQuery, IoOptions } from "../../core/provider.ts";
import { wait } from "../deadline.ts";
import type { Client } from "./client.ts";
import type { Guest } from "./guest.ts";
import type { Guests } from "./guests.ts";
import { PveError } from "./pve-error.ts";
import { readConfig, readInterfaces } from "./raw.ts";
import type { Interface } from "./raw.ts";

export interface AddressDeps {
  readonly client: Client;
  readonly guests: Guests;
  readonly clock: Clock;
}

/** Where guests answer, as the guest itself, its agent or its configuration says. */
export interface Addresses {
  /** Waits until the running guest has one: that takes a container 1 s, a VM's agent 20 s after the start. */
  of(ref: string, query: AddressQuery, options: IoOptions): Promise<Address>;
  /** All that can be known right now, without waiting; the best first. */
  now(guest: Guest, options: IoOptions): Promise<readonly string[]>;
}

/** A guest without an address for so long gets none: its network is broken, or it has no DHCP server. */
const patienceMs = 90_000;
const firstGapMs = 250;
const lastGapMs = 1_000;
/** The agent answers to a ping within 3 s, or it is not there. */
const agentLimitMs = 6_000;

export function createAddresses({ client, guests, clock }: AddressDeps): Addresses {
  async function live(guest: Guest, { signal }: IoOptions): Promise<readonly string[]> {
    const node = client.api({ signal, limitMs: agentLimitMs }).nodes.$(guest.node);
    const data: unknown =
      guest.type === "lxc"
        ? await node.lxc.$(guest.vmid).interfaces.$get()
        : await node.qemu.$(guest.vmid).agent["network-get-interfaces"].$get();
    return usable(readInterfaces(data));
  }

  async function fromConfig(guest: Guest, { signal }: IoOptions): Promise<readonly string[]> {
    const node = client.api({ signal }).nodes.$(guest.node);
    const data: unknown = await (guest.type === "lxc" ? node.lxc : node.qemu).$(guest.vmid).config.$get();
    return staticAddresses(readConfig(data), guest.type);
  }

  /** Live, else configured; why there is none in `missing`. */
  async function ask(
    guest: Guest,
    options: IoOptions,
  ): Promise<{ readonly found: readonly string[]; readonly missing: PveError | null }> {
    let missing: PveError | null = null;
    try {
      const found = await live(guest, options);
      if (found.length > 0) return { found, missing };
    } catch (error) {
      if (!(error instanceof PveError) || error.kind === "auth") throw error;
      missing = error;
    }
    return { found: await fromConfig(guest, options), missing };
  }

  return {
    async of(ref, { port }, options) {
      const guest = await guests.need(ref, options);
      if (port === null)
        throw new NodoffError("NO_PORT", `${ref} is a guest: name its port (port: …), or its upstream`);
      const until = clock.now() + patienceMs;
      for (let gapMs = firstGapMs; ; gapMs = Math.min(lastGapMs, gapMs * 2)) {
        const { found, missing } = await ask(guest, options);
        const [host] = found;
        if (host !== undefined) return { host, port };
        if (missing !== null && !isPassing(missing)) throw hopeless(ref, missing);
        if (guest.power === "stopped" && guest.busy === 0) {
          const status = await guests.read(guest, options);
          if (status?.running !== true) throw new NodoffError("ENGINE_ERROR", `${ref} does not run: it has no address`);
        }
        if (clock.now() >= until) throw hopeless(ref, missing);
        await wait(clock, gapMs, options.signal);
      }
    },
    async now(guest, options) {
      if (guest.power === "stopped") return fromConfig(guest, options);
      const { found } = await ask(guest, options);
      return found;
    },
  };
}

/** The agent begins some time after its VM; everything else does not mend itself. */
function isPassing({ kind, message }: PveError): boolean {
  if (kind === "permission") return false;
  return !/no qemu guest agent configured/i.test(message);
}

function hopeless(ref: string, missing: PveError | null): NodoffError {
  const ways = "set `upstream` (or a fixed address in its configuration)";
  if (missing?.kind === "permission") {
    return new NodoffError("PROVIDER_FORBIDDEN", `${ref}: ${missing.message}; or ${ways}`, { cause: missing });
  }
  const why = missing === null ? "it runs, but has no address" : missing.message;
  const agent = missing !== null && /agent/i.test(why) ? "install and enable the QEMU guest agent, or " : "";
  return new NodoffError("ENGINE_ERROR", `${ref}: ${why}: ${agent}${ways}`, { cause: missing });
}

/** Bridges and the like inside a guest lead to its own containers, not to it. */
const inner = /^(?:lo|docker|br-|veth|virbr|cni|flannel|cali|tun|tap|wg|tailscale|zt)/;

/** In the order of the interfaces, IPv4 first; none that is only valid on its link. */
function usable(interfaces: readonly Interface[]): readonly string[] {
  const found = interfaces.filter(({ name }) => !inner.test(name)).flatMap(({ addresses }) => addresses);
  return inOrder(found.filter(isRoutable));
}

function isRoutable(text: string): boolean {
  if (!ipaddr.isValid(text)) return false;
  const range = ipaddr.parse(text).range();
  return range !== "linkLocal" && range !== "multicast" && range !== "unspecified";
}

function inOrder(addresses: readonly string[]): readonly string[] {
  return [...addresses.filter((text) => !text.includes(":")), ...addresses.filter((text) => text.includes(":"))];
}

/** `net0: …,ip=10.0.0.5/24` of a container, `ipconfig0: ip=10.0.0.6/24,…` of a VM with cloud-init. */
function staticAddresses(config: Readonly<Record<string, string>>, type: Guest["type"]): readonly string[] {
  const keys = Object.keys(config)
    .filter((key) => (type === "lxc" ? /^net\d+$/ : /^ipconfig\d+$/).test(key))
    .sort();
  const texts = keys.flatMap((key) =>
    [...(config[key] ?? "").matchAll(/(?:^|,)ip6?=([^,/]+)/g)].map(([, ip = ""]) => ip),
  );
  return inOrder(texts.filter(isRoutable));
}
