import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { healthSpec } from "../../test/support/specs.ts";
import type { NotifierSpec } from "../core/notices.ts";
import type { HealthSpec } from "../core/spec.ts";
import { readLabels } from "./labels.ts";
import { formatConfigError, loadConfig } from "./load.ts";

function load(text: string, files: Readonly<Record<string, string>> = {}) {
  const readFile = (path: string): string => {
    const found = path === "nodoff.yaml" ? text : files[path];
    if (found === undefined) throw Object.assign(new Error(path), { code: "ENOENT" });
    return found;
  };
  return loadConfig({ file: "nodoff.yaml", env: {}, readFile });
}

function errorsOf(text: string, files?: Readonly<Record<string, string>>): string[] {
  const result = load(text, files);
  return result.ok ? [] : result.errors.map(formatConfigError);
}

function healthOf(text: string, alias = "blog"): HealthSpec | undefined {
  const result = load(text);
  assert.ok(result.ok, result.ok ? "" : result.errors.map(formatConfigError).join("\n"));
  return result.config.routes.find((route) => route.alias === alias)?.health;
}

function notifyOf(text: string, files?: Readonly<Record<string, string>>): readonly NotifierSpec[] {
  const result = load(`notify:\n  a: ${text}\n`, files);
  assert.ok(result.ok, result.ok ? "" : result.errors.map(formatConfigError).join("\n"));
  return result.config.notify;
}

const blog = (health: string): string => `workloads:\n  blog: { container: b, host: b.x, health: ${health} }\n`;

