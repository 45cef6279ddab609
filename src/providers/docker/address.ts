import { NodoffError } from "../../core/errors.ts";
import type { Address, AddressQuery, IoOptions, LastingQuery } from "../../core/provider.ts";
import type { Containers } from "./containers.ts";
import type { Endpoint } from "./endpoint.ts";
import { toPower } from "./look.ts";
import type { RawBinding, RawContainer, RawEndpoint } from "./raw.ts";
import { networkOwner } from "./surroundings.ts";

export interface AddressDeps {
  readonly containers: Containers;
  readonly endpoint: Endpoint;
  /** The container nodoff runs in; null = on a host. */
  readonly ownId: string | null;
  /** `providers.<name>.network`: only this network counts. */
  readonly network: string | null;
}

/** From where nodoff looks at a container. */
interface View {
  /** nodoff's own container, or whose network it shares; null = it sits on a host. */
  readonly own: RawContainer | null;
  /** Whether the engine runs on another machine, whose bridges cannot be reached. */
  readonly engineHost: string | null;
  readonly network: string | null;
}

const maxHops = 4;

/**
 * Where a running container answers, found anew each time: its address and its ephemeral ports change with every start.
 * Rejects with GONE, ENGINE_ERROR when it does not run, NO_PORT or NO_SHARED_NETWORK.
 */
export async function findAddress(
  deps: AddressDeps,
  ref: string,
  { port, signal }: AddressQuery & IoOptions,
): Promise<Address> {
  const raw = await deps.containers.need(ref, { signal });
  if (toPower(raw) === "stopped") throw new NodoffError("ENGINE_ERROR", `${ref} does not run: it has no address`);
  const [target, own] = await Promise.all([
    netOwner(deps.containers, raw, { signal }),
    deps.ownId === null ? undefined : deps.containers.byId(deps.ownId, { signal }),
  ]);
  const view: View = {
    own: own === undefined ? null : await netOwner(deps.containers, own, { signal }),
    engineHost: remoteHost(deps.endpoint),
    network: deps.network,
  };
  return place(target, port ?? onlyPort(ref, raw, target), { ...view, ref });
}

/**
 * Where another proxy reaches a container whether it runs or not: its name on a network with names of its own, or a port
 * published under a fixed number; null = nowhere that stays. `byName`: the proxy is in a container, too.
 */
export async function findLastingAddress(
  deps: AddressDeps,
  ref: string,
  { port, byName, signal }: LastingQuery & IoOptions,
): Promise<Address | null> {
  const raw = await deps.containers.need(ref, { signal });
  const [target, own] = await Promise.all([
    netOwner(deps.containers, raw, { signal }),
    deps.ownId === null ? undefined : deps.containers.byId(deps.ownId, { signal }),
  ]);
  const view: View = {
    own: own === undefined ? null : await netOwner(deps.containers, own, { signal }),
    engineHost: remoteHost(deps.endpoint),
    network: deps.network,
  };
  return placeForGood(target, port, { ...view, byName });
}

/** Networks whose containers do not know each other by name, or that are none. */
const nameless: ReadonlySet<string> = new Set(["bridge", "host", "none"]);

