import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { readProxyHeader, toProxyHeader } from "./proxy-protocol.ts";

const text = (line: string): Buffer => Buffer.from(line, "latin1");
const ends = (client: string, server: string) => ({
  client: { address: client, port: 40_000 },
  server: { address: server, port: 443 },
});

describe("PROXY protocol header", () => {
  it("reads version 1 of both families, and leaves what follows", () => {
    const line = "PROXY TCP4 203.0.113.7 10.0.0.1 40000 443\r\n";
    assert.deepEqual(readProxyHeader(text(`${line}GET`)), {
      kind: "client",
      bytes: line.length,
      address: "203.0.113.7",
    });
    const six = "PROXY TCP6 2001:db8::1 2001:db8::2 40000 443\r\n";
    assert.deepEqual(readProxyHeader(text(six)), { kind: "client", bytes: six.length, address: "2001:db8::1" });
    assert.deepEqual(readProxyHeader(text("PROXY UNKNOWN\r\n")), { kind: "local", bytes: 15 });
  });

  it("refuses what is none, and lines without an end", () => {
    for (const wrong of [
      "GET / HTTP/1.1\r\n",
      "PROXY TCP4 203.0.113.7 10.0.0.1 40000\r\n",
      "PROXY TCP4 2001:db8::1 10.0.0.1 40000 443\r\n",
      "PROXY TCP4 203.0.113.7 10.0.0.1 70000 443\r\n",
      "PROXY UDP4 203.0.113.7 10.0.0.1 1 2\r\n",
      `PROXY TCP4 ${"1".repeat(200)}`,
    ])
      assert.equal(readProxyHeader(text(wrong)).kind, "wrong", wrong);
  });

  it("asks for more until it is whole, however it is cut", () => {
    for (const header of [
      text("PROXY TCP4 203.0.113.7 10.0.0.1 40000 443\r\n"),
      toProxyHeader(ends("203.0.113.7", "10.0.0.1")),
      toProxyHeader(ends("2001:db8::1", "10.0.0.1")),
    ]) {
      for (let at = 0; at < header.length; at++)
        assert.equal(readProxyHeader(header.subarray(0, at)).kind, "more", String(at));
      assert.equal(readProxyHeader(header).kind, "client");
    }
  });

  it("writes version 2 as the specification shows it", () => {
    assert.equal(
      toProxyHeader(ends("203.0.113.7", "10.0.0.1")).toString("hex"),
      "0d0a0d0a000d0a515549540a2111000ccb0071070a0000019c4001bb",
    );
    assert.deepEqual(readProxyHeader(toProxyHeader(ends("", ""))), { kind: "local", bytes: 16 });
  });

  it("reads what it writes, with IPv4 as IPv6 where the ends differ", () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6());
    fc.assert(
      fc.property(address, address, (client, server) => {
        const header = toProxyHeader(ends(client, server));
        const read = readProxyHeader(Buffer.concat([header, Buffer.from("more")]));
        assert.equal(read.kind, "client");
        assert.equal(read.kind === "client" && read.bytes, header.length);
      }),
    );
  });

  it("never throws, whatever the bytes", () => {
    const start = fc.constantFrom("", "PROXY ", "\r\n\r\n\0\r\nQUIT\n", "\r\n\r\n\0\r\nQUIT\n\x21\x11");
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 300 }), (prefix, rest) => {
        readProxyHeader(Buffer.concat([text(prefix), rest]));
      }),
      { numRuns: 2_000 },
    );
  });
});
