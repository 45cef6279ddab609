import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { createRouteTable, normaliseHost } from "./route-table.ts";

interface Target {
  readonly name: string;
}

function tableOf(rows: Readonly<Record<string, readonly [string, string]>>): (host: string, path: string) => string {
  const table = createRouteTable<Target>();
  for (const [name, [host, path]] of Object.entries(rows)) table.add([host], path, { name });
  return (host, path) => table.match(host, path)?.name ?? "none";
}

describe("hosts", () => {
  const match = tableOf({
    exact: ["blog.example.com", "/"],
    oneLabel: ["*.example.com", "/"],
    anyDepth: ["**.example.com", "/"],
    deeper: ["**.dev.example.com", "/"],
    all: ["*", "/"],
    v6: ["[2001:db8::1]", "/"],
  });

  const rows: Readonly<Record<string, string>> = {
    "blog.example.com": "exact",
    "BLOG.Example.com": "exact",
    "blog.example.com:8443": "exact",
    "blog.example.com.": "exact",
    "Blog.example.com.:443": "exact",
    "shop.example.com": "oneLabel",
    "SHOP.example.com:80": "oneLabel",
    "a.b.example.com": "anyDepth",
    "dev.example.com": "oneLabel",
    "a.dev.example.com": "deeper",
    "a.b.dev.example.com": "deeper",
    "example.com": "all",
    ".example.com": "all",
    "blog.example.com.evil.net": "all",
    "xblog-example.com": "all",
    "*.example.com": "oneLabel",
    "**.example.com": "oneLabel",
    "[2001:db8::1]": "v6",
    "[2001:DB8::1]:8080": "v6",
    "2001:db8::1": "v6",
    "[2001:db8::2]:8080": "all",
    "[": "all",
    "": "all",
  };
  for (const [host, expected] of Object.entries(rows)) {
    test(`${host || "(empty)"} → ${expected}`, () => assert.equal(match(host, "/"), expected));
  }

  test("a pattern never takes the place of a host of the same spelling", () => {
    const only = tableOf({ all: ["*", "/app"] });
    assert.equal(only("*", "/"), "none");
    assert.equal(only("*", "/app"), "all");
  });

  test("a Host header of thousands of labels costs next to nothing", () => {
    const host = "a.".repeat(8000);
    const tookMs = Array.from({ length: 20 }, () => {
      const started = performance.now();
      assert.equal(match(host, "/"), "all");
      return performance.now() - started;
    });
    // The best of many, on however busy a machine: cutting label by label would take ten times as long.
    assert.ok(Math.min(...tookMs) < 5, `${Math.min(...tookMs)} ms`);
  });
});

describe("paths", () => {
  const match = tableOf({
    root: ["a.test", "/"],
    blog: ["a.test", "/blog"],
    admin: ["a.test", "/blog/admin/"],
    other: ["b.test", "/only"],
    fallback: ["*.test", "/"],
  });

  const rows: Readonly<Record<string, string>> = {
    "/": "root",
    "/blogger": "root",
    "/blog": "blog",
    "/blog/": "blog",
    "/blog/x/y": "blog",
    "/blog/admin": "admin",
    "/blog/admin/x": "admin",
    "/blog/administrator": "blog",
    // Spellings that decoding or normalising would move: they stay where they literally begin.
    "/blog%2Fadmin": "root",
    "/blog%2fadmin": "root",
    "/%62log": "root",
    "//blog": "root",
    "//blog/admin": "root",
    "/blog//admin": "blog",
    "/./blog": "root",
    "/x/../blog/admin": "root",
    "/blog/../x": "blog",
    "/blog;/admin": "root",
    "/blog\\admin": "root",
    "/BLOG": "root",
  };
  for (const [path, expected] of Object.entries(rows)) {
    test(`${path} → ${expected}`, () => assert.equal(match("a.test", path), expected));
  }

  test("a host without a prefix for this path leaves it to the less specific one", () => {
    assert.equal(match("b.test", "/only/x"), "other");
    assert.equal(match("b.test", "/else"), "fallback");
    assert.equal(match("b.test:80", "/else"), "fallback");
  });
});

