/** A TCP socket of `/proc/net/tcp` or `tcp6` that waits for connections or has one. */
export interface Socket {
  readonly state: "listening" | "established";
  /** As text, IPv4 wherever it is IPv4 carried by an IPv6 socket. */
  readonly address: string;
  readonly port: number;
  readonly peerAddress: string;
  readonly peerPort: number;
  readonly inode: string;
}

const states: ReadonlyMap<string, Socket["state"]> = new Map([
  ["01", "established"],
  ["0A", "listening"],
]);
/** `::ffff:` as the kernel prints it: four words of 32 bits, each in the order of a little-endian machine. */
const mapped = "0000000000000000FFFF0000";
const inodeColumn = 9;

/**
 * Reads one line of these tables (Linux, Documentation/networking/proc_net_tcp.rst); undefined for the heading and for
 * sockets in other states, of which a busy machine has thousands.
 */
export function toSocket(line: string): Socket | undefined {
  const start = line.indexOf(":") + 2;
  const digits = line.indexOf(":", start) - start;
  if (digits !== 8 && digits !== 32) return undefined;
  const peerStart = start + digits + 6;
  const stateStart = peerStart + digits + 6;
  const state = states.get(line.slice(stateStart, stateStart + 2));
  if (state === undefined) return undefined;
  const portAt = (from: number): number => Number.parseInt(line.slice(from + digits + 1, from + digits + 5), 16);
  return {
    state,
    address: toAddress(line.slice(start, start + digits)),
    port: portAt(start),
    peerAddress: toAddress(line.slice(peerStart, peerStart + digits)),
    peerPort: portAt(peerStart),
    inode: line.trim().split(/\s+/)[inodeColumn] ?? "",
  };
}

/** All of several tables. */
export function toSockets(...tables: readonly string[]): readonly Socket[] {
  return tables.flatMap((table) => table.split("\n").flatMap((line) => toSocket(line) ?? []));
}

function toAddress(hex: string): string {
  if (hex.length === 32 && !hex.startsWith(mapped)) return toIpv6(hex);
  return Buffer.from(hex.slice(-8), "hex").reverse().join(".");
}

function toIpv6(hex: string): string {
  const bytes = Buffer.from(hex, "hex").swap32();
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16)).join(":");
  const [zeros] = [...groups.matchAll(/\b0(?::0)+\b/g)].sort(([a], [b]) => b.length - a.length);
  if (zeros === undefined) return groups;
  const [text] = zeros;
  return `${groups.slice(0, zeros.index).slice(0, -1)}::${groups.slice(zeros.index + text.length + 1)}`;
}
