import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { createHostMap } from "./host-map.ts";

interface Value {
  readonly n: number;
}

test("holds what Map holds, whatever is set and deleted", () => {
  // Few names, so that they meet again; "Aa" and "BB" have the same hash, and so has whatever they begin.
  const host = fc.array(fc.constantFrom("Aa", "BB", "a.test", ""), { maxLength: 3 }).map((parts) => parts.join(""));
  const change = fc.tuple(fc.constantFrom("set", "delete"), host, fc.nat());
  fc.assert(
    fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
      const ours = createHostMap<Value>();
      const model = new Map<string, Value>();
      for (const [what, name, n] of changes) {
        if (what === "delete") ours.delete(name);
        else ours.set(name, { n });
        if (what === "delete") model.delete(name);
        else model.set(name, { n });
        for (const [, each] of changes) assert.deepEqual(ours.get(each), model.get(each));
      }
    }),
  );
});

test("grows to any size, and finds everything again after half of it went", () => {
  const map = createHostMap<Value>();
  for (let n = 0; n < 20_000; n++) map.set(`app${n}.example.com`, { n });
  for (let n = 0; n < 20_000; n += 2) map.delete(`app${n}.example.com`);
  for (let n = 0; n < 20_000; n++) assert.equal(map.get(`app${n}.example.com`)?.n, n % 2 === 0 ? undefined : n);
  assert.equal(map.get("app1.example.co"), undefined);
});
