import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { place, placeForGood } from "./address.ts";
import type { RawBinding, RawContainer, RawEndpoint } from "./raw.ts";

interface Placed {
  readonly networks?: Record<string, RawEndpoint>;
  readonly mode?: string;
  readonly ports?: Record<string, RawBinding[]>;
}

const container = ({ networks = {}, mode = "bridge", ports = {} }: Placed): RawContainer => ({
  Id: "x",
  HostConfig: { NetworkMode: mode },
  NetworkSettings: { Networks: networks, Ports: ports },
});
const at = (IPAddress: string): RawEndpoint => ({ IPAddress, Gateway: "172.18.0.1" });
const onHost = { own: null, engineHost: null, network: null, ref: "app" };
const inside = (names: Record<string, RawEndpoint>) => ({ ...onHost, own: container({ networks: names }) });

describe("address on a host", () => {
  it("is the container's own", () => {
    assert.deepEqual(place(container({ networks: { web: at("172.18.0.5") } }), 80, onHost), {
      host: "172.18.0.5",
      port: 80,
    });
  });

  it("is the published port where there is no address", () => {
    const ports = { "80/tcp": [{ HostIp: "0.0.0.0", HostPort: "32768" }] };
    assert.deepEqual(place(container({ ports }), 80, onHost), { host: "127.0.0.1", port: 32_768 });
    assert.throws(() => place(container({ ports }), 81, onHost), { code: "NO_SHARED_NETWORK" });
  });

  it("may be IPv6 alone", () => {
    const networks = { web: { IPAddress: "", GlobalIPv6Address: "fd00::5" } };
    assert.deepEqual(place(container({ networks }), 80, onHost), { host: "fd00::5", port: 80 });
  });

  it("is loopback for network_mode host", () => {
    assert.deepEqual(place(container({ mode: "host", networks: { host: {} } }), 80, onHost), {
      host: "127.0.0.1",
      port: 80,
    });
  });

  it("of a remote engine is its published port, not its bridge", () => {
    const view = { ...onHost, engineHost: "10.1.1.1" };
    const networks = { web: at("172.18.0.5") };
    const ports = { "80/tcp": [{ HostIp: "", HostPort: "8080" }] };
    assert.deepEqual(place(container({ networks, ports }), 80, view), { host: "10.1.1.1", port: 8080 });
    assert.throws(() => place(container({ networks }), 80, view), { code: "NO_SHARED_NETWORK" });
    const closed = { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "8080" }] };
    assert.throws(() => place(container({ networks, ports: closed }), 80, view), { code: "NO_SHARED_NETWORK" });
  });
});

describe("address that stays", () => {
  const app = (raw: RawContainer["HostConfig"], networks: Record<string, RawEndpoint>): RawContainer => ({
    Id: "x",
    Name: "/blog-web",
    HostConfig: raw ?? {},
    NetworkSettings: { Networks: networks },
  });
  const bound = (HostIp: string, HostPort: string) => ({ PortBindings: { "80/tcp": [{ HostIp, HostPort }] } });
  const asleep = { IPAddress: "" };
  const host = { ...onHost, byName: false };

  it("is the name on a network that nodoff shares, asleep or not", () => {
    const view = { ...inside({ proxy: at("172.18.0.2"), bridge: at("172.17.0.2") }), byName: true };
    assert.deepEqual(placeForGood(app({}, { proxy: asleep }), 80, view), { host: "blog-web", port: 80 });
    assert.equal(placeForGood(app({}, { other: asleep }), 80, view), null);
    assert.equal(placeForGood(app({}, { bridge: asleep }), 80, view), null, "that one knows no names");
  });

  it("on a host is the published port, or the fixed address", () => {
    for (const ip of ["", "0.0.0.0", "127.0.0.1"])
      assert.deepEqual(placeForGood(app(bound(ip, "8080"), { web: asleep }), 80, host), {
        host: "127.0.0.1",
        port: 8080,
      });
    const elsewhere = { host: "10.1.1.1", port: 8080 };
    assert.deepEqual(placeForGood(app(bound("10.1.1.1", "8080"), { web: asleep }), 80, host), elsewhere);
    assert.equal(placeForGood(app(bound("", "0"), { web: asleep }), 80, host), null, "another at each start");
    const fixed = { web: { ...asleep, IPAMConfig: { IPv4Address: "172.18.0.9" } } };
    assert.deepEqual(placeForGood(app({}, fixed), 80, host), { host: "172.18.0.9", port: 80 });
    const web = { web: at("172.18.0.5") };
    assert.equal(placeForGood(app({}, web), 80, host), null, "the next start may have another");
  });

  it("for a proxy in a container beside a nodoff on the host is the name", () => {
    const view = { ...onHost, byName: true };
    assert.deepEqual(placeForGood(app(bound("", "8080"), { web: asleep }), 80, view), { host: "blog-web", port: 80 });
    assert.equal(placeForGood(app(bound("", "8080"), { bridge: asleep }), 80, view), null);
  });

  it("of a remote engine is its published port", () => {
    const view = { ...onHost, engineHost: "10.1.1.1", byName: false };
    assert.deepEqual(placeForGood(app(bound("", "8080"), { web: asleep }), 80, view), { host: "10.1.1.1", port: 8080 });
  });

  it("with network_mode host is the machine's", () => {
    assert.deepEqual(placeForGood(app({ NetworkMode: "host" }, {}), 80, host), { host: "127.0.0.1", port: 80 });
  });
});

