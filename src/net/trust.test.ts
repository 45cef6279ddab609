import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { NodoffError } from "../core/errors.ts";
import {
  addressMatcher,
  createTrust,
  forwardedClient,
  forwardedEntry,
  normaliseAddress,
  ownNetworks,
} from "./trust.ts";

const none = { containerNetworks: [] };

describe("createTrust", () => {
  it("knows loopback, in IPv4, IPv6 and mapped form", () => {
    const isTrusted = createTrust(["loopback"], none);
    for (const address of ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]) assert.equal(isTrusted(address), true);
    for (const address of ["128.0.0.1", "10.0.0.1", "::2", "::ffff:10.0.0.1"]) assert.equal(isTrusted(address), false);
  });

  it("knows private ranges and their edges", () => {
    const isTrusted = createTrust(["private"], none);
    for (const address of ["10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fd12::1", "127.0.0.1"])
      assert.equal(isTrusted(address), true, address);
    for (const address of ["172.32.0.1", "172.15.255.255", "192.169.0.1", "8.8.8.8", "2001:db8::1", "fe80::1"])
      assert.equal(isTrusted(address), false, address);
  });

  it("takes container networks, CIDRs and single addresses", () => {
    const isTrusted = createTrust(["container_networks", "203.0.113.0/24", "2001:db8::7", "::ffff:198.51.100.0/120"], {
      containerNetworks: ["172.20.0.3/16"],
    });
    for (const address of ["172.20.255.1", "203.0.113.9", "2001:db8:0::7", "198.51.100.200", "::ffff:198.51.100.1"])
      assert.equal(isTrusted(address), true, address);
    for (const address of ["172.21.0.1", "203.0.114.1", "2001:db8::8", "198.51.101.1"])
      assert.equal(isTrusted(address), false, address);
  });

  it("trusts nobody without an address, and nothing that only resembles one", () => {
    const isTrusted = createTrust(["0.0.0.0/0", "::/0"], none);
    for (const address of [undefined, "", "unknown", "10.1", "0x7f.0.0.1", "010.0.0.1", "1.2.3.4.5", "unix:"])
      assert.equal(isTrusted(address), false, String(address));
    assert.equal(isTrusted("1.2.3.4"), true);
    assert.equal(isTrusted("fe80::1%eth0"), true);
  });

  it("refuses entries that are none", () => {
    for (const entry of ["lopback", "10.0.0.0/33", "10.0.0.0/", "10.0/8", "::1/129", "::ffff:10.0.0.0/90", "a.example"])
      assert.throws(
        () => createTrust([entry], none),
        (error) => error instanceof NodoffError && error.code === "CONFIG_INVALID",
        entry,
      );
  });

  it("answers the same from memory, also after more addresses than it remembers", () => {
    const isTrusted = createTrust(["10.0.0.0/16"], none);
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 700; i++) {
        assert.equal(isTrusted(`10.0.${i >> 8}.${i & 255}`), true);
        assert.equal(isTrusted(`10.1.${i >> 8}.${i & 255}`), false);
      }
    }
  });
});

describe("addressMatcher", () => {
  it("agrees with arithmetic on any IPv4 network", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        fc.nat(32),
        (a, b, bits) => {
          const dotted = (n: number) => [24, 16, 8, 0].map((shift) => (n >>> shift) & 255).join(".");
          const mask = bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
          const expected = (a & mask) >>> 0 === (b & mask) >>> 0;
          const isMatch = addressMatcher([`${dotted(a)}/${bits}`]);
          assert.equal(isMatch(dotted(b)), expected);
          assert.equal(isMatch(`::ffff:${dotted(b)}`), expected);
        },
      ),
    );
  });
});

describe("forwardedClient", () => {
  it("takes the last entry for one hop and never one the client could have put before it", () => {
    assert.equal(forwardedClient("6.6.6.6, 203.0.113.7", 1), "203.0.113.7");
    assert.equal(forwardedClient("6.6.6.6,203.0.113.7,10.0.0.1", 2), "203.0.113.7");
  });

  it("takes the first where fewer hops were passed", () => {
    assert.equal(forwardedClient("203.0.113.7", 3), "203.0.113.7");
  });

  it("strips ports, brackets, zones and the mapped form", () => {
    assert.equal(forwardedClient("203.0.113.7:4711", 1), "203.0.113.7");
    assert.equal(forwardedClient("[2001:DB8:0:0::1]:4711", 1), "2001:db8::1");
    assert.equal(forwardedClient("[2001:db8::1]", 1), "2001:db8::1");
    assert.equal(forwardedClient("2001:db8::1", 1), "2001:db8::1");
    assert.equal(forwardedClient("::ffff:203.0.113.7", 1), "203.0.113.7");
  });

  it("is null for what is no address", () => {
    for (const value of [undefined, "", "unknown", "203.0.113.7,", "_hidden", "[::1", "a.example:80"])
      assert.equal(forwardedClient(value, 1), null, String(value));
  });

  it("never throws and gives only addresses", () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 4 }), (text, hops) => {
        const client = forwardedClient(text, hops);
        assert.ok(client === null || normaliseAddress(client) === client);
      }),
    );
  });
});

describe("forwardedEntry", () => {
  it("counts from the end", () => {
    assert.equal(forwardedEntry("http, https", 1), "https");
    assert.equal(forwardedEntry(" https ", 1), "https");
    assert.equal(forwardedEntry("a,b,c", 3), "a");
    assert.equal(forwardedEntry(undefined, 1), null);
  });
});

describe("ownNetworks", () => {
  it("is empty outside a container and trusts no loopback by itself", () => {
    assert.deepEqual(ownNetworks(false), []);
    for (const cidr of ownNetworks(true)) assert.match(cidr, /^(?!127\.|::1\/|fe80:).+\/\d+$/);
  });
});
