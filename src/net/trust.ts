import { networkInterfaces } from "node:os";
import ipaddr from "ipaddr.js";
import { NodoffError } from "../core/errors.ts";

type Network = readonly [ipaddr.IPv4 | ipaddr.IPv6, number];

const loopback: readonly string[] = ["127.0.0.0/8", "::1/128"];
const privateRanges = [...loopback, "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];

/** Answers are remembered per address, since doors ask per request. Bounded: peers choose the addresses. */
const memoSize = 512;

/**
 * Who may say who the client is (`trusted_proxies`). Entries: `loopback`, `private` (RFC 1918, RFC 4193 and loopback),
 * `container_networks` (the networks given), CIDRs and addresses; anything else throws CONFIG_INVALID. The answer for
 * an address that is absent (a closed socket) or no IP is no.
 */
export function createTrust(
  entries: readonly string[],
  options: { readonly containerNetworks: readonly string[] },
): (address: string | undefined) => boolean {
  const isMatch = addressMatcher(
    entries.flatMap((entry) => {
      if (entry === "loopback") return loopback;
      if (entry === "private") return privateRanges;
      return entry === "container_networks" ? options.containerNetworks : [entry];
    }),
  );
  return (address) => address !== undefined && isMatch(address);
}

/**
 * Compiles CIDRs and addresses; throws CONFIG_INVALID for what is neither. IPv4-mapped IPv6 is IPv4 on both sides: a
 * dual-stack socket shows every IPv4 peer as `::ffff:…`.
 */
export function addressMatcher(cidrs: readonly string[]): (address: string) => boolean {
  const networks = cidrs.map(toNetwork);
  if (networks.length === 0) return () => false;
  const memo = new Map<string, boolean>();
  return (address) => {
    const known = memo.get(address);
    if (known !== undefined) return known;
    const parsed = parseAddress(address);
    const matched = parsed !== null && networks.some((network) => isWithin(parsed, network));
    if (memo.size >= memoSize) memo.clear();
    memo.set(address, matched);
    return matched;
  };
}

const isLoopbackAddress = addressMatcher(loopback);

/** Whether only this machine reaches a host to listen on; null = every interface. */
export function isLoopback(host: string | null): boolean {
  return host !== null && (host === "localhost" || isLoopbackAddress(host));
}

/** An address as one writes it: without zone, IPv4-mapped IPv6 as IPv4, IPv6 in RFC 5952 form; null = no address. */
export function normaliseAddress(address: string): string | null {
  const parsed = parseAddress(address);
  if (parsed === null) return null;
  return parsed.kind() === "ipv4" ? parsed.toString() : (parsed as ipaddr.IPv6).toRFC5952String();
}

/**
 * The client's address from X-Forwarded-For as trusted proxies wrote it: `hops` of them, each having appended its
 * peer, so the entry is counted from the end; where fewer proxies were passed, the first one. Ports and brackets are
 * stripped; null = no header, or no address there.
 */
export function forwardedClient(xForwardedFor: string | undefined, hops: number): string | null {
  const entry = forwardedEntry(xForwardedFor, hops);
  return entry === null ? null : normaliseAddress(withoutPort(entry));
}

/** The value that the outermost of `hops` trusted proxies appended to a list header; null = no header. */
export function forwardedEntry(list: string | undefined, hops: number): string | null {
  if (list === undefined) return null;
  if (!list.includes(",")) return list.trim();
  const entries = list.split(",");
  return (entries[Math.max(0, entries.length - hops)] ?? "").trim();
}

/**
 * The networks this machine is in, for `container_networks`; none outside a container, where they would be the whole
 * LAN. Link-local ones are left out: their addresses mean something else on each interface.
 */
export function ownNetworks(inContainer: boolean): readonly string[] {
  if (!inContainer) return [];
  const networks: string[] = [];
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { internal, cidr, address } of addresses ?? []) {
      if (!internal && cidr !== null && !address.startsWith("fe80:")) networks.push(cidr);
    }
  }
  return networks;
}

function withoutPort(entry: string): string {
  if (entry.startsWith("[")) {
    const end = entry.indexOf("]");
    return end === -1 ? "" : entry.slice(1, end);
  }
  const colon = entry.indexOf(":");
  return colon !== -1 && colon === entry.lastIndexOf(":") ? entry.slice(0, colon) : entry;
}

function parseAddress(address: string): ipaddr.IPv4 | ipaddr.IPv6 | null {
  // The library also takes "10.1" and octal "010.0.0.1"; two readings of one address are a hole.
  if (ipaddr.IPv4.isValidFourPartDecimal(address)) return ipaddr.IPv4.parse(address);
  const zone = address.indexOf("%");
  const bare = zone === -1 ? address : address.slice(0, zone);
  return bare.includes(":") && ipaddr.IPv6.isValid(bare) ? ipaddr.process(bare) : null;
}

function toNetwork(text: string): Network {
  const slash = text.indexOf("/");
  const address = parseAddress(slash === -1 ? text : text.slice(0, slash));
  const mask = slash === -1 ? null : text.slice(slash + 1);
  if (address !== null && (mask === null || /^\d{1,3}$/.test(mask))) {
    const width = address.kind() === "ipv4" ? 32 : 128;
    const isMapped = width === 32 && text.includes(":");
    const bits = mask === null ? width : Number(mask) - (isMapped ? 96 : 0);
    if (bits >= 0 && bits <= width) return [address, bits];
  }
  throw new NodoffError("CONFIG_INVALID", `"${text}" is neither an address nor a network such as 10.0.0.0/8`);
}

function isWithin(address: ipaddr.IPv4 | ipaddr.IPv6, [network, bits]: Network): boolean {
  return address.kind() === network.kind() && address.match([network, bits]);
}
