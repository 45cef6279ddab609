import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { connect as connectTls } from "node:tls";
import { WebSocket, WebSocketServer } from "ws";
import type { ServerOptions } from "ws";
import { openStage } from "../../test/support/proxy-stage.ts";
import { openSecureStage } from "../../test/support/secure-stage.ts";
import { dial } from "../../test/support/upgrade-stage.ts";

// RFC 6455 through the proxy: nothing after the handshake is ours to read, so every frame must pass as it is.

const zeroMask = Buffer.alloc(4);

interface Frame {
  readonly fin?: boolean;
  /** RSV1 to RSV3, as three bits. */
  readonly reserved?: number;
  readonly opcode: number;
  readonly payload?: Buffer | string;
}

/** A frame as clients send it: masked, with the shortest length (section 5.2). */
function toFrame({ fin = true, reserved = 0, opcode, payload = "" }: Frame, mask: Buffer = randomBytes(4)): Buffer {
  const data = Buffer.from(payload);
  const first = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  const head =
    data.length < 126
      ? Buffer.from([first, 0x80 | data.length])
      : data.length < 65_536
        ? Buffer.from([first, 0x80 | 126, data.length >> 8, data.length & 0xff])
        : Buffer.concat([Buffer.from([first, 0x80 | 127]), toUint64(data.length)]);
  return Buffer.concat([head, mask, data.map((byte, at) => byte ^ (mask[at % 4] ?? 0))]);
}

function toUint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

const close = (code: number, reason = ""): Frame => ({
  opcode: 8,
  payload: Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]),
});

/** What must come out at the other end byte for byte, whatever a WebSocket endpoint would say to it. */
const cases: Readonly<Record<string, readonly Frame[] | Buffer>> = {
  "an empty text": [{ opcode: 1 }],
  "a text of 125, 126 and 127 bytes": [125, 126, 127].map((n) => ({ opcode: 1, payload: "x".repeat(n) })),
  "a text of 65,535 and 65,536 bytes": [65_535, 65_536].map((n) => ({ opcode: 1, payload: "x".repeat(n) })),
  "binary with every byte": [{ opcode: 2, payload: Buffer.from(Array.from({ length: 256 }, (_, n) => n)) }],
  "one frame of 8 MB": [{ opcode: 2, payload: randomBytes(8_388_608) }],
  "a message in three fragments": [
    { fin: false, opcode: 1, payload: "one " },
    { fin: false, opcode: 0, payload: "two " },
    { opcode: 0, payload: "three" },
  ],
  "a ping between fragments": [
    { fin: false, opcode: 1, payload: "begin" },
    { opcode: 9, payload: "are you there" },
    { opcode: 0, payload: "end" },
  ],
  "a ping with 125 bytes, and a pong nobody asked for": [
    { opcode: 9, payload: randomBytes(125) },
    { opcode: 10, payload: "unasked" },
  ],
  "a ping that is too long": [{ opcode: 9, payload: randomBytes(126) }],
  "a fragmented ping": [{ fin: false, opcode: 9, payload: "x" }],
  "reserved bits": [1, 2, 3, 4, 5, 6, 7].map((reserved) => ({ reserved, opcode: 2, payload: "r" })),
  "reserved opcodes": [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) => ({ opcode, payload: "o" })),
  "a continuation of nothing": [{ opcode: 0, payload: "?" }],
  "text that is no UTF-8, whole and cut within a character": [
    { opcode: 1, payload: Buffer.from([0xce, 0xba, 0xe1, 0xbd, 0xb9, 0xcf, 0x83, 0xed, 0xa0, 0x80]) },
    { fin: false, opcode: 1, payload: Buffer.from([0xce]) },
    { opcode: 0, payload: Buffer.from([0xba]) },
  ],
  "every kind of close code": [1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 4999, 0, 999, 1005, 1006, 65_535].map(
    (code) => close(code, "why"),
  ),
  "a close without a code, and one of one byte": [{ opcode: 8 }, { opcode: 8, payload: "x" }],
  "frames behind a close": [close(1000), { opcode: 1, payload: "still" }],
  "a frame without a mask": Buffer.from([0x81, 0x02, 0x68, 0x69]),
  "a length with more bytes than it needs": Buffer.concat([
    Buffer.from([0x82, 0xff]),
    toUint64(1),
    zeroMask,
    Buffer.from("x"),
  ]),
  "a length of 2^63": Buffer.concat([Buffer.from([0x82, 0xff, 0x80]), Buffer.alloc(7), zeroMask]),
  "bytes that are no frames": randomBytes(10_000),
};

const key = "dGhlIHNhbXBsZSBub25jZQ==";
const handshake = `GET /chat?x=1 HTTP/1.1\r\nHost: app.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n`;

