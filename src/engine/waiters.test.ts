import assert from "node:assert/strict";
import { it } from "node:test";
import { createWaiters } from "./waiters.ts";

void it("releases in slices, so that other work gets its turn between", async () => {
  let waiting = 0;
  const turns: (() => void)[] = [];
  const waiters = createWaiters(
    (run) => void turns.push(run),
    (count) => (waiting = count),
  );
  let answered = 0;
  const all = Array.from({ length: 1_200 }, () => waiters.wait(new AbortController().signal).then(() => answered++));
  waiters.release({ kind: "ready" });
  await Promise.resolve();
  await Promise.resolve();
  assert.equal(answered, 100);
  assert.equal(waiting, 0);
  while (turns.length > 0) turns.shift()?.();
  await Promise.all(all);
  assert.equal(answered, 1_200);
});

void it("keeps those who come after a release waiting for the next", async () => {
  let waiting = 0;
  const waiters = createWaiters(
    (run) => run(),
    (count) => (waiting = count),
  );
  waiters.release({ kind: "ready" });
  const late = waiters.wait(new AbortController().signal);
  assert.equal(waiting, 1);
  waiters.release({ kind: "changed" });
  assert.deepEqual(await late, { kind: "changed" });
});

void it("forgets who leaves", async () => {
  let waiting = 0;
  const waiters = createWaiters(
    (run) => run(),
    (count) => (waiting = count),
  );
  const caller = new AbortController();
  const left = waiters.wait(caller.signal);
  caller.abort();
  assert.deepEqual(await left, { kind: "aborted" });
  assert.equal(waiting, 0);
  assert.deepEqual(await waiters.wait(caller.signal), { kind: "aborted" });
});