describe("health", () => {
  it("has the design's defaults", () => {
    assert.deepEqual(healthOf("workloads:\n  blog: { container: b, host: b.x }\n"), healthSpec());
    assert.deepEqual(healthOf(blog("{}")), healthSpec());
  });

  it("reads every key", () => {
    const text =
      "{ interval: 1m, timeout: 2s, method: head, path: /up?x=1, status: 200, retries: -1, fall: 2, rise: 4, start_grace: 0, " +
      "retry: { max: 1, initial: 1s, cap: 2s }, disabled: true, tls_verify: false, headers: { X-Key: 5 } }";
    assert.deepEqual(healthOf(blog(text)), {
      intervalMs: 60_000,
      timeoutMs: 2_000,
      method: "HEAD",
      path: "/up?x=1",
      status: [[200, 200]],
      body: null,
      headers: { "x-key": "5" },
      tlsVerify: false,
      retries: -1,
      fall: 2,
      rise: 4,
      startGraceMs: 0,
      retry: { max: 1, initialMs: 1_000, capMs: 2_000 },
      disabled: true,
    });
    assert.equal(healthOf(blog("{ body: ok }"))?.body, "ok");
  });

  it("expects 200-399 where a path is given, and lets fall follow retries", () => {
    assert.deepEqual(healthOf(blog("{ path: / }"))?.status, [[200, 399]]);
    assert.equal(healthOf(blog("{ retries: 7 }"))?.fall, 7);
    assert.equal(healthOf(blog("{ retries: -1 }"))?.fall, 1);
    assert.equal(healthOf(blog("{ retries: 0 }"))?.fall, 1);
    assert.equal(healthOf(blog("{ interval: 5s }"))?.timeoutMs, 5_000, "the default timeout fits the interval");
  });

  it("takes tls_verify of the route, and the keys of defaults and workload below its own", () => {
    const text = `defaults: { health: { interval: 1m, retry: { max: 1 }, headers: { a: b } } }
workloads:
  blog: { container: b, host: b.x, tls_verify: false, health: { rise: 2, retry: { cap: 9s }, headers: { c: d } } }
routes:
  api: { host: api.x, workload: blog, health: { rise: 3 } }
  other: { host: o.x, workload: blog, upstream: "http://o" }
`;
    const own = healthOf(text);
    assert.deepEqual([own?.intervalMs, own?.rise, own?.tlsVerify], [60_000, 2, false]);
    assert.deepEqual(
      [own?.retry, own?.headers],
      [
        { max: 1, initialMs: 500, capMs: 9_000 },
        { a: "b", c: "d" },
      ],
    );
    const api = healthOf(text, "api");
    assert.deepEqual([api?.intervalMs, api?.rise, api?.tlsVerify], [60_000, 3, false]);
    assert.deepEqual(
      healthOf(text, "other"),
      healthSpec(),
      "what is asked of the workload is not asked of another address",
    );
  });

  it("keeps one object for all that say the same", () => {
    const routes = ["a", "b"].map(
      (name) => `  ${name}: { host: ${name}.x, upstream: "http://a", health: { rise: 2 } }\n`,
    );
    const text = `routes:\n${routes.join("")}`;
    const result = load(text);
    assert.ok(result.ok);
    assert.equal(result.config.routes[0]?.health, result.config.routes[1]?.health);
  });

  for (const [keys, error] of [
    ["{ interval: -5s }", '3 workloads.blog.health.interval: "-5s" is not a duration'],
    ["{ interval: 10ms }", '3 workloads.blog.health.interval: "10ms" is too short (at least 1s)'],
    ["{ timeout: 1m }", "3 workloads.blog.health.timeout: the timeout (60 s) is longer than the interval (30 s)"],
    [
      "{ interval: 5s, timeout: 6s }",
      "3 workloads.blog.health.timeout: the timeout (6 s) is longer than the interval (5 s)",
    ],
    ["{ kind: ping }", "3 workloads.blog.health.kind: unknown key"],
    ["{ retries: -2 }", '3 workloads.blog.health.retries: "-2" is too small (at least -1)'],
    ["{ status: 9 }", '3 workloads.blog.health.status: "9" is not a range of HTTP statuses such as 200-399'],
    ["{ method: HEAD, body: x }", "3 workloads.blog.health.body: an answer to HEAD has no body"],
    ['{ headers: { "a b": c } }', "3 workloads.blog.health.headers.a b: is not a header that can be sent"],
  ] as const) {
    it(`refuses ${keys} at its place`, () => {
      const [line = "", ...rest] = errorsOf(
        `# one\n# two\n${blog(keys)}`.replace("# two\nworkloads:\n", "workloads:\n"),
      );
      assert.match(line, /^nodoff\.yaml:3:\d+ /);
      assert.equal(line.replace(/^nodoff\.yaml:(\d+):\d+/, "$1"), error);
      assert.deepEqual(rest, []);
    });
  }

  it("refuses an interval below an inherited timeout where the interval stands", () => {
    const errors = errorsOf(`defaults: { health: { timeout: 8s } }\n${blog("{ interval: 5s }")}`);
    assert.deepEqual(errors, [
      "nodoff.yaml:3:46 workloads.blog.health.interval: the timeout (8 s) is longer than the interval (5 s)",
    ]);
  });

  it("refuses a body of an inherited HEAD, and a HEAD for an inherited body", () => {
    const place = "nodoff.yaml:3:46 workloads.blog.health";
    const words = "an answer to HEAD has no body";
    const errorsWith = (inherited: string, own: string) =>
      errorsOf(`defaults: { health: { ${inherited} } }\n${blog(`{ ${own} }`)}`);
    assert.deepEqual(errorsWith("method: HEAD", "body: x"), [`${place}.body: ${words}`]);
    assert.deepEqual(errorsWith("body: x", "method: HEAD"), [`${place}.method: ${words}`]);
    assert.deepEqual(errorsWith("method: HEAD", "method: GET, body: x"), []);
  });

  it("is read from labels, and wrong there leaves out that container alone", () => {
    const read = (labels: Record<string, string>) =>
      readLabels({
        labels: { "nodoff.enable": "true", "nodoff.host": "b.x", ...labels },
        containerName: "b",
        provider: "local",
        defaults: {},
        publicUrl: null,
        env: {},
      });
    const right = read({ "nodoff.health.path": "/up", "nodoff.health.interval": "5s" });
    assert.equal(right.kind === "spec" && right.routes[0]?.health.path, "/up");
    const wrong = read({ "nodoff.health.interval": "-5s" });
    assert.deepEqual(wrong.kind === "invalid" && wrong.errors.map(({ key }) => key), ["nodoff.health.interval"]);
    const long = read({ "nodoff.health.timeout": "1m" });
    assert.deepEqual(long.kind === "invalid" && long.errors.map(({ key }) => key), ["nodoff.health.timeout"]);
  });
});

