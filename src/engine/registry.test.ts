import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { routeSpec } from "../../test/support/specs.ts";
import { createRegistry } from "./registry.ts";

const upstreams = [
  { url: "http://a", weight: 1 },
  { url: "http://b", weight: 1 },
];

describe("a route with several upstreams in the registry", () => {
  it("takes turns, without those that are said to be unhealthy, as they are at that moment", () => {
    const sick = new Set<string>();
    const registry = createRegistry({ isHealthy: (alias, origin) => !sick.has(`${alias} ${origin}`) });
    registry.replace([routeSpec({ alias: "lb", workload: null, upstreams })], () => undefined);
    const next = (): string | null => registry.get("lb")?.upstream() ?? null;
    assert.deepEqual([next(), next(), next()], ["http://a", "http://b", "http://a"]);
    sick.add("lb http://a");
    assert.deepEqual([next(), next()], ["http://b", "http://b"]);
    sick.clear();
    assert.ok([next(), next()].includes("http://a"));
  });

  it("takes turns among all where nobody says who is healthy", () => {
    const registry = createRegistry();
    registry.replace([routeSpec({ alias: "lb", workload: null, upstreams })], () => undefined);
    assert.equal(new Set([registry.get("lb")?.upstream(), registry.get("lb")?.upstream()]).size, 2);
  });
});
