import { once } from "node:events";
import { connect } from "node:net";

/** HTTP/2 as no client library would send it: frames by hand (RFC 9113 section 4), names and values unchecked. */
export interface RawStream {
  /** Names and values in turn, pseudo headers first. Each shorter than 127 bytes. */
  readonly headers: readonly string[];
  /** Sent in one DATA frame; left out, the head ends the stream. */
  readonly body?: string;
}

/** What came back for stream 1. */
export interface RawReply {
  /** Of the head; null = there was none. */
  readonly status: string | null;
  /** RST_STREAM or GOAWAY. */
  readonly isReset: boolean;
}

const frameType = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7 } as const;
const endStream = 1;
const endHeaders = 4;

/** Any frame, with any bytes. */
export function toFrame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Literal fields that are not indexed (RFC 7541 section 6.2.2). */
function toFields(headers: readonly string[]): Buffer {
  const parts: Buffer[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    parts.push(Buffer.from([0]));
    for (const text of headers.slice(i, i + 2)) parts.push(Buffer.from([text.length]), Buffer.from(text, "latin1"));
  }
  return Buffer.concat(parts);
}

/** The head and the preface of a connection, in the clear. */
export const greeting = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  toFrame(frameType.settings, 0, 0, Buffer.alloc(0)),
]);

/** One PING, which asks for an answer and for nothing else. */
export const pingFrame = toFrame(frameType.ping, 0, 0, Buffer.alloc(8));

/** One HEADERS frame for stream 1, without END_HEADERS where the rest is never to come. */
export function toHead({ headers, body }: RawStream, isWhole = true): Buffer {
  const flags = (isWhole ? endHeaders : 0) | (body === undefined ? endStream : 0);
  return toFrame(frameType.headers, flags, 1, toFields(headers));
}

/** Opens stream 1 of a new connection and reads until it is answered, reset, or the connection ends. */
export async function sendFrames(port: number, stream: RawStream): Promise<RawReply> {
  const socket = connect(port, "127.0.0.1").on("error", () => undefined);
  socket.write(Buffer.concat([greeting, toHead(stream)]));
  if (stream.body !== undefined) socket.write(toFrame(frameType.data, endStream, 1, Buffer.from(stream.body)));
  let bytes = Buffer.alloc(0);
  const done = Promise.withResolvers<RawReply>();
  socket.on("close", () => done.resolve({ status: null, isReset: true }));
  socket.on("data", (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    while (bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
      const length = bytes.readUIntBE(0, 3);
      const type = bytes.readUInt8(3);
      const payload = bytes.subarray(9, 9 + length);
      bytes = bytes.subarray(9 + length);
      if (type === frameType.headers) done.resolve({ status: toStatus(payload), isReset: false });
      if (type === frameType.reset || type === frameType.goAway) done.resolve({ status: null, isReset: true });
    }
  });
  const reply = await done.promise;
  if (!socket.closed) {
    socket.destroy();
    await once(socket, "close");
  }
  return reply;
}

const indexed: Readonly<Record<number, string>> = { 8: "200", 11: "304", 12: "400", 13: "404", 14: "500" };

/** `:status` comes first: by the static table (RFC 7541 appendix A), else told as unknown. */
function toStatus(fields: Buffer): string {
  return indexed[(fields[0] ?? 0) & 0x7f] ?? "unknown";
}
