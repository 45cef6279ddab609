import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createLineQueue } from "./line-queue.ts";

async function all(lines: AsyncIterable<string>): Promise<string[]> {
  const read: string[] = [];
  for await (const line of lines) read.push(line);
  return read;
}

describe("a queue of lines", () => {
  it("gives what was written before and after the reader came, then ends", async () => {
    let left = 0;
    const queue = createLineQueue(10, () => left++);
    queue.push("a");
    const reading = all(queue);
    await Promise.resolve();
    queue.push("b");
    queue.push("c");
    queue.end();
    queue.push("too late");
    assert.deepEqual([await reading, left], [["a", "b", "c"], 1]);
  });

  it("drops the oldest of what nobody took", async () => {
    const queue = createLineQueue(2, () => undefined);
    for (const line of ["a", "b", "c"]) queue.push(line);
    queue.end();
    assert.deepEqual(await all(queue), ["b", "c"]);
  });

  it("fails as it was ended, once everything was taken", async () => {
    const queue = createLineQueue(2, () => undefined);
    queue.push("a");
    queue.end(new Error("gone"));
    const read: string[] = [];
    await assert.rejects(async () => {
      for await (const line of queue) read.push(line);
    }, /gone/);
    assert.deepEqual(read, ["a"]);
  });

  it("tells when the reader stops early", async () => {
    let left = 0;
    const queue = createLineQueue(2, () => left++);
    queue.push("a");
    for await (const line of queue) if (line === "a") break;
    assert.equal(left, 1);
  });
});
