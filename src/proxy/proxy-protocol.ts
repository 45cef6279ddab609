import { isIP, isIPv4, isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";

// https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt

const signature = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const v2HeadBytes = 16;
/** The longest v1 line, with its end (section 2.1). */
const maxV1Bytes = 107;
/** Addresses and TLVs of v2; longer ones are nobody's. */
const maxV2Bytes = 4_096;

/** Both ends of a connection as the first proxy saw it. */
export interface Ends {
  readonly client: { readonly address: string; readonly port: number };
  readonly server: { readonly address: string; readonly port: number };
}

/** What the beginning of a connection turned out to be. `bytes` is the header's length. */
export type ProxyHeader =
  | { readonly kind: "more" }
  | { readonly kind: "wrong" }
  /** The proxy itself speaks (a health check), or does not know for whom. */
  | { readonly kind: "local"; readonly bytes: number }
  | { readonly kind: "client"; readonly bytes: number; readonly address: string };

const wrong: ProxyHeader = { kind: "wrong" };
const more: ProxyHeader = { kind: "more" };

/** Reads a PROXY protocol header, version 1 or 2, from the first bytes of a connection. */
export function readProxyHeader(received: Buffer): ProxyHeader {
  const isV2 = received.subarray(0, signature.length).equals(signature.subarray(0, received.length));
  if (isV2) return received.length < v2HeadBytes ? more : readV2(received);
  const beginning = "PROXY ";
  const start = received.subarray(0, beginning.length).toString("latin1");
  return beginning.startsWith(start) ? readV1(received) : wrong;
}

function readV1(received: Buffer): ProxyHeader {
  const text = received.subarray(0, maxV1Bytes).toString("latin1");
  const end = text.indexOf("\r\n");
  if (end === -1) return received.length >= maxV1Bytes ? wrong : more;
  const bytes = end + 2;
  const [, family, source = "", destination = "", sourcePort = "", port = ""] = text.slice(0, end).split(" ");
  if (family === "UNKNOWN") return { kind: "local", bytes };
  const isFamily = family === "TCP4" ? isIPv4 : family === "TCP6" ? isIPv6 : null;
  const isRight = isFamily !== null && isFamily(source) && isFamily(destination);
  if (!isRight || !isPortText(sourcePort) || !isPortText(port)) return wrong;
  return { kind: "client", bytes, address: source };
}

function readV2(received: Buffer): ProxyHeader {
  const version = received.readUInt8(12);
  const family = received.readUInt8(13);
  const length = received.readUInt16BE(14);
  if (version >> 4 !== 2 || (version & 15) > 1 || length > maxV2Bytes) return wrong;
  const bytes = v2HeadBytes + length;
  if (received.length < bytes) return more;
  if ((version & 15) === 0 || family === 0) return { kind: "local", bytes };
  const size = family >> 4 === 1 ? 4 : family >> 4 === 2 ? 16 : 0;
  // Unix sockets and what is yet to come have no address that we could use.
  if (size === 0) return { kind: "local", bytes };
  if (length < 2 * size + 4) return wrong;
  const source = [...received.subarray(v2HeadBytes, v2HeadBytes + size)];
  return { kind: "client", bytes, address: ipaddr.fromByteArray(source).toString() };
}

/** A version 2 header that tells who is connected to whom; LOCAL where an address is none. */
export function toProxyHeader({ client, server }: Ends): Buffer {
  if (isIP(client.address) === 0 || isIP(server.address) === 0) return toHead(0x20, 0x00, Buffer.alloc(0));
  const isV4 = isIPv4(client.address) && isIPv4(server.address);
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(client.port, 0);
  ports.writeUInt16BE(server.port, 2);
  const addresses = [toBytes(client.address, isV4), toBytes(server.address, isV4), ports];
  return toHead(0x21, isV4 ? 0x11 : 0x21, Buffer.concat(addresses));
}

function toHead(version: number, family: number, rest: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt8(version, 0);
  head.writeUInt8(family, 1);
  head.writeUInt16BE(rest.length, 2);
  return Buffer.concat([signature, head, rest]);
}

/** Where the two ends differ in family, IPv4 goes as IPv6. */
function toBytes(address: string, asV4: boolean): Buffer {
  const parsed = ipaddr.parse(address);
  if (asV4 || parsed.kind() === "ipv6") return Buffer.from(parsed.toByteArray());
  return Buffer.from((parsed as ipaddr.IPv4).toIPv4MappedAddress().toByteArray());
}

function isPortText(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535;
}