describe("notify", () => {
  const all = ["health", "wake_failed", "stop_failed", "provider", "config"];

  it("reads every sender", () => {
    assert.deepEqual(
      notifyOf(
        "{ type: webhook, url: 'https://h/x', secret: s, headers: { A: 1 }, body: '[\"{{alias}}\"]', events: [health] }",
      ),
      [
        {
          name: "a",
          type: "webhook",
          url: "https://h/x",
          headers: { A: "1" },
          body: '["{{alias}}"]',
          secret: "s",
          events: ["health"],
        },
      ],
    );
    assert.deepEqual(notifyOf("{ type: webhook, url: 'https://h/x', secret: '' }"), [
      { name: "a", type: "webhook", url: "https://h/x", headers: {}, body: null, secret: null, events: all },
    ]);
    assert.deepEqual(notifyOf("{ type: ntfy, url: 'https://n/t' }"), [
      { name: "a", type: "ntfy", url: "https://n/t", token: null, events: all },
    ]);
    assert.deepEqual(notifyOf("{ type: gotify, url: 'https://g', token: t }"), [
      { name: "a", type: "gotify", url: "https://g", token: "t", events: all },
    ]);
    assert.deepEqual(notifyOf("{ type: discord, url: 'https://d' }"), [
      { name: "a", type: "discord", url: "https://d", events: all },
    ]);
    assert.deepEqual(notifyOf("{ type: slack, url: 'https://s' }"), [
      { name: "a", type: "slack", url: "https://s", events: all },
    ]);
    assert.deepEqual(notifyOf("{ type: smtp, url: 'smtp://m:25', from: a@b, to: [c@d] }"), [
      { name: "a", type: "smtp", url: "smtp://m:25", from: "a@b", to: ["c@d"], events: all },
    ]);
  });

  it("takes addresses, tokens and secrets from files", () => {
    const files = { u: "https://h/x\n", "/run/s": "s\n", t: "t", m: "smtps://u:p@m:465" };
    assert.deepEqual(notifyOf("{ type: webhook, url_file: u, secret_file: /run/s }", files), [
      { name: "a", type: "webhook", url: "https://h/x", headers: {}, body: null, secret: "s", events: all },
    ]);
    for (const type of ["ntfy", "gotify"] as const)
      assert.deepEqual(notifyOf(`{ type: ${type}, url_file: u, token_file: t }`, files), [
        { name: "a", type, url: "https://h/x", token: "t", events: all },
      ]);
    for (const type of ["discord", "slack"] as const)
      assert.equal(notifyOf(`{ type: ${type}, url_file: u }`, files)[0]?.url, "https://h/x");
    assert.equal(notifyOf("{ type: smtp, url_file: m, from: a@b, to: [c@d] }", files)[0]?.url, files.m);
  });

  for (const [keys, error] of [
    ["{ type: slack, url_file: none }", 'notify.a.url_file: "none" cannot be read: no such file'],
    ["{ type: slack, url_file: empty }", 'notify.a.url_file: "empty" is empty'],
    ["{ type: slack, url_file: word }", 'notify.a.url_file: "word" holds no URL that starts with https://, http://'],
    ["{ type: slack, url: 'https://s', url_file: web }", 'notify.a.url_file: give either "url" or "url_file"'],
    [
      "{ type: smtp, url_file: web, from: a@b, to: [c@d] }",
      'notify.a.url_file: "web" holds no URL that starts with smtps',
    ],
    ["{ type: gotify, url: 'https://g', token_file: empty }", 'notify.a.token_file: "empty" is empty'],
    ["{ type: discord }", 'notify.a.url: is missing (or give "url_file")'],
  ] as const) {
    it(`refuses ${keys}, showing nothing of a secret`, () => {
      const files = { empty: "\n", word: "hunter2", web: "https://hunter2" };
      const [line = "", ...rest] = errorsOf(`notify:\n  a: ${keys}\n`, files);
      assert.ok(line.replace(/^nodoff\.yaml:2:\d+ /, "").startsWith(error), line);
      assert.ok(!line.includes("hunter2"));
      assert.deepEqual(rest, []);
    });
  }

  for (const [keys, error] of [
    [
      "{ type: pager, url: 'https://x' }",
      'notify.a.type: "pager" is not one of webhook, ntfy, gotify, discord, slack, smtp',
    ],
    ["{ type: webhook, url: 'ftp://x' }", 'notify.a.url: "ftp://x" is not a URL that starts with https://, http://'],
    ["{ type: webhook, url: 'https://x', body: '{{titel}}' }", "notify.a.body: "],
    ["{ type: webhook, url: 'https://x', body: '{{alias}}' }", "notify.a.body: is no JSON once it is filled in"],
    ["{ type: webhook, url: 'https://x', body: '{\"l\": {{latency_ms}} }' }", "notify.a.body: is no JSON once"],
    ["{ type: webhook, url: 'https://x', events: [helth] }", 'notify.a.events.0: "helth" is not one of health, '],
    ["{ type: gotify, url: 'https://x' }", "notify.a.token: is missing"],
    ["{ type: smtp, url: 'smtp://x', from: me, to: [a@b] }", 'notify.a.from: "me" is not a mail address'],
    ["{ type: smtp, url: 'smtp://x', from: a@b, to: [] }", "notify.a.to: must not be empty"],
  ] as const) {
    it(`refuses ${keys}`, () => {
      const [line = "", ...rest] = errorsOf(`notify:\n  a: ${keys}\n`);
      assert.ok(line.replace(/^nodoff\.yaml:2:\d+ /, "").startsWith(error), line);
      assert.deepEqual(rest, []);
    });
  }
});
