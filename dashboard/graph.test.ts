import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { layOut } from "./graph.js";
import type { Workload } from "./types.ts";

/** Of each workload what it needs. */
function workloads(needs: Readonly<Record<string, readonly string[]>>): ReadonlyMap<string, Workload> {
  const dependants = (alias: string) => Object.keys(needs).filter((each) => needs[each]?.includes(alias));
  return new Map(
    Object.entries(needs).map(([alias, depends_on]) => [
      alias,
      { alias, depends_on, dependants: dependants(alias) } as unknown as Workload,
    ]),
  );
}

describe("the picture of dependencies", () => {
  it("has who needs left of what it needs, at any distance", () => {
    const all = workloads({ web: ["api", "cache"], api: ["db"], db: [], cache: [], other: ["db"], alone: [] });
    const { places, edges, columns } = layOut("api", all);
    const columnOf = Object.fromEntries(places.map(({ alias, column }) => [alias, column]));
    assert.deepEqual(columnOf, { web: 0, api: 1, db: 2 });
    assert.deepEqual(edges.map(({ from, to }) => `${from.alias} ${to.alias}`).sort(), ["api db", "web api"]);
    assert.equal(columns, 3);
  });

  it("goes the longest way round", () => {
    const all = workloads({ web: ["db", "api"], api: ["db"], db: [] });
    const columnOf = new Map(layOut("web", all).places.map(({ alias, column }) => [alias, column]));
    assert.equal(columnOf.get("db"), 2);
  });

  it("never puts two at one place, and ends whatever it is given, cycles included", () => {
    const names = ["a", "b", "c", "d", "e", "f"];
    const any = fc.record(Object.fromEntries(names.map((name) => [name, fc.subarray(names)])));
    fc.assert(
      fc.property(any, (needs) => {
        const { places } = layOut("a", workloads(needs));
        assert.equal(new Set(places.map(({ column, line }) => `${column} ${line}`)).size, places.length);
      }),
    );
  });
});
