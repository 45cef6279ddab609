import type { Look } from "../../core/provider.ts";
import { toComposePlace } from "./compose.ts";
import type { Labels } from "./compose.ts";
import type { RawContainer, RawRow } from "./raw.ts";

/** What a look says only where there is something to say. */
export function toSurroundings(
  labels: Labels,
  networkMode: string | undefined,
  ports: readonly number[],
): Pick<Look, "compose" | "sharesNetworkWith" | "ports"> {
  const compose = toComposePlace(labels);
  const owner = networkOwner(networkMode);
  return {
    ...(compose !== undefined && { compose }),
    ...(owner !== undefined && { sharesNetworkWith: owner }),
    ...(ports.length > 0 && { ports }),
  };
}

/** Whose network it uses (`network_mode: container:…`): an id, for compose and docker both resolve names. */
export function networkOwner(networkMode = ""): string | undefined {
  return /^container:(.+)$/.exec(networkMode)?.[1];
}

/** The TCP ports its image, its creation or its network names; sorted. */
export function portsOf({ Config, HostConfig, NetworkSettings }: RawContainer): readonly number[] {
  const names = [Config?.ExposedPorts, HostConfig?.PortBindings, NetworkSettings?.Ports];
  return toPorts(names.flatMap((ports) => Object.keys(ports ?? {})));
}

/** As far as a row of the list knows them. */
export function rowPorts({ Ports }: RawRow): readonly number[] {
  return toPorts((Ports ?? []).map(({ PrivatePort, Type }) => `${PrivatePort}/${Type}`));
}

/** From the engine's `80/tcp`, `53/udp`. */
function toPorts(names: readonly string[]): readonly number[] {
  const ports = names.filter((name) => name.endsWith("/tcp")).map((name) => Number.parseInt(name, 10));
  return [...new Set(ports)].filter((port) => port > 0).sort((a, b) => a - b);
}
