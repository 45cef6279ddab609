import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fakeSubject } from "../../test/support/subject.ts";
import { canonicalHost, hostOf, placesOf, toPlace } from "./places.ts";

describe("places", () => {
  for (const [address, text] of [
    ["app:80", "app 80"],
    ["App.:80", "app 80"],
    ["tcp/app:80", "app 80"],
    ["10.0.0.2:8080", "10.0.0.2 8080"],
    ["localhost:80", "127.0.0.1 80"],
    [":80", "127.0.0.1 80"],
    ["[::1]:80", "127.0.0.1 80"],
    ["[fd00::2]:80", "fd00::2 80"],
    ["unix//run/app.sock", undefined],
    ["unix//run/app:80", undefined],
    ["app", undefined],
  ] as const) {
    it(`reads ${address} of Caddy as ${text}`, () => assert.equal(toPlace(address)?.text, text));
  }

  it("are origins, with the port their scheme implies, and names with the ports it serves by", () => {
    const subject = fakeSubject({
      spec: { kind: "service", ref: "blog/web" },
      origins: ["http://172.17.0.2:2368", "https://[fd00::2]", "h2c://web", "nonsense"],
      ports: [2368],
    });
    const { origins, names } = placesOf(subject);
    assert.deepEqual(
      origins.map(({ text }) => text),
      ["172.17.0.2 2368", "fd00::2 443", "web 80"],
    );
    assert.deepEqual(
      new Set(names.map(({ text }) => text)),
      new Set(["2368", "443", "80"].flatMap((port) => [`blog/web ${port}`, `web ${port}`])),
    );
  });

  it("have no names where a name is nothing of a network", () => {
    const origins = ["http://127.0.0.1:3000"];
    assert.deepEqual(placesOf(fakeSubject({ spec: { kind: "process", ref: "dev" }, origins })).names, []);
  });

  it("write addresses in one way", () => {
    assert.equal(canonicalHost("::FFFF:10.0.0.1"), "10.0.0.1");
    assert.equal(canonicalHost("fe80::1%eth0"), "fe80::1");
    assert.equal(hostOf("[fd00::1]:4000"), "fd00::1");
    assert.equal(hostOf("10.0.0.1:4000"), "10.0.0.1");
  });
});
