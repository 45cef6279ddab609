import assert from "node:assert/strict";
import { it } from "node:test";
import { releaseMemory } from "./release-memory.ts";

it("gives back what is not in use, and takes the way there away again", () => {
  let kept: object | null = { large: Array.from({ length: 3_000_000 }, (_, i) => ({ i })) };
  const before = process.memoryUsage.rss();
  assert.notEqual(kept, null);
  kept = null;
  releaseMemory();
  assert.ok(before - process.memoryUsage.rss() > 50_000_000);
  assert.equal(globalThis.gc, undefined);
});
