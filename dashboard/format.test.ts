import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isPinDuration, toBytes, toDuration, toLatency, toPercent } from "./format.js";

describe("words for figures", () => {
  it("durations: the two largest units", () => {
    const texts = [-5, 0, 999, 59_400, 60_000, 250_000, 3_600_000, 7_500_000, 90_000_000, 864_000_000].map(toDuration);
    assert.deepEqual(texts, ["0 s", "0 s", "1 s", "59 s", "1 m", "4 m 10 s", "1 h", "2 h 5 m", "1 d 1 h", "10 d"]);
  });

  it("bytes: in powers of 1000", () => {
    const texts = [0, 0.4, 999, 1_000, 268_435_456, 3_200_000_000, 1e15].map(toBytes);
    assert.deepEqual(texts, ["0 B", "0 B", "999 B", "1.0 kB", "268 MB", "3.2 GB", "1.0 PB"]);
  });

  it("shares: all and nothing only where they are true", () => {
    const texts = [null, 0, 0.0004, 0.052, 0.5, 0.9934, 0.99999, 1].map(toPercent);
    assert.deepEqual(texts, ["–", "0 %", "< 0.1 %", "5.2 %", "50 %", "99.3 %", "> 99.9 %", "100 %"]);
  });

  it("latencies", () => {
    assert.deepEqual([null, 1.234, 42.4, 1_240, 12_400].map(toLatency), ["–", "1.2 ms", "42 ms", "1.2 s", "12 s"]);
  });
});

describe("how long to keep awake", () => {
  it("is what the API takes", () => {
    for (const text of ["1s", "90m", "1h30m", "30d", "1500ms"]) assert.equal(isPinDuration(text), true, text);
    for (const text of ["", "5", "2 h", "31d", "10ms", "1.5h", "-1h", "1h30", "0s"])
      assert.equal(isPinDuration(text), false, text);
  });
});
