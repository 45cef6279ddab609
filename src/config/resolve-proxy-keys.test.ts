import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { configOf, errorsOf } from "../../test/support/config-text.ts";
import { readLabels } from "./labels.ts";

describe("keys of nodoff's own proxy", () => {
  it("are each route's own, on top of the workload's and the defaults'", () => {
    const { routes } = configOf(`defaults: { via: true, limits: { body: 1MB } }
workloads:
  blog: { container: blog, host: a.test, limits: { rate: 20/1s } }
routes:
  api: { host: b.test, workload: blog, limits: { body: 5kB }, via: false, security_headers: true }
  nas: { host: c.test, upstream: 'http://nas' }`);
    assert.deepEqual(
      routes.map(({ alias, via, securityHeaders, limits }) => ({ alias, via, securityHeaders, limits })),
      [
        {
          alias: "blog",
          via: true,
          securityHeaders: undefined,
          limits: { bodyBytes: 1_000_000, rate: { count: 20, perMs: 1_000 } },
        },
        {
          alias: "api",
          via: undefined,
          securityHeaders: true,
          limits: { bodyBytes: 5_000, rate: { count: 20, perMs: 1_000 } },
        },
        { alias: "nas", via: undefined, securityHeaders: undefined, limits: undefined },
      ],
    );
  });

  it("stand in labels, too", () => {
    const labels = {
      "nodoff.enable": "true",
      "nodoff.host": "a.test",
      "nodoff.limits.body": "10MB",
      "nodoff.limits.rate": "5/1m",
      "nodoff.security_headers": "true",
    };
    const read = readLabels({ labels, containerName: "blog", provider: "local", defaults: {}, publicUrl: null });
    assert.ok(read.kind === "spec");
    const [route] = read.routes;
    assert.deepEqual(route?.limits, { bodyBytes: 10_000_000, rate: { count: 5, perMs: 60_000 } });
    assert.equal(route?.securityHeaders, true);
  });

  it("that are wrong are told with their place", () => {
    const wrong = (keys: string): string[] => errorsOf(`workloads: { a: { container: a, host: a.test, ${keys} } }`);
    assert.match(
      wrong("limits: { body: 10 }")[0] ?? "",
      /limits\.body: "10" is not a size such as 10MB \(did you mean "10B"\?\)/,
    );
    assert.match(wrong("limits: { rate: 20 }")[0] ?? "", /limits\.rate: .* is not a limit such as 10\/1m/);
    assert.match(wrong("limits: { bodi: 1MB }")[0] ?? "", /did you mean "body"/);
    const stream = errorsOf(`workloads: { a: { container: a } }
routes: { r: { tcp: { listen: ':1' }, workload: a, limits: { body: 1MB } } }`);
    assert.match(stream[0] ?? "", /routes\.r\.limits: a tcp route has none/);
  });
});

describe("members of a group", () => {
  const two = "workloads: { a: { container: a, port: 80 }, b: { container: b, port: 80 }, g: { host: g.test, group:";

  it("have weights where they are told, by name or as a map", () => {
    const groupOf = (text: string) => configOf(`${two} ${text} } }`).workloads.find(({ alias }) => alias === "g");
    const plain = groupOf("[a, { workload: b }]");
    assert.deepEqual([plain?.members, plain?.memberWeights], [["a", "b"], undefined]);
    const weighted = groupOf("[a, { workload: b, weight: 3 }]");
    assert.deepEqual([weighted?.members, weighted?.memberWeights], [["a", "b"], { a: 1, b: 3 }]);
  });

  it("that are wrong are told with their place", () => {
    const wrong = (text: string): string => errorsOf(`${two} ${text} } }`)[0] ?? "";
    assert.match(wrong("[{ workload: a, weight: -1 }]"), /group\.0\.weight: "-1" is too small/);
    assert.match(wrong("[a, { workload: a, weight: 2 }]"), /group\.1: "a" is given twice/);
    assert.match(wrong("[{ weight: 2 }]"), /group\.0\.workload: is missing/);
  });
});

describe("ports of their own", () => {
  const web = "workloads: { a: { container: a, port: 80 } }\nroutes:\n";

  it("may be shared by HTTP routes that host or path tell apart", () => {
    const { routes } = configOf(`${web}
  one: { listen: ':8085', host: one.test, workload: a }
  two: { listen: ':8085', path: /two, workload: a }
  rest: { listen: ':8085', workload: a }
  files: { listen: ':8085', host: files.test, files: { root: . } }`);
    assert.equal(routes.filter(({ listen }) => listen?.port === 8085).length, 4);
  });

  it("are not shared by routes that nobody could tell apart, nor with other protocols or nodoff's own", () => {
    const wrong = (text: string): string => errorsOf(`${web}${text}`).join("\n");
    assert.match(
      wrong("  one: { listen: ':8085', workload: a }\n  two: { listen: ':8085', workload: a }"),
      /routes\.two\.listen: ":8085\/" is served by "one" already/,
    );
    assert.match(
      wrong("  one: { listen: ':8085', workload: a }\n  two: { tcp: { listen: ':8085' }, workload: a }"),
      /routes\.two\.tcp\.listen: ":8085" is used by "one" already/,
    );
    assert.match(
      wrong("  one: { listen: ':8080', workload: a }\nlisten: { proxy: ':8080' }"),
      /routes\.one\.listen: ":8080" is used by listen\.proxy already/,
    );
  });

  it("take PROXY headers where listen.accept_proxy_protocol says so", () => {
    assert.equal(configOf("listen: { proxy: ':1' }").listen.acceptProxy, false);
    assert.equal(configOf("listen: { proxy: ':1', accept_proxy_protocol: true }").listen.acceptProxy, true);
  });
});

describe("access_log", () => {
  it("is off without its key, and on with nothing in it", () => {
    assert.equal(configOf("log: { level: info }").accessLog, null);
    assert.deepEqual(configOf("access_log: {}").accessLog, {
      path: null,
      format: "combined",
      maxBytes: 10_000_000,
      keep: 5,
    });
  });

  it("takes a file, by an absolute path or from the folder of nodoff.yaml", () => {
    const config = configOf("access_log: { path: /var/log/a.log, format: json, max_size: 1MiB, keep: 2 }");
    assert.deepEqual(config.accessLog, { path: "/var/log/a.log", format: "json", maxBytes: 1_048_576, keep: 2 });
    assert.match(configOf("access_log: { path: a.log }").accessLog?.path ?? "", /^\/.*a\.log$/);
  });

  it("says what is wrong, where", () => {
    assert.match(
      errorsOf("access_log: { max_size: 1kB }")[0] ?? "",
      /access_log\.max_size: is too small \(at least 10kB\)/,
    );
    assert.match(
      errorsOf("access_log: { format: xml }")[0] ?? "",
      /access_log\.format: "xml" is not one of combined, json/,
    );
  });
});
