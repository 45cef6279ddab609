import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatConfigError, loadConfig } from "./load.ts";
import type { Config } from "./types.ts";

function load(text: string) {
  return loadConfig({ file: "nodoff.yaml", env: {}, readFile: () => text });
}

function right(text: string): Config {
  const result = load(text);
  assert.ok(result.ok, result.ok ? "" : result.errors.map(formatConfigError).join("\n"));
  return result.config;
}

function wrong(text: string): string {
  const result = load(text);
  assert.ok(!result.ok);
  return result.errors.map(formatConfigError).join("\n");
}

const db = "workloads: { db: { container: db, wake_timeout: 1m } }\n";

describe("TCP and UDP routes", () => {
  it("have their defaults, and hold as long as the wake may take", () => {
    const { routes } = right(`${db}routes: { redis: { tcp: { listen: ':6379' }, workload: db, port: 6379 } }`);
    const [route] = routes;
    assert.equal(route?.kind, "tcp");
    assert.deepEqual(route.hosts, []);
    assert.equal(route.door.holdMs, 60_000);
    assert.deepEqual(route.stream, {
      listen: { host: null, port: 6379 },
      minBytes: 0,
      sessionTimeoutMs: 60_000,
      allow: [],
      acceptProxy: false,
      sendProxy: false,
    });
  });

  it("take every key", () => {
    const { routes } = right(`${db}routes:
  a: { tcp: { listen: '127.0.0.1:1', min_bytes: 3, allow: [10.0.0.0/8], accept_proxy_protocol: true, send_proxy_protocol: true }, workload: db, hold: 5s }
  b: { udp: { listen: ':1', session_timeout: 5s, allow: ['::1'] }, upstream: 'udp://dns:53' }`);
    assert.deepEqual(routes[0]?.stream, {
      listen: { host: "127.0.0.1", port: 1 },
      minBytes: 3,
      sessionTimeoutMs: 60_000,
      allow: ["10.0.0.0/8"],
      acceptProxy: true,
      sendProxy: true,
    });
    assert.equal(routes[0]?.door.holdMs, 5_000);
    assert.equal(routes[1]?.kind, "udp");
    assert.equal(routes[1]?.stream?.sessionTimeoutMs, 5_000);
    assert.deepEqual(routes[1]?.upstream, { kind: "url", url: "udp://dns:53" });
  });

  it("make a workload that only they lead to one that is asked by TCP, or not at all", () => {
    const upstreams = (routes: string, workload = "container: db"): unknown =>
      right(`workloads: { db: { ${workload} } }\nroutes: { ${routes} }`).workloads[0]?.upstream;
    const tcp = "a: { tcp: { listen: ':1' }, workload: db }";
    const udp = "b: { udp: { listen: ':1' }, workload: db }";
    const http = "c: { host: c.test, workload: db }";
    assert.deepEqual(upstreams(tcp), { kind: "port", port: null, scheme: "tcp" });
    assert.deepEqual(upstreams(udp), { kind: "port", port: null, scheme: "udp" });
    assert.deepEqual(upstreams(`${udp}, ${tcp}`), { kind: "port", port: null, scheme: "tcp" });
    assert.deepEqual(upstreams(`${tcp}, ${http}`), { kind: "port", port: null, scheme: "http" });
    assert.deepEqual(upstreams(tcp, "container: db, host: db.test"), { kind: "port", port: null, scheme: "http" });
    assert.deepEqual(upstreams(tcp, "container: db, port: 5"), { kind: "port", port: 5, scheme: "tcp" });
    assert.deepEqual(upstreams(tcp, "container: db, ready: { http: /up }"), {
      kind: "port",
      port: null,
      scheme: "http",
    });
    const own = "a: { tcp: { listen: ':1' }, workload: db, upstream: 'tcp://cache:6379' }";
    assert.deepEqual(upstreams(own), { kind: "url", url: "tcp://cache:6379" });
    const dns = "a: { udp: { listen: ':1' }, workload: db, upstream: 'udp://dns:53' }";
    assert.equal(upstreams(dns), null);
  });

  it("do not follow their dependants alone: somebody comes to them", () => {
    const { workloads } = right(`${db}routes: { a: { tcp: { listen: ':1' }, workload: db, upstream: 'tcp://c:1' } }`);
    assert.equal(workloads[0]?.followsDependants, false);
  });

  it("refuse what belongs to HTTP, other upstreams, and leading nowhere", () => {
    const text = wrong(`${db}routes:
  a: { tcp: { listen: ':1' }, workload: db, host: a.test, path: /x }
  b: { udp: { listen: ':2' }, upstream: 'tcp://a:1' }
  c: { tcp: { listen: ':3' } }
  d: { tcp: { listen: ':4' }, udp: { listen: ':4' }, workload: db }
  e: { host: e.test, upstream: 'tcp://a:1' }`);
    assert.match(text, /routes\.a\.host: a tcp route has none: it is found by its port/);
    assert.match(text, /routes\.a\.path: a tcp route has none/);
    assert.match(text, /routes\.b\.upstream: a udp route needs a udp:\/\/ upstream/);
    assert.match(text, /routes\.c: needs "workload" or "upstream"/);
    assert.match(text, /routes\.d\.udp: give either "tcp" or "udp"/);
    assert.match(text, /routes\.e\.upstream: an HTTP route needs/);
  });
});