/** Takes the handshake and gives every byte back. */
function mirror(t: TestContext): Server {
  const server = createServer();
  server.on("upgrade", (req: IncomingMessage, socket: Socket) => {
    t.after(() => socket.destroy());
    const accept = createHash("sha1")
      .update(`${req.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest("base64");
    const said = [
      "HTTP/1.1 101 Switching Protocols",
      "Upgrade: websocket",
      "Connection: Upgrade",
      `Sec-WebSocket-Accept: ${accept}`,
      `Sec-WebSocket-Protocol: ${req.headers["sec-websocket-protocol"]?.split(", ")[1]}`,
      `Sec-WebSocket-Extensions: ${req.headers["sec-websocket-extensions"]?.split(";")[0]}`,
    ];
    socket.on("error", () => undefined).write(`${said.join("\r\n")}\r\n\r\n`);
    socket.pipe(socket);
  });
  return server;
}

async function read(socket: Socket, length: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  while (size < length) {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) await once(socket, "readable");
    else {
      chunks.push(chunk);
      size += chunk.length;
    }
  }
  return Buffer.concat(chunks);
}

async function shakeHands(socket: Socket): Promise<string> {
  socket.write(handshake);
  let head = "";
  while (!head.endsWith("\r\n\r\n")) head += (await read(socket, 1)).toString("latin1");
  return head;
}

for (const how of ["in the clear", "over TLS"] as const)
  describe(`a WebSocket ${how}`, () => {
    const openMirror = async (t: TestContext): Promise<Socket> => {
      const stage = how === "in the clear" ? openStage : openSecureStage;
      const { port, route } = await stage(t, { upstream: mirror(t) });
      t.after(() => route.idle());
      if (how === "in the clear") return dial(t, port);
      const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
      t.after(() => socket.destroy());
      return socket.on("error", () => undefined);
    };

    it("shakes hands with the app: key, protocol and extensions pass", async (t) => {
      const head = await shakeHands(await openMirror(t));
      assert.match(head, /^HTTP\/1\.1 101 Switching Protocols\r\n/);
      assert.match(head, /\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/);
      assert.match(head, /\r\nSec-WebSocket-Protocol: superchat\r\n/);
      assert.match(head, /\r\nSec-WebSocket-Extensions: permessage-deflate\r\n/);
    });

    for (const [what, frames] of Object.entries(cases))
      it(`passes ${what}, both ways, in one piece and byte by byte`, async (t) => {
        const socket = await openMirror(t);
        await shakeHands(socket);
        const bytes = Buffer.isBuffer(frames) ? frames : Buffer.concat(frames.map((frame) => toFrame(frame)));
        socket.write(bytes);
        assert.ok((await read(socket, bytes.length)).equals(bytes));
        for (const byte of bytes.subarray(0, 200)) socket.write(Buffer.from([byte]));
        const some = bytes.subarray(0, 200);
        assert.ok((await read(socket, some.length)).equals(some));
      });
  });

describe("a WebSocket between real endpoints", () => {
  async function openEcho(t: TestContext, options: ServerOptions = {}): Promise<number> {
    const server = createServer();
    const sockets = new WebSocketServer({ ...options, server });
    sockets.on("connection", (socket) => {
      socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
      socket.on("error", () => undefined);
    });
    const { port, route } = await openStage(t, { upstream: server });
    t.after(() => route.idle());
    return port;
  }
  const connect = async (port: number, options = {}): Promise<WebSocket> => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { headers: { host: "app.test" }, ...options });
    await once(socket, "open");
    return socket;
  };

  it("compresses by permessage-deflate where both want to", async (t) => {
    const port = await openEcho(t, { perMessageDeflate: { threshold: 0 } });
    for (const perMessageDeflate of [true, false]) {
      const socket = await connect(port, { perMessageDeflate });
      assert.equal(socket.extensions, perMessageDeflate ? "permessage-deflate" : "");
      for (const text of ["", "short", "x".repeat(1_000_000)]) {
        socket.send(text);
        const [data] = (await once(socket, "message")) as [Buffer];
        assert.equal(data.toString(), text);
      }
      socket.terminate();
    }
  });

  it("closes with the code and reason of whoever ends it", async (t) => {
    const port = await openEcho(t);
    for (const code of [1000, 1001, 3000, 4999]) {
      const socket = await connect(port);
      socket.close(code, "because");
      const [got, reason] = (await once(socket, "close")) as [number, Buffer];
      assert.deepEqual([got, reason.toString()], [code, "because"]);
    }
  });

  it("answers pings, and is told of what breaks the protocol by the app's own close code", async (t) => {
    const port = await openEcho(t);
    const socket = await connect(port);
    socket.ping("there?");
    const [pong] = (await once(socket, "pong")) as [Buffer];
    assert.equal(pong.toString(), "there?");
    socket.close();
    for (const [frame, code] of [
      [{ reserved: 4, opcode: 1, payload: "x" }, 1002],
      [{ opcode: 3, payload: "x" }, 1002],
      [{ opcode: 0, payload: "x" }, 1002],
      [{ opcode: 1, payload: Buffer.from([0xff]) }, 1007],
    ] as const) {
      const raw = dial(t, port);
      raw.write(handshake.replace("client_max_window_bits", ""));
      raw.write(toFrame(frame));
      let answer = Buffer.alloc(0);
      raw.on("data", (chunk: Buffer) => (answer = Buffer.concat([answer, chunk])));
      await once(raw, "end");
      const at = answer.indexOf("\r\n\r\n") + 4;
      assert.equal(answer[at], 0x88, `${code}: a close frame`);
      assert.equal(answer.readUInt16BE(at + 2), code);
      raw.end();
    }
  });
});