/** Decides; pure. */
export function placeForGood(
  target: RawContainer,
  port: number,
  view: View & { readonly byName: boolean },
): Address | null {
  const own = view.own?.HostConfig?.NetworkMode === "host" ? null : view.own;
  if (target.HostConfig?.NetworkMode === "host") return { host: hostAddress(own, view.engineHost), port };
  const networks = target.NetworkSettings?.Networks ?? {};
  const host = own === null ? view.engineHost : hostAddress(own, view.engineHost);
  const ownNames = own === null ? null : Object.keys(own.NetworkSettings?.Networks ?? {});
  const named = Object.keys(networks).filter((name) => !nameless.has(name) && ownNames?.includes(name) !== false);
  const isInside = own !== null || (view.byName && view.engineHost === null);
  if (isInside && named.length > 0 && target.Name !== undefined) return { host: target.Name.replace(/^\//, ""), port };
  const bindings = target.HostConfig?.PortBindings?.[`${port}/tcp`] ?? [];
  const bound = boundTo(bindings, host);
  // From inside a container nothing of the host's loopback can be reached.
  if (bound !== undefined && !(isInside && own === null)) return bound;
  const fixed = Object.values(networks).map(({ IPAMConfig }) => IPAMConfig?.IPv4Address ?? "");
  const ip = fixed.find((each) => each !== "");
  return ip === undefined || view.engineHost !== null ? null : { host: ip, port };
}

/** The container whose network it lives in: itself, unless `network_mode: container:…`. */
async function netOwner(containers: Containers, raw: RawContainer, io: IoOptions): Promise<RawContainer> {
  let owner = raw;
  for (let hop = 0; hop < maxHops; hop++) {
    const id = networkOwner(owner.HostConfig?.NetworkMode);
    const next = id === undefined ? undefined : await containers.byId(id, io);
    if (next === undefined) return owner;
    owner = next;
  }
  return owner;
}

/** Behind a socket or on loopback the engine is this machine; a name in nodoff's own network is a socket proxy. */
function remoteHost(endpoint: Endpoint): string | null {
  if (endpoint.kind === "unix") return null;
  return /^(?:localhost|127\.|\[::1\]$)/.test(endpoint.host) ? null : endpoint.host.replace(/^\[|\]$/g, "");
}

/** Its one TCP port. */
function onlyPort(ref: string, raw: RawContainer, target: RawContainer): number {
  const names = [raw.Config?.ExposedPorts, target.NetworkSettings?.Ports].flatMap((ports) => Object.keys(ports ?? {}));
  const found = [...new Set(names)].filter((name) => name.endsWith("/tcp")).map((name) => Number.parseInt(name, 10));
  const [only, ...more] = found.sort((a, b) => a - b);
  if (only !== undefined && more.length === 0) return only;
  const why = only === undefined ? "exposes no TCP port" : `exposes several ports (${found.join(", ")})`;
  throw new NodoffError("NO_PORT", `${ref} ${why}: name one (port: …, or the label nodoff.port)`);
}

/** Decides; pure. */
export function place(target: RawContainer, port: number, view: View & { readonly ref: string }): Address {
  const mode = target.HostConfig?.NetworkMode ?? "";
  const own = view.own?.HostConfig?.NetworkMode === "host" ? null : view.own;
  const networks = target.NetworkSettings?.Networks ?? {};
  if (view.network !== null) return onNetwork(networks, view.network, { port, view });
  if (mode === "host") return { host: hostAddress(own, view.engineHost), port };
  if (own !== null) {
    const ownNames = Object.keys(own.NetworkSettings?.Networks ?? {});
    for (const name of ownNames.sort()) {
      const host = addressOn(networks[name]);
      if (host !== undefined) return { host, port };
    }
    return (
      published(target, port, hostAddress(own, view.engineHost)) ?? notShared(Object.keys(networks), ownNames, view)
    );
  }
  if (view.engineHost !== null) {
    return published(target, port, view.engineHost) ?? notShared([], [], view);
  }
  const hosts = Object.keys(networks)
    .sort()
    .map((name) => addressOn(networks[name]));
  const host = hosts.find((found) => found !== undefined);
  return host === undefined ? (published(target, port, null) ?? notShared([], [], view)) : { host, port };
}

interface Wanted {
  readonly port: number;
  readonly view: View & { readonly ref: string };
}

function onNetwork(networks: Readonly<Record<string, RawEndpoint>>, name: string, { port, view }: Wanted): Address {
  // Compose puts the project before the name.
  const key =
    Object.keys(networks).find((key) => key === name) ?? Object.keys(networks).find((key) => key.endsWith(`_${name}`));
  const host = key === undefined ? undefined : addressOn(networks[key]);
  if (host !== undefined) return { host, port };
  throw new NodoffError("NO_SHARED_NETWORK", `${view.ref} is not attached to the network "${name}"`);
}

function addressOn(endpoint: RawEndpoint | undefined): string | undefined {
  return endpoint?.IPAddress || endpoint?.GlobalIPv6Address || undefined;
}

/** How to reach the machine itself: from inside a container by its network's gateway. */
function hostAddress(own: RawContainer | null, engineHost: string | null): string {
  const gateways = Object.values(own?.NetworkSettings?.Networks ?? {}).map(({ Gateway }) => Gateway);
  return gateways.find((gateway) => gateway !== undefined && gateway !== "") ?? engineHost ?? "127.0.0.1";
}

/** A published port, at `host` (null: this machine). */
function published(target: RawContainer, port: number, host: string | null): Address | undefined {
  return boundTo(target.NetworkSettings?.Ports?.[`${port}/tcp`] ?? [], host);
}

/**
 * The first port that can be reached at `host`: one bound to another address than that cannot. With null, which is this
 * machine, at the address it is bound to. 0 means any free one, another at each start.
 */
function boundTo(bindings: readonly RawBinding[], host: string | null): Address | undefined {
  for (const { HostIp = "", HostPort = "" } of bindings) {
    if (HostPort === "" || HostPort === "0") continue;
    const isAnywhere = HostIp === "" || HostIp === "0.0.0.0" || HostIp === "::";
    const at = host ?? (isAnywhere ? "127.0.0.1" : HostIp);
    if (isAnywhere || HostIp === at) return { host: at, port: Number(HostPort) };
  }
  return undefined;
}

function notShared(theirs: readonly string[], ours: readonly string[], { ref }: { readonly ref: string }): never {
  const names = (list: readonly string[]): string => list.map((name) => `"${name}"`).join(" or ");
  if (ours.length === 0 && theirs.length === 0) {
    throw new NodoffError("NO_SHARED_NETWORK", `${ref} has no address to reach and publishes no port for it`);
  }
  const attach = theirs.length > 0 ? `attach nodoff to ${names(theirs)}` : `attach ${ref} to ${names(ours)}`;
  throw new NodoffError("NO_SHARED_NETWORK", `nodoff and ${ref} share no network: ${attach}`);
}
