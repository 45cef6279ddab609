import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, createServer, isIP } from "node:net";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { toSocket, toSockets } from "./socket-table.ts";

const heading = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
const line = (local: string, peer: string, state: string, inode = 4242): string =>
  `   7: ${local} ${peer} ${state} 00000000:00000000 00:00000000 00000000  1000        0 ${inode} 1 0000000000000000 20 4 30 10 -1`;

describe("the kernel's socket tables", () => {
  it("show IPv4", () => {
    assert.deepEqual(toSocket(line("020011AC:1F90", "010011AC:D431", "01")), {
      state: "established",
      address: "172.17.0.2",
      port: 8080,
      peerAddress: "172.17.0.1",
      peerPort: 54_321,
      inode: "4242",
    });
  });

  it("show IPv6, shortened", () => {
    const local = "B80D0120000000000000000001000000:1F90";
    const found = toSocket(line(local, "000080FE00000000000000FFFE000002:0001", "01"));
    assert.deepEqual([found?.address, found?.peerAddress], ["2001:db8::1", "fe80::ff00:0:200:fe"]);
    const listening = toSocket(line(`${"0".repeat(32)}:0050`, `${"0".repeat(32)}:0000`, "0A"));
    assert.deepEqual([listening?.state, listening?.address, listening?.port], ["listening", "::", 80]);
    assert.equal(toSocket(line(`${"0".repeat(24)}01000000:0050`, local, "01"))?.address, "::1");
  });

  it("show IPv4 carried by an IPv6 socket as IPv4", () => {
    const found = toSocket(
      line("0000000000000000FFFF0000020011AC:1F90", "0000000000000000FFFF0000010011AC:D431", "01"),
    );
    assert.deepEqual([found?.address, found?.peerAddress], ["172.17.0.2", "172.17.0.1"]);
  });

  it("are read without headings, other states and empty lines", () => {
    const text = [
      heading,
      line("020011AC:1F90", "010011AC:D431", "06"),
      line("020011AC:1F90", "010011AC:D431", "08"),
      "",
    ];
    assert.deepEqual(toSockets(text.join("\n"), "", heading), []);
  });

  it("make no address that is none, whatever the bits", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        const hex = Buffer.from(bytes).toString("hex").toUpperCase();
        const { address = "" } = toSocket(line(`${hex}:1F90`, `${hex}:0001`, "01")) ?? {};
        assert.notEqual(isIP(address), 0, address);
      }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("00000000", "00000001", "00010000", "0A000000"), { minLength: 4, maxLength: 4 }),
        (words) => {
          const { address = "" } = toSocket(line(`${words.join("")}:1F90`, `${words.join("")}:0001`, "01")) ?? {};
          assert.equal(isIP(address), 6, address);
        },
      ),
    );
  });

  it("of this machine show a real connection", { skip: process.platform !== "linux" && "no /proc" }, async (t) => {
    const server = createServer((socket) => void socket.resume()).listen(0, "127.0.0.1");
    t.after(() => server.close());
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const client = connect(port, "127.0.0.1");
    t.after(() => client.destroy());
    await once(client, "connect");
    const sockets = toSockets(readFileSync("/proc/self/net/tcp", "utf8"));
    const own = sockets.filter((socket) => socket.port === port);
    assert.deepEqual(
      new Set(own.map(({ state, peerPort }) => `${state} ${peerPort}`)),
      new Set(["listening 0", `established ${client.localPort}`]),
    );
  });
});