describe("changes", () => {
  test("the first under a host and path serves; the next takes over when it is deleted", () => {
    const table = createRouteTable<Target>();
    const first = { name: "first" };
    const second = { name: "second" };
    table.add(["a.test", "b.test"], "/", first);
    table.add(["a.test"], "/", second);
    assert.equal(table.match("a.test", "/"), first);
    table.delete(["a.test", "b.test"], "/", first);
    assert.equal(table.match("a.test", "/"), second);
    assert.equal(table.match("b.test", "/"), undefined);
    table.delete(["a.test"], "/", first);
    table.delete(["c.test"], "/x", first);
    assert.equal(table.match("a.test", "/"), second);
    table.delete(["a.test"], "/", second);
    assert.equal(table.match("a.test", "/"), undefined);
  });

  test("one that waits can be deleted without being seen", () => {
    const table = createRouteTable<Target>();
    const [first, second] = [{ name: "first" }, { name: "second" }];
    table.add(["a.test"], "/", first);
    table.add(["a.test"], "/", second);
    table.delete(["a.test"], "/", second);
    table.delete(["a.test"], "/", first);
    assert.equal(table.match("a.test", "/"), undefined);
  });
});

interface Row {
  readonly host: string;
  readonly path: string;
  readonly value: Target;
}

/** Design §8.1 word by word over a plain list. */
function naiveMatch(rows: readonly Row[], rawHost: string, path: string): Target | undefined {
  const host = normaliseHost(rawHost);
  const rank = (pattern: string): number => {
    if (pattern === "*") return 1;
    if (pattern.startsWith("**.")) return host.endsWith(pattern.slice(2)) ? 1 + pattern.length : 0;
    if (pattern.startsWith("*.")) return host.slice(host.indexOf(".")) === pattern.slice(1) ? 1000 : 0;
    return host === pattern ? 2000 : 0;
  };
  const hasPrefix = (prefix: string): boolean => {
    const bare = prefix.replace(/\/$/, "");
    return bare === "" || path === bare || path.startsWith(`${bare}/`);
  };
  return rows
    .filter((row) => rank(row.host) > 0 && hasPrefix(row.path))
    .sort((a, b) => rank(b.host) - rank(a.host) || b.path.replace(/\/$/, "").length - a.path.replace(/\/$/, "").length)
    .at(0)?.value;
}

const label = fc.constantFrom("a", "b", "c");
const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."));
const pattern = fc.oneof(
  name,
  name.map((suffix) => `*.${suffix}`),
  name.map((suffix) => `**.${suffix}`),
  fc.constant("*"),
);
const segments = fc.array(fc.constantFrom("x", "y", "xy", "", "..", "%2F", "x%2Fy"), { maxLength: 4 });
const path = segments.map((parts) => `/${parts.join("/")}`);
const sentHost = fc
  .tuple(name, fc.boolean(), fc.constantFrom("", ".", ":80", ".:8443"))
  .map(([host, loud, tail]) => `${loud ? host.toUpperCase() : host}${tail}`);
const rows = fc
  .array(fc.record({ host: pattern, path }), { maxLength: 40 })
  .map((list) => list.map(({ host, path }, at): Row => ({ host, path, value: { name: `${at} ${host}${path}` } })));

describe("against a naive list", () => {
  test("finds the same, before and after deletions", () => {
    fc.assert(
      fc.property(rows, fc.array(fc.tuple(sentHost, path), { minLength: 1 }), fc.nat(40), (all, requests, gone) => {
        const table = createRouteTable<Target>();
        for (const row of all) table.add([row.host], row.path, row.value);
        for (const [host, path] of requests) assert.equal(table.match(host, path), naiveMatch(all, host, path));
        for (const row of all.slice(0, gone)) table.delete([row.host], row.path, row.value);
        const kept = all.slice(gone);
        for (const [host, path] of requests) assert.equal(table.match(host, path), naiveMatch(kept, host, path));
      }),
    );
  });

  test("finds the same with many prefixes under one host", () => {
    const many = fc.uniqueArray(path, { minLength: 12, maxLength: 60 });
    fc.assert(
      fc.property(many, fc.array(path, { minLength: 1 }), (prefixes, requests) => {
        const all = prefixes.map((path): Row => ({ host: "a.test", path, value: { name: path } }));
        const table = createRouteTable<Target>();
        for (const row of all) table.add([row.host], row.path, row.value);
        for (const path of requests) assert.equal(table.match("a.test", path), naiveMatch(all, "a.test", path));
      }),
    );
  });
});
