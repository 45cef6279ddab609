import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Provider } from "../core/provider.ts";
import { fakeClock, settle } from "../../test/support/fake-clock.ts";
import { mergeLines, pollOutput } from "./following.ts";

describe("output of an engine that can only be asked for its end", () => {
  it("is told once, however much of it is seen again", async () => {
    const clock = fakeClock();
    const leaving = new AbortController();
    const answers = [["a", "b"], ["a", "b"], ["a", "b", "b"], ["b", "b", "c", "d"], ["x"], []];
    let asked = 0;
    const provider = { logs: () => Promise.resolve(answers[Math.min(asked++, answers.length - 1)] ?? []) };
    const read: string[] = [];
    const reading = (async () => {
      const following = { clock, provider: provider as unknown as Provider, ref: "ct" };
      for await (const line of pollOutput(following, { signal: leaving.signal, lines: 1 })) read.push(line);
    })();
    for (let round = 0; round < 8; round++) {
      await settle();
      clock.advance(2_000);
    }
    leaving.abort();
    await reading;
    assert.deepEqual(read, ["b", "b", "c", "d", "x"]);
    assert.equal(clock.pending, 0);
  });
});

describe("output of several", () => {
  it("is told as it comes, with who wrote it; one that fails ends alone", async () => {
    async function* two(): AsyncGenerator<string> {
      yield "1";
      yield "2";
    }
    async function* broken(): AsyncGenerator<string> {
      yield "last words";
      throw new Error("gone");
    }
    const read: string[] = [];
    const all = [two, broken];
    for await (const line of mergeLines(["a: ", "b: "], (index) => all[index]?.() ?? [], new AbortController().signal))
      read.push(line);
    assert.deepEqual(read.sort(), ["a: 1", "a: 2", "b: last words"]);
  });

  it("ends all when the reader leaves", async () => {
    const open = new Set<AbortSignal>();
    async function* endless(signal: AbortSignal): AsyncGenerator<string> {
      open.add(signal);
      for (let line = 0; !signal.aborted; line++) {
        yield String(line);
        await settle();
      }
      open.delete(signal);
    }
    for await (const line of mergeLines(["", ""], (_index, signal) => endless(signal), new AbortController().signal))
      if (line === "3") break;
    await settle();
    await settle();
    assert.equal(open.size, 0);
  });
});
