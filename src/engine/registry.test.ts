import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { routeSpec } from "../../test/support/specs.ts";
import type { RouteChanges } from "../core/route.ts";
import type { RouteSpec } from "../core/spec.ts";
import { createRegistry } from "./registry.ts";

const specs: readonly RouteSpec[] = [
  routeSpec({ alias: "blog", hosts: ["blog.test"], workload: null }),
  routeSpec({ alias: "docs", hosts: ["docs.test"], path: "/docs", workload: null, source: "local", kind: "files" }),
  routeSpec({ alias: "all", hosts: ["*.test"], workload: null, source: "local" }),
  routeSpec({ alias: "redis", hosts: [], workload: null, kind: "tcp" }),
  routeSpec({ alias: "dns", hosts: [], workload: null, kind: "udp" }),
  routeSpec({ alias: "old", hosts: ["old.test"], workload: null, excluded: true }),
];

function filled() {
  const registry = createRegistry();
  registry.replace(specs, () => undefined);
  return registry;
}

const aliases = (routes: Iterable<{ readonly spec: RouteSpec }>): string[] =>
  Array.from(routes, ({ spec }) => spec.alias);

describe("route registry", () => {
  it("keeps HTTP, stream and excluded routes apart, and counts them", () => {
    const registry = filled();
    assert.deepEqual(aliases(registry.http), ["blog", "docs", "all"]);
    assert.deepEqual(aliases(registry.streams), ["redis", "dns"]);
    assert.deepEqual(aliases(registry.excluded), ["old"]);
    assert.deepEqual(aliases(registry.active()), ["blog", "docs", "all", "redis", "dns"]);
    assert.deepEqual(aliases(registry.routes()), ["blog", "docs", "all", "redis", "dns", "old"]);
    assert.deepEqual([registry.activeSize, registry.size], [5, 6]);
  });

  it("finds by alias in every pool, and by exact host", () => {
    const registry = filled();
    for (const { alias } of specs) assert.equal(registry.get(alias)?.spec.alias, alias);
    assert.equal(registry.get("none"), undefined);
    const found = (name: string) => registry.find(name)?.spec.alias;
    assert.deepEqual(["blog", "redis", "old"].map(found), ["blog", "redis", "old"]);
    assert.deepEqual(["blog.test", "BLOG.test.:443", "old.test"].map(found), ["blog", "blog", "old"]);
    assert.deepEqual(["x.test", "docs.test", ""].map(found), [undefined, undefined, undefined]);
  });

  it("groups by who declared them", () => {
    const groups = filled().byProvider();
    assert.deepEqual(aliases(groups.get("file") ?? []), ["blog", "redis", "dns", "old"]);
    assert.deepEqual(aliases(groups.get("local") ?? []), ["docs", "all"]);
  });

  it("moves a route between pools with its counters", () => {
    const registry = filled();
    registry.get("blog")!.requestsTotal = 7;
    const moved = { ...specs[0]!, excluded: true };
    registry.replace([moved, ...specs.slice(1)], () => undefined);
    assert.deepEqual(aliases(registry.excluded), ["old", "blog"]);
    assert.equal(registry.http.get("blog"), undefined);
    assert.equal(registry.get("blog")?.requestsTotal, 7);
    assert.equal(registry.match("blog.test", "/")?.spec.alias, "blog");
  });

  it("tells what came, changed and went; nothing where nothing did", () => {
    const registry = filled();
    const told: RouteChanges[] = [];
    const end = registry.subscribe((changes) => told.push(changes));
    registry.replace(specs, () => undefined);
    assert.deepEqual(told, []);
    const next = [{ ...specs[0]!, stripPath: true }, ...specs.slice(2), routeSpec({ alias: "new", workload: null })];
    registry.replace(next, () => undefined);
    assert.deepEqual(told, [{ added: ["new"], changed: ["blog"], removed: ["docs"] }]);
    end();
    registry.replace([], () => undefined);
    assert.equal(told.length, 1);
    assert.deepEqual([registry.size, registry.match("blog.test", "/")], [0, undefined]);
  });
});

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

  it("passes over what refused a request already, down to the last resort of weight 0; where all did, any is tried", () => {
    const registry = createRegistry();
    const spare = { url: "http://spare", weight: 0 };
    registry.replace([routeSpec({ alias: "lb", workload: null, upstreams: [...upstreams, spare] })], () => undefined);
    const next = (...passed: string[]): string | null => registry.get("lb")?.upstream(new Set(passed)) ?? null;
    assert.deepEqual([next("http://a"), next("http://a")], ["http://b", "http://b"]);
    assert.equal(next("http://a", "http://b"), "http://spare");
    assert.notEqual(next("http://a", "http://b", "http://spare"), null);
  });

  it("takes turns among all where nobody says who is healthy", () => {
    const registry = createRegistry();
    registry.replace([routeSpec({ alias: "lb", workload: null, upstreams })], () => undefined);
    assert.equal(new Set([registry.get("lb")?.upstream(), registry.get("lb")?.upstream()]).size, 2);
  });
});