describe("address seen from nodoff's own container", () => {
  const view = inside({ proxy: at("172.18.0.2"), bridge: at("172.17.0.2") });

  it("is on the network both share", () => {
    const networks = { private: at("172.19.0.5"), proxy: at("172.18.0.5") };
    assert.deepEqual(place(container({ networks }), 80, view), { host: "172.18.0.5", port: 80 });
  });

  it("goes through the gateway to a port published everywhere", () => {
    const networks = { private: at("172.19.0.5") };
    const ports = {
      "80/tcp": [
        { HostIp: "127.0.0.1", HostPort: "1" },
        { HostIp: "0.0.0.0", HostPort: "8080" },
      ],
    };
    assert.deepEqual(place(container({ networks, ports }), 80, view), { host: "172.18.0.1", port: 8080 });
  });

  it("without either names the network to attach", () => {
    const networks = { private: at("172.19.0.5") };
    const ports = { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "8080" }] };
    assert.throws(() => place(container({ networks, ports }), 80, view), {
      code: "NO_SHARED_NETWORK",
      message: /attach nodoff to "private"/,
    });
    // A network without a gateway: what the host has at an address of its own is not reached from there.
    const closed = inside({ closed: { IPAddress: "172.20.0.2" } });
    const bound = { "80/tcp": [{ HostIp: "10.1.1.1", HostPort: "8080" }] };
    assert.throws(() => place(container({ networks, ports: bound }), 80, closed), { code: "NO_SHARED_NETWORK" });
    assert.throws(() => place(container({ mode: "none" }), 80, view), { message: /attach app to "bridge" or "proxy"/ });
  });

  it("in network_mode host is the host's", () => {
    const host = { ...onHost, own: container({ mode: "host", networks: { host: {} } }) };
    assert.deepEqual(place(container({ networks: { web: at("172.18.0.5") } }), 80, host), {
      host: "172.18.0.5",
      port: 80,
    });
  });

  it("of network_mode host is the gateway", () => {
    assert.deepEqual(place(container({ mode: "host" }), 80, view), { host: "172.18.0.1", port: 80 });
  });
});

describe("a configured network", () => {
  const networks = { blog_proxy: at("172.20.0.5"), web: at("172.18.0.5") };

  it("is the only one that counts, with compose's prefix too", () => {
    const on = (network: string) => place(container({ networks }), 80, { ...onHost, network });
    assert.equal(on("web").host, "172.18.0.5");
    assert.equal(on("proxy").host, "172.20.0.5");
    assert.throws(() => on("other"), { code: "NO_SHARED_NETWORK", message: /"other"/ });
  });
});
