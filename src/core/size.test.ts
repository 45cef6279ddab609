import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { formatSize, parseByteRate, parsePercent, parseRate, parseSize } from "./size.ts";

const units = ["B", "kB", "KB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB"];

describe("parseSize", () => {
  for (const [text, bytes] of [
    ["0", 0],
    ["12B", 12],
    ["10kB", 10_000],
    ["10KB", 10_000],
    ["1.5MB", 1_500_000],
    ["5MiB", 5_242_880],
    ["2GiB", 2_147_483_648],
  ] as const) {
    it(`reads ${text}`, () => assert.equal(parseSize(text), bytes));
  }

  for (const text of ["", "10", "10 kB", "10k", "10mb", "-1B", "kB", "1e3B", "10kiB", "10kBB"]) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(parseSize(text), undefined));
  }

  it("grows with the amount in every unit", () => {
    fc.assert(
      fc.property(fc.nat(10_000), fc.constantFrom(...units), (amount, unit) => {
        const size = parseSize(`${amount}${unit}`);
        const next = parseSize(`${amount + 1}${unit}`);
        assert.ok(size !== undefined && next !== undefined && size < next);
      }),
    );
  });
});

describe("parseByteRate", () => {
  it("reads bytes per second", () => {
    assert.equal(parseByteRate("256B/s"), 256);
    assert.equal(parseByteRate("1kB/s"), 1000);
    assert.equal(parseByteRate("0"), 0);
  });
  for (const text of ["256B", "256", "256B/m", "/s", "256/s"]) {
    it(`refuses ${text}`, () => assert.equal(parseByteRate(text), undefined));
  }
});

describe("parseRate", () => {
  it("reads a count per time", () => {
    assert.deepEqual(parseRate("10/1m"), { count: 10, perMs: 60_000 });
    assert.deepEqual(parseRate("5/10s"), { count: 5, perMs: 10_000 });
  });
  for (const text of ["", "10", "10/", "/1m", "0/1m", "10/0s", "10/0", "10/m", "1.5/1m", "10/1m/1m"]) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(parseRate(text), undefined));
  }
});

describe("parsePercent", () => {
  it("reads a fraction", () => {
    assert.equal(parsePercent("5%"), 0.05);
    assert.equal(parsePercent("12.5%"), 0.125);
    assert.equal(parsePercent("400%"), 4);
  });
  for (const text of ["5", "%", "-5%", "5 %", "20000%"]) {
    it(`refuses ${text}`, () => assert.equal(parsePercent(text), undefined));
  }
});

describe("formatSize", () => {
  for (const [bytes, text] of [
    [-5, "0 B"],
    [999, "999 B"],
    [10_000, "10 kB"],
    [999_960, "1 MB"],
    [1_536_000, "1.5 MB"],
    [2_147_483_648, "2.1 GB"],
    [3.2e15, "3200 TB"],
  ] as const) {
    it(`says ${text} for ${bytes}`, () => assert.equal(formatSize(bytes), text));
  }
});
