import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { formatDuration, parseDuration } from "./duration.ts";

const part = fc.nat(5000);

describe("parseDuration", () => {
  for (const [text, ms] of [
    ["300ms", 300],
    ["15s", 15_000],
    ["5m", 300_000],
    ["1h30m", 5_400_000],
    ["2d", 172_800_000],
    ["1d2h3m4s5ms", 93_784_005],
    ["0", 0],
    ["0s", 0],
    ["90m", 5_400_000],
  ] as const) {
    it(`reads ${text}`, () => assert.equal(parseDuration(text), ms));
  }

  for (const text of ["", "5", "-5m", "5 m", "m", "5min", "1.5h", "30m1h", "5m5m", "5M", "1h30", " 5m", "5m\n"]) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(parseDuration(text), undefined));
  }

  it("adds up whatever units are given", () => {
    const units = { d: part, h: part, m: part, s: part, ms: part };
    fc.assert(
      fc.property(fc.record(units, { requiredKeys: [] }), (parts) => {
        const order = ["d", "h", "m", "s", "ms"] as const;
        const text = order.map((unit) => (parts[unit] === undefined ? "" : `${parts[unit]}${unit}`)).join("");
        fc.pre(text !== "");
        const { d = 0, h = 0, m = 0, s = 0, ms = 0 } = parts;
        assert.equal(parseDuration(text), (((d * 24 + h) * 60 + m) * 60 + s) * 1000 + ms);
      }),
    );
  });
});

describe("formatDuration", () => {
  for (const [ms, text] of [
    [-1, "0 ms"],
    [0, "0 ms"],
    [250, "250 ms"],
    [999.6, "1 s"],
    [1500, "1.5 s"],
    [4000, "4 s"],
    [9_940, "9.9 s"],
    [9_990, "10 s"],
    [59_400, "59 s"],
    [59_999, "1 m"],
    [250_000, "4 m 10 s"],
    [3_599_999, "1 h"],
    [5_400_000, "1 h 30 m"],
    [86_399_999, "1 d"],
    [97_200_000, "1 d 3 h"],
  ] as const) {
    it(`says ${text} for ${ms}`, () => assert.equal(formatDuration(ms), text));
  }

  it("can be read back within the precision it shows", () => {
    fc.assert(
      fc.property(fc.integer({ min: 10_000, max: 20 * 86_400_000 }), (ms) => {
        const readBack = parseDuration(formatDuration(ms).replaceAll(" ", ""));
        const precision = ms < 3_600_000 ? 500 : ms < 86_400_000 ? 30_000 : 1_800_000;
        assert.ok(readBack !== undefined && Math.abs(readBack - ms) <= precision, `${formatDuration(ms)} for ${ms}`);
      }),
    );
  });
});