describe("ports of routes", () => {
  it("stand for a host: of a workload and of a route", () => {
    const { routes, workloads } = right(`
workloads: { blog: { container: blog, listen: ':8085' } }
routes: { by-port: { listen: '127.0.0.1:8086', workload: blog }, nas: { listen: ':8087', upstream: 'http://nas' } }`);
    assert.deepEqual(
      routes.map(({ alias, listen }) => [alias, listen]),
      [
        ["blog", { host: null, port: 8085 }],
        ["by-port", { host: "127.0.0.1", port: 8086 }],
        ["nas", { host: null, port: 8087 }],
      ],
    );
    assert.deepEqual(workloads[0]?.upstream, { kind: "port", port: null, scheme: "http" });
    assert.equal(workloads[0]?.followsDependants, false);
  });

  it("are given once, TCP and UDP apart", () => {
    right(`${db}routes: { a: { tcp: { listen: ':53' }, workload: db }, b: { udp: { listen: ':53' }, workload: db } }`);
    const text = wrong(`${db}routes:
  a: { tcp: { listen: ':53' }, workload: db }
  b: { listen: ':53', workload: db }
  c: { listen: ':8080', workload: db }
listen: { proxy: ':8080' }`);
    assert.match(text, /routes\.b\.listen: ":53" is used by "a" already/);
    assert.match(text, /routes\.c\.listen: ":8080" is used by listen.proxy already/);
    assert.match(wrong("defaults: { listen: ':1' }"), /cannot be a default/);
  });
});

describe("routes to files", () => {
  it("have their defaults; a relative root starts at the file's folder", () => {
    const result = loadConfig({
      file: "/etc/nodoff/nodoff.yaml",
      env: {},
      readFile: () => "routes: { files: { host: f.test, files: { root: www } } }",
    });
    assert.ok(result.ok);
    assert.equal(result.config.routes[0]?.kind, "files");
    assert.deepEqual(result.config.routes[0]?.files, {
      root: "/etc/nodoff/www",
      index: ["index.html"],
      spa: false,
      dotfiles: false,
    });
  });

  it("refuse an upstream, and whatever is about sleeping", () => {
    const text = wrong(
      `${db}routes: { f: { host: f.test, files: { root: / }, upstream: 'http://a', workload: db, hold: 1s } }`,
    );
    for (const key of ["upstream", "workload", "hold"]) assert.match(text, new RegExp(`routes\\.f\\.${key}: files`));
  });
});

describe("routes with several upstreams", () => {
  it("have their weights", () => {
    const { routes } = right(
      "routes: { lb: { host: lb.test, upstreams: ['http://a:1', { url: 'http://b:2', weight: 2 }] } }",
    );
    assert.deepEqual(routes[0]?.upstreams, [
      { url: "http://a:1", weight: 1 },
      { url: "http://b:2", weight: 2 },
    ]);
  });

  it("refuse a second way to say it, and an empty list", () => {
    const text = wrong(`routes:
  a: { host: a.test, upstreams: ['http://a'], upstream: 'http://b', port: 1 }
  b: { host: b.test, upstreams: [] }`);
    assert.match(text, /routes\.a\.upstream: give either/);
    assert.match(text, /routes\.a\.port: give either/);
    assert.match(text, /routes\.b\.upstreams: has no address/);
  });
});
