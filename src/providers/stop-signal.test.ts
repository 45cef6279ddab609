import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { asksToEnd, signalNumber } from "./stop-signal.ts";

describe("stop signals", () => {
  for (const [text, number] of [
    ["SIGTERM", 15],
    ["term", 15],
    [" 9 ", 9],
    ["SIGUSR1", 10],
    ["SIGRTMIN+3", 37],
    ["RTMIN", 34],
    ["BOGUS", undefined],
    ["", undefined],
  ] as const) {
    it(`${JSON.stringify(text)} is ${number}`, () => assert.equal(signalNumber(text), number));
  }

  it("ask to end: four always, its own too, others not", () => {
    for (const signal of ["15", "9", "2", "3"]) assert.equal(asksToEnd(signal, undefined), true);
    assert.equal(asksToEnd("28", "SIGWINCH"), true);
    assert.equal(asksToEnd("37", "SIGRTMIN+3"), true);
    assert.equal(asksToEnd("28", "SIGTERM"), false);
    assert.equal(asksToEnd("", "SIGTERM"), false);
  });
});
