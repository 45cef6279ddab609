import { createSocket, type RemoteInfo } from "node:dgram";

/** What Docker's own resolver is to containers: their names, while they run. */
export interface Names {
  /** An address of loopback; it listens on port 53 there. */
  readonly address: string;
  close(): Promise<void>;
}

const typeA = 1;
const headerBytes = 12;

/** `addressOf` says where a name is right now; empty or undefined = nowhere (NXDOMAIN). Needs to be root. */
export async function startNames(addressOf: (name: string) => Promise<string | undefined>): Promise<Names> {
  // One of our own: resolv.conf cannot say a port.
  const address = `127.77.${(process.pid >> 8) & 0xff}.${process.pid & 0xff}`;
  const socket = createSocket("udp4");
  await new Promise<void>((resolve, reject) => socket.once("error", reject).bind(53, address, resolve));
  socket.on("message", (query: Buffer, from: RemoteInfo) => {
    void answer(query, addressOf).then((reply) => socket.send(reply, from.port, from.address, () => undefined));
  });
  return { address, close: () => new Promise((resolve) => socket.close(() => resolve())) };
}

/** RFC 1035 §4.1, one question; A records only. */
async function answer(query: Buffer, addressOf: (name: string) => Promise<string | undefined>): Promise<Buffer> {
  const labels: string[] = [];
  let at = headerBytes;
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  const type = query.readUInt16BE(at + 1);
  const question = query.subarray(headerBytes, at + 5);
  const found = await addressOf(labels.join(".").toLowerCase()).catch(() => undefined);
  const isKnown = found !== undefined && found !== "";
  const isAnswered = isKnown && type === typeA;
  const header = Buffer.alloc(headerBytes);
  header.writeUInt16BE(query.readUInt16BE(0), 0);
  // A response, recursion asked for and available; 3 = no such name.
  header.writeUInt16BE(0x8180 | (isKnown ? 0 : 3), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(isAnswered ? 1 : 0, 6);
  if (!isAnswered) return Buffer.concat([header, question]);
  // The name by pointer, class IN, one second, four bytes.
  const record = Buffer.from([0xc0, headerBytes, 0, typeA, 0, 1, 0, 0, 0, 1, 0, 4, ...found.split(".").map(Number)]);
  return Buffer.concat([header, question, record]);
}
