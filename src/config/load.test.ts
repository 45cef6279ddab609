import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { healthSpec } from "../../test/support/specs.ts";
import { findConfigFile, formatConfigError, loadConfig } from "./load.ts";
import type { Config } from "./types.ts";

const files: Readonly<Record<string, string>> = { "/run/token": "s3cret\n", "conf/ca.pem": "CA", "/run/empty": "\n" };

function load(text: string, env: Record<string, string> = {}) {
  const readFile = (path: string): string => {
    const known = path === "nodoff.yaml" || path === "conf/nodoff.yaml" ? text : files[path];
    if (known === undefined) throw Object.assign(new Error("gone"), { code: "ENOENT" });
    return known;
  };
  return loadConfig({ file: "nodoff.yaml", env, readFile });
}

function errorsOf(text: string, env: Record<string, string> = {}): string[] {
  const result = load(text, env);
  return result.ok ? [] : result.errors.map(formatConfigError);
}

function configOf(text: string, env: Record<string, string> = {}): Config {
  const result = load(text, env);
  assert.ok(result.ok, result.ok ? "" : result.errors.map(formatConfigError).join("\n"));
  return result.config;
}

const blog = (keys: string): string => `workloads:\n  blog: { container: blog-web, host: b.example.com, ${keys} }\n`;

describe("errors of nodoff.yaml", () => {
  it("look as the contract says", () => {
    const text = `${"# a comment\n".repeat(9)}workloads:\n  blog:\n    idle_timeout: 5\n    container: blog-web\n`;
    assert.deepEqual(errorsOf(text), [
      'nodoff.yaml:12:5 workloads.blog.idle_timeout: "5" is not a duration (did you mean "5m"?)',
    ]);
  });

  const values: readonly (readonly [string, string])[] = [
    ["idle_timeout: 5 min", 'idle_timeout: "5 min" is not a duration (did you mean "5m"?)'],
    ["idle_timeout: 300", 'idle_timeout: "300" is not a duration (did you mean "300s"?)'],
    ["idle_timeout: 1h30", 'idle_timeout: "1h30" is not a duration (did you mean "1h30m"?)'],
    ["idle_timeout: soon", 'idle_timeout: "soon" is not a duration'],
    ["idle_timeout: [5m]", "idle_timeout: a list is not a duration"],
    ["idle_timeout: null", "idle_timeout: has no value"],
    ["idle_timeout: 500ms", 'idle_timeout: "500ms" is too short (0 = never, else at least 1s)'],
    ["idle_timeout: 25d", 'idle_timeout: "25d" is too long (at most 24d20h)'],
    ["wake_timeout: 10ms", 'wake_timeout: "10ms" is too short (at least 1s)'],
    ["idle_timout: 5m", 'idle_timout: unknown key (did you mean "idle_timeout"?)'],
    ["idleTimeout: 5m", 'idleTimeout: unknown key (did you mean "idle_timeout"?)'],
    ["colour: red", "colour: unknown key"],
    ["strategy: pge", 'strategy: "pge" is not one of auto, page, hold, redirect (did you mean "page"?)'],
    ["strategy: 5", 'strategy: "5" is not one of auto, page, hold, redirect'],
    ["strategy: redirect", 'strategy: "redirect" needs public_url'],
    ["stop_method: suspend", 'stop_method: "suspend" is not possible here (stop, pause, kill)'],
    ["stop_signal: SIGTREM", 'stop_signal: "SIGTREM" is not a signal (did you mean "SIGTERM"?)'],
    ["port: 0", 'port: "0" is too small (at least 1)'],
    ["port: 70000", 'port: "70000" is too large (at most 65535)'],
    ['port: "80"', 'port: "80" is not a whole number'],
    ["port: 8.5", 'port: "8.5" is not a whole number'],
    ["port: 80, upstream: http://b:80", 'port: give either "port" or "upstream"'],
    [
      "upstream: 'b:2368'",
      'upstream: "b:2368" is not an address such as http://host:port (did you mean "http://b:2368"?)',
    ],
    [
      "upstream: http://b:80/path",
      'upstream: "http://b:80/path" is not an address such as http://host:port (http, https, h2c, tcp; no path)',
    ],
    ["upstream: tcp://b:80", "upstream: a workload with a host needs an http, https or h2c upstream"],
    ["path: blog", 'path: "blog" is not a path prefix that starts with / (did you mean "/blog"?)'],
    ["path: /blog/*", 'path: "/blog/*" is not a path prefix that starts with / (did you mean "/blog"?)'],
    ["start_endpoint: start", 'start_endpoint: "start" is not a path that starts with / (did you mean "/start"?)'],
    ["path: /a, start_endpoint: /b", 'start_endpoint: "/b" is outside of path "/a": nothing could wake it'],
    ["wake_on: [{}]", "wake_on.0: needs one of path, methods, client, user_agent"],
    ["wake_on: { path: /a }", "wake_on: must be a list"],
    [
      "no_wake: [{ client: [10.0.0.0/33] }]",
      'no_wake.0.client.0: "10.0.0.0/33" is not an address or a CIDR such as 10.0.0.0/8',
    ],
    ["no_wake: [{ methods: GET }]", "no_wake.0.methods: must be a list"],
    ["wake_quota: 10", 'wake_quota: "10" is not a limit such as 10/1m'],
    ["ready: { log: '/(/' }", 'ready.log: "/(/" is not a regular expression: /(/u: Unterminated group'],
    ["ready: { status: 200-900 }", 'ready.status: "200-900" is not a range of HTTP statuses such as 200-399'],
    ["ready: soon", "ready: must be a map"],
    ["show_details: 'yes'", 'show_details: "yes" is not true or false'],
    ["display_name: 2048", 'display_name: 2048 is not text here: quote it ("2048")'],
    ["display_name: ''", "display_name: must not be empty"],
    ["asleep_answer: { status: 99 }", 'asleep_answer.status: "99" is too small (at least 200)'],
    ["activity: { cpu: { floor: 5 } }", 'activity.cpu.floor: "5" is not a percentage such as 5% (did you mean "5%"?)'],
    ["activity: { network: { floor: 256B } }", 'activity.network.floor: "256B" is not a rate such as 256B/s'],
    ["service: a/b", 'service: "container" is given too: only one of them can be what sleeps'],
    ["provider: lcoal", 'provider: "lcoal" is not a provider (did you mean "local"?)'],
  ];
  for (const [keys, expected] of values) {
    it(`${keys} → ${expected}`, () => {
      const errors = errorsOf(blog(keys)).filter((line) => !line.endsWith("is not available yet"));
      assert.deepEqual(
        errors.map((line) => line.replace(/^nodoff\.yaml:2:\d+ workloads\.blog\./, "")),
        [expected],
      );
    });
  }

  const whole: readonly (readonly [string, string, readonly string[]])[] = [
    ["an unknown section", "workload: {}\n", ['1:1 workload: unknown key (did you mean "workloads"?)']],
    ["a list for a map", "workloads: [a]\n", ["1:1 workloads: must be a map"]],
    ["a text for the whole", "hello\n", ["1:1 must be a map"]],
    [
      "an alias that is none",
      'workloads:\n  "a b": { container: a }\n',
      ['2:3 workloads.a b: "a b" is not a name (letters, digits, ".", "_" and "-")'],
    ],
    [
      "a host with a port",
      "workloads:\n  a:\n    container: a\n    hosts:\n      - https://a.example.com:443/x\n",
      ['5:9 workloads.a.hosts.0: "https://a.example.com:443/x" is not a host (did you mean "a.example.com"?)'],
    ],
    [
      "no target",
      "workloads:\n  a: { host: a.example.com }\n",
      ["2:3 workloads.a: needs one of container, compose, service, lxc, vm, process, group"],
    ],
    ["a path without a host", "workloads:\n  a: { container: a, path: /x }\n", ['2:22 workloads.a.path: needs "host"']],
    [
      "a wrong provider type",
      "providers:\n  x: { type: dokcer }\n",
      ['2:8 providers.x.type: "dokcer" is not one of docker, process, proxmox (did you mean "docker"?)'],
    ],
    [
      "a missing provider type",
      "providers:\n  x: { url: tcp://a }\n",
      ["2:3 providers.x.type: is missing: one of docker, process, proxmox"],
    ],
    [
      "a key of another type",
      "providers:\n  x: { type: process, url: tcp://a }\n",
      ["2:23 providers.x.url: unknown key"],
    ],
    [
      "an ambiguous provider",
      "providers: { a: { type: docker }, b: { type: docker } }\nworkloads:\n  c: { container: c }\n",
      ["3:3 workloads.c.provider: is missing: one of a, b"],
    ],
    [
      "no provider of the type",
      "workloads:\n  c: { process: { command: [a] }, port: 1 }\n",
      ['2:8 workloads.c.process: needs a provider of type process under "providers"'],
    ],
    [
      "a provider of another type",
      "providers: { p: { type: process } }\nworkloads:\n  c: { provider: p, container: c }\n",
      ['3:8 workloads.c.provider: "p" is of type process: it has no container'],
    ],
    [
      "the same container twice",
      "workloads:\n  a: { container: x }\n  b: { container: x }\n",
      ['3:8 workloads.b.container: "x" is workload "a" already'],
    ],
    [
      "the same host twice",
      "workloads:\n  a: { container: a, host: X.example.com }\n  b: { container: b, host: x.example.com. }\n",
      ['3:22 workloads.b.host: "x.example.com" is served by "a" already'],
    ],
    [
      "the same host and path twice",
      "workloads:\n  a: { container: a, host: a.x, path: /p }\nroutes:\n  b: { host: a.x, path: /p/, workload: a }\n",
      ['4:8 routes.b.host: "a.x/p" is served by "a" already'],
    ],
    [
      "an alias twice",
      "workloads:\n  a: { container: a, host: a.x }\nroutes:\n  a: { host: b.x, workload: a }\n",
      ['4:3 routes.a: the alias "a" is taken by the workload\'s own route'],
    ],
    ["a route to nothing", "routes:\n  a: { host: b.x }\n", ['2:3 routes.a: needs "workload" or "upstream"']],
    [
      "a route to nobody",
      "workloads:\n  blog: { container: a }\nroutes:\n  a: { host: b.x, workload: blgo }\n",
      ['4:19 routes.a.workload: "blgo" is not a workload (did you mean "blog"?)'],
    ],
    [
      "an HTTP route to TCP",
      "routes:\n  a: { host: b.x, upstream: tcp://b:80 }\n",
      ["2:19 routes.a.upstream: an HTTP route needs an http, https or h2c upstream"],
    ],
    [
      "a route with redirect",
      "workloads:\n  w: { container: w }\nroutes:\n  a: { host: b.x, workload: w, strategy: redirect }\n",
      ['4:32 routes.a.strategy: "redirect" needs public_url'],
    ],
    ["a token that is no text", "admin: { token: 12345 }\n", ["1:10 admin.token: is not text: put it in quotes"]],
    [
      "an unknown provider among the defaults",
      "defaults: { provider: lcoal }\n",
      ['1:13 defaults.provider: "lcoal" is not a provider (did you mean "local"?)'],
    ],
    [
      "a host among the defaults",
      "defaults: { host: a.x, strategy: redirect }\n",
      [
        "1:13 defaults.host: belongs to one workload: it cannot be a default",
        '1:24 defaults.strategy: "redirect" needs public_url',
      ],
    ],
    [
      "a process without port",
      "providers: { here: { type: process } }\nworkloads:\n  a: { process: { command: [a] }, host: a.x }\n",
      ['3:3 workloads.a: a process needs "port" or "upstream"'],
    ],
    [
      "an empty command",
      "providers: { here: { type: process } }\nworkloads:\n  a: { process: { command: [] } }\n",
      ["3:19 workloads.a.process.command: must not be empty"],
    ],
    [
      "a port alone to listen on",
      "listen: { hook: 8090 }\n",
      ['1:11 listen.hook: "8090" is not an address to listen on (did you mean ":8090"?)'],
    ],
    [
      "a public_url with a path",
      "public_url: https://a.x/p\n",
      ['1:1 public_url: "https://a.x/p" is not an address such as https://host:port (https, http; no path)'],
    ],
    [
      "an untrusted network",
      "trusted_proxies: [loopbak]\n",
      ['1:19 trusted_proxies.0: "loopbak" is not loopback, container_networks, private, an address or a CIDR'],
    ],
    [
      "both kinds of token",
      "admin: { token: a, token_file: /run/token }\n",
      ['1:20 admin.token_file: give either "token" or "token_file"'],
    ],
    [
      "a token file that is not there",
      "admin: { token_file: /run/none }\n",
      ['1:10 admin.token_file: "/run/none" cannot be read: no such file'],
    ],
    [
      "a password in plain text, which no message repeats",
      "admin: { users: { ops: { password_hash: geheim, role: operator } } }\n",
      ["1:26 admin.users.ops.password_hash: is not a password hash: `nodoff hash-password` makes one"],
    ],
    [
      "a hash that would take all memory",
      `admin: { users: { ops: { password_hash: "scrypt:4194304:8:1:${"A".repeat(22)}:${"A".repeat(43)}", role: viewer } } }\n`,
      ["1:26 admin.users.ops.password_hash: is not a password hash: `nodoff hash-password` makes one"],
    ],
    [
      "a header that is none",
      "admin: { trusted_header: { name: 'Remote User', from: [10.0.0.0/8] } }\n",
      ['1:28 admin.trusted_header.name: "Remote User" is not the name of a header'],
    ],
    [
      "no login where others reach it",
      "listen: { hook: ':8090' }\nadmin: { auth: none }\n",
      [
        '2:10 admin.auth: "none" is accepted only while listen.hook is a loopback address: set listen.hook to "127.0.0.1:8090", or use admin.users or admin.trusted_header',
      ],
    ],
    ["an empty token file", "admin: { token_file: /run/empty }\n", ['1:10 admin.token_file: "/run/empty" is empty']],
    ["an empty token", 'admin: { token: "${T:-}" }\n', ["1:10 admin.token: must not be empty"]],
    [
      "a variable that is not set",
      'admin: { token: "${T}" }\n',
      ["1:10 admin.token: the environment variable T is not set (${T:-…} gives a default)"],
    ],
    [
      "half of a certificate",
      "providers:\n  a: { type: docker, tls: { cert_file: /run/token } }\n",
      ['2:22 providers.a.tls: "cert_file" and "key_file" belong together'],
    ],
    [
      "wrong sources of activity",
      "signals:\n  caddy: { admin_url: 'localhost:2019' }\n  netns: { proc: proc }\n  traefik: { idle_conn_timeout: 90 }\n  poll: 10ms\n",
      [
        '2:12 signals.caddy.admin_url: "localhost:2019" is not an address such as http://127.0.0.1:2019 or unix:///run/caddy.sock (did you mean "http://localhost:2019"?)',
        '3:12 signals.netns.proc: "proc" is not a path that starts with / (did you mean "/proc"?)',
        '4:14 signals.traefik.idle_conn_timeout: "90" is not a duration (did you mean "90s"?)',
        '5:3 signals.poll: "10ms" is too short (at least 1s)',
      ],
    ],
    [
      "Caddy's own way to write a socket",
      "signals: { caddy: { admin_url: unix//run/caddy.sock } }\n",
      [
        '1:21 signals.caddy.admin_url: "unix//run/caddy.sock" is not an address such as http://127.0.0.1:2019 or unix:///run/caddy.sock (did you mean "unix:///run/caddy.sock"?)',
      ],
    ],
    ["no address of Caddy", "signals: { caddy: {} }\n", ["1:12 signals.caddy.admin_url: is missing"]],
    ["a key given twice", "log: { level: info }\nlog: { level: warn }\n", ["2:1 log: is given twice"]],
  ];
  for (const [what, text, expected] of whole) {
    it(`tell of ${what}`, () =>
      assert.deepEqual(
        errorsOf(text),
        expected.map((line) => `nodoff.yaml:${line}`),
      ));
  }

  it("come all at once and in order, cross checks included", () => {
    const text =
      "workloads:\n  a: { container: a, port: x }\n  b: { container: b, provider: none }\n  c: { container: c, strategy: x }\nrouts: {}\nroutes:\n  r: { host: r.x, workload: a }\n";
    assert.deepEqual(
      errorsOf(text).map((line) => line.split(" ")[1]),
      ["workloads.a.port:", "workloads.b.provider:", "workloads.c.strategy:", "routs:"],
    );
  });

  it("say nothing about what a wrong entry would have been", () => {
    const text =
      "providers:\n  p: { type: prox }\nworkloads:\n  w: { provider: p, container: w }\n  v: { container: v }\npublic_url: nowhere\ndefaults: { strategy: redirect }\n";
    assert.deepEqual(
      errorsOf(text).map((line) => line.split(" ")[1]),
      ["providers.p.type:", "public_url:"],
    );
  });

  it("report broken YAML by its place alone", () => {
    const [error, ...others] = errorsOf("a: b: c\n");
    assert.match(error ?? "", /^nodoff\.yaml:1:4 [A-Z]/);
    assert.deepEqual(others, []);
  });

  it("report a file that cannot be read", () => {
    const readFile = (): string => {
      throw Object.assign(new Error("no"), { code: "EACCES" });
    };
    const result = loadConfig({ file: "/etc/n.yaml", env: {}, readFile });
    assert.deepEqual(result.ok ? [] : result.errors.map(formatConfigError), [
      "/etc/n.yaml:1:1 cannot be read: not allowed",
    ]);
  });

  it("report an engine address that no provider could use", () => {
    const wrong = {
      "unix://docker.sock": "needs an absolute path, such as unix:///var/run/docker.sock",
      "tcp://": "names no host",
      "tcp://docker:2375/v1.41": "has a path: an engine's address has none",
      "docker:2375": "is not a URL that starts with unix://, tcp://, http://, https://, ssh://",
    };
    for (const [url, why] of Object.entries(wrong)) {
      const file = `providers:\n  local: { type: docker, url: "${url}" }\n`;
      assert.deepEqual(errorsOf(file), [`nodoff.yaml:2:26 providers.local.url: "${url}" ${why}`]);
      assert.deepEqual(errorsOf("", { DOCKER_HOST: url }), [
        `nodoff.yaml:1:1 providers.local: DOCKER_HOST: "${url}" ${why}`,
      ]);
    }
  });

  it("report wrong environment variables that stand in for keys", () => {
    assert.deepEqual(errorsOf("log: {}\n", { NODOFF_LISTEN: "8090", DOCKER_HOST: "ssh://host" }), [
      'nodoff.yaml:1:1 providers.local: DOCKER_HOST: "ssh://host" is not available yet',
      'nodoff.yaml:1:1 listen.hook: NODOFF_LISTEN: "8090" is not an address to listen on',
    ]);
  });
});

describe("what nodoff.yaml becomes", () => {
  it("is all default without a file", () => {
    const readFile = (): string => assert.fail("nothing to read");
    const result = loadConfig({ file: null, env: {}, readFile });
    assert.ok(result.ok);
    const { config } = result;
    assert.deepEqual(config.providers, [
      {
        type: "docker",
        name: "local",
        url: "unix:///var/run/docker.sock",
        tls: null,
        discover: true,
        labels: ["nodoff"],
        matchDomains: [],
        network: null,
      },
    ]);
    const hook = { host: "127.0.0.1", port: 8090 };
    assert.deepEqual(config.listen, { hook, proxy: null, fallback: null, tls: null, acceptProxy: false });
    assert.deepEqual(config.trustedProxies, [{ group: "loopback" }, { group: "container_networks" }]);
    assert.deepEqual(config.limits, {
      waitersPerWorkload: 1000,
      waiters: 20_000,
      statusPerClient: { count: 20, perMs: 10_000 },
      logsPerClient: { count: 5, perMs: 10_000 },
    });
    assert.deepEqual([config.workloads, config.routes, config.warnings], [[], [], []]);
    assert.deepEqual(config.signals, { caddy: null, traefik: null, poolIdleMs: 90_000, proc: "/proc", pollMs: 10_000 });
    assert.equal(config.publicUrl, null);
    assert.equal(config.stateDir, "/var/lib/nodoff");
    assert.equal(config.unknownHost, "allow");
  });

  it("keeps discovery where the file names no providers, and drops it where it names others", () => {
    assert.deepEqual(
      configOf("log: { level: debug }\n").providers.map(({ name, type }) => [name, type]),
      [["local", "docker"]],
    );
    assert.deepEqual(configOf("providers: { p: { type: process } }\n").providers, [{ type: "process", name: "p" }]);
  });

  it("takes NODOFF_LISTEN, DOCKER_HOST and its TLS files from the environment unless the file says otherwise", () => {
    const env = {
      NODOFF_LISTEN: ":8090",
      DOCKER_HOST: "tcp://d:2376",
      DOCKER_TLS_VERIFY: "1",
      DOCKER_CERT_PATH: "conf",
    };
    const readFile = (path: string): string => `<${path}>`;
    const result = loadConfig({ file: null, env, readFile });
    assert.ok(result.ok);
    assert.deepEqual(result.config.listen.hook, { host: null, port: 8090 });
    const [docker] = result.config.providers;
    assert.ok(docker?.type === "docker" && docker.url === "tcp://d:2376");
    assert.deepEqual(docker.tls, { ca: "<conf/ca.pem>", cert: "<conf/cert.pem>", key: "<conf/key.pem>" });
    const own = configOf("listen: { hook: 127.0.0.1:1 }\nproviders: { x: { type: docker, url: tcp://y:1 } }\n", env);
    assert.equal(own.listen.hook.port, 1);
    assert.deepEqual(
      own.providers.map((found) => found.type === "docker" && [found.url, found.tls]),
      [["tcp://y:1", null]],
    );
  });

  it("reads sources of activity", () => {
    const text =
      "signals:\n  caddy: { admin_url: 'http://Caddy:2019/' }\n  traefik: { idle_conn_timeout: 30s, api_url: 'http://Traefik:8080/' }\n  netns: { proc: /host/proc }\n  poll: 5s\n";
    assert.deepEqual(configOf(text).signals, {
      caddy: { adminUrl: "http://caddy:2019" },
      traefik: { apiUrl: "http://Traefik:8080" },
      poolIdleMs: 30_000,
      proc: "/host/proc",
      pollMs: 5000,
    });
    const socket = configOf('signals: { caddy: { admin_url: "unix:///run/caddy-admin.sock" } }\n').signals;
    assert.deepEqual([socket.caddy, socket.pollMs], [{ adminUrl: "unix:///run/caddy-admin.sock" }, 10_000]);
  });

  it("fills in a workload and its route", () => {
    const { workloads, routes } = configOf(
      "workloads:\n  blog: { container: blog-web, host: Blog.Example.COM., port: 2368 }\n",
    );
    assert.deepEqual(workloads, [
      {
        alias: "blog",
        provider: "local",
        kind: "container",
        ref: "blog-web",
        source: "file",
        displayName: "blog",
        upstream: { kind: "port", port: 2368, scheme: "http" },
        ready: { http: null, status: [[200, 399]], tcp: null, engineHealth: false, log: null, delayMs: 0 },
        idleTimeoutMs: 900_000,
        wakeTimeoutMs: 120_000,
        minAwakeMs: 30_000,
        stopMethod: "stop",
        stopSignal: null,
        stopTimeoutMs: null,
        loading: { theme: "default", title: null, icon: null, showLogs: false, logLines: 30, redirectPath: null },
        showDetails: false,
        deeper: [],
        sleeps: true,
        followsDependants: false,
        dependsOn: [],
        dependsOnSleep: false,
        members: [],
        wakeMembers: "all",
        activity: {
          connections: { required: false, staleAfterMs: null },
          network: { required: false, floorBytesPerS: 256 },
          cpu: { required: false, floorPercent: 5 },
          execSessions: true,
          probe: null,
        },
        schedule: null,
        dryRun: false,
      },
    ]);
    assert.deepEqual(routes, [
      {
        alias: "blog",
        kind: "http",
        source: "file",
        hosts: ["blog.example.com"],
        path: "/",
        stripPath: false,
        workload: "blog",
        upstream: null,
        door: {
          strategy: "auto",
          holdMs: 25_000,
          graceMs: 400,
          handOver: "url",
          startEndpoint: null,
          wakeOn: [],
          noWake: [],
          noCount: [],
          noWakeDefaults: true,
          asleepAnswer: null,
          wakeQuota: null,
        },
        served: true,
        tlsVerify: true,
        hostHeader: null,
        excluded: false,
        health: healthSpec(),
      },
    ]);
  });

  for (const [idle, minAwakeMs] of [
    ["1m", 30_000],
    ["5s", 5_000],
    ["0", 30_000],
  ] as const) {
    it(`min_awake follows idle_timeout ${idle}`, () => {
      assert.equal(configOf(blog(`idle_timeout: ${idle}`)).workloads[0]?.minAwakeMs, minAwakeMs);
    });
  }

  it("starts from the defaults: maps by key, no_wake and no_count add up, other lists replace", () => {
    const text = `defaults:
  idle_timeout: 1m
  ready: { delay: 1s, http: /up }
  no_wake: [{ path: /a }]
  wake_on: [{ path: /b }]
  port: 1
workloads:
  w: { container: w, host: w.x, upstream: http://w:80, ready: { http: /ok }, no_wake: [{ path: /c }], wake_on: [{ path: /d }] }
`;
    const { workloads, routes } = configOf(text);
    assert.equal(workloads[0]?.idleTimeoutMs, 60_000);
    assert.equal(workloads[0]?.ready.http, "/ok");
    assert.equal(workloads[0]?.ready.delayMs, 1000);
    assert.deepEqual(workloads[0]?.upstream, { kind: "url", url: "http://w" });
    assert.deepEqual(routes[0]?.door.noWake, [{ path: "/a" }, { path: "/c" }]);
    assert.deepEqual(routes[0]?.door.wakeOn, [{ path: "/d" }]);
  });

  it("lets a route take from its workload how it wakes, and how to talk to its address", () => {
    const text = `workloads:
  w: { container: w, upstream: https://w, tls_verify: false, host_header: w.local, hold: 5s, no_wake: [{ path: /a }] }
routes:
  same: { host: a.x, workload: w, grace: 0, no_wake: [{ path: /b }] }
  other: { host: b.x, workload: w, upstream: https://o, hold: 1s }
  free: { host: c.x, upstream: https://10.0.0.2:5001, tls_verify: false }
  port: { host: d.x, workload: w, port: 9000 }
`;
    const [same, other, free, port] = configOf(text).routes;
    assert.deepEqual(
      [same?.tlsVerify, same?.hostHeader, same?.door.holdMs, same?.door.graceMs],
      [false, "w.local", 5000, 0],
    );
    assert.deepEqual(same?.door.noWake, [{ path: "/a" }, { path: "/b" }]);
    assert.deepEqual([other?.tlsVerify, other?.hostHeader, other?.door.holdMs], [true, null, 1000]);
    assert.deepEqual(
      [free?.workload, free?.tlsVerify, free?.upstream],
      [null, false, { kind: "url", url: "https://10.0.0.2:5001" }],
    );
    assert.deepEqual(port?.upstream, { kind: "port", port: 9000, scheme: "http" });
  });

  for (const [what, keys, upstream] of [
    ["nobody", "", null],
    ["a host", "host: a.x", { kind: "port", port: null, scheme: "http" }],
    ["ready.http", "ready: { http: /up }", { kind: "port", port: null, scheme: "http" }],
    ["ready.tcp", "ready: { tcp: 5432 }", { kind: "port", port: 5432, scheme: "http" }],
    ["a TCP address", "upstream: 'tcp://db:80'", { kind: "url", url: "tcp://db:80" }],
    ["h2c on its usual port", "upstream: 'h2c://a'", { kind: "url", url: "h2c://a:80" }],
  ] as const) {
    it(`knows where a workload answers with ${what}`, () => {
      const config = configOf(`workloads:\n  w: { container: w, ${keys} }\n`);
      assert.deepEqual(config.workloads[0]?.upstream, upstream);
      assert.equal(config.routes.length, what === "a host" ? 1 : 0);
    });
  }

  it("gives a workload an address when only a route leads to it", () => {
    const { workloads, routes } = configOf("workloads:\n  w: { container: w }\nroutes:\n  r: { workload: w }\n");
    assert.deepEqual(workloads[0]?.upstream, { kind: "port", port: null, scheme: "http" });
    assert.deepEqual(routes[0]?.hosts, []);
  });

  it("reads processes, with paths from the folder of the file", () => {
    const text =
      'providers: { here: { type: process } }\nworkloads:\n  dev: { process: { command: [npm, run, dev], cwd: app, env: { PORT: 3000, x-y: "1" } }, host: dev.localhost, port: 3000 }\n';
    const result = loadConfig({ file: "/srv/nodoff.yaml", env: {}, readFile: () => text });
    assert.ok(result.ok);
    assert.deepEqual(
      [...result.config.processes],
      [
        [
          "dev",
          { provider: "here", command: ["npm", "run", "dev"], cwd: "/srv/app", env: { PORT: "3000", "x-y": "1" } },
        ],
      ],
    );
    assert.equal(result.config.workloads[0]?.ref, "dev");
  });

  it("reads secrets from files beside the file", () => {
    const text =
      "admin: { token_file: /run/token }\nproviders: { d: { type: docker, url: https://d, tls: { ca_file: ca.pem } } }\n";
    const readFile = (path: string): string =>
      path === "conf/nodoff.yaml" ? text : (files[path] ?? assert.fail(path));
    const result = loadConfig({ file: "conf/nodoff.yaml", env: {}, readFile });
    assert.ok(result.ok);
    assert.equal(result.config.admin.token, "s3cret");
    const [docker] = result.config.providers;
    assert.ok(docker?.type === "docker");
    assert.deepEqual(docker.tls, { ca: "CA", cert: null, key: null });
  });

  it("reads variables in the form their key has", () => {
    const text = blog('port: "${PORT}", show_details: "${SHOW}", display_name: "${NAME}", idle_timeout: "${IDLE:-7m}"');
    const { workloads } = configOf(text, { PORT: "3000", SHOW: "true", NAME: "[1]" });
    assert.deepEqual(workloads[0]?.upstream, { kind: "port", port: 3000, scheme: "http" });
    assert.equal(workloads[0]?.showDetails, true);
    assert.equal(workloads[0]?.displayName, "[1]");
    assert.equal(workloads[0]?.idleTimeoutMs, 420_000);
  });

  it("splits a variable for a list at its commas", () => {
    const { trustedProxies } = configOf('trusted_proxies: "${NETS}"\n', { NETS: "loopback, 10.0.0.0/8" });
    assert.deepEqual(trustedProxies, [{ group: "loopback" }, { cidr: "10.0.0.0/8" }]);
  });

  it("ignores x- keys at every level, unset variables in them included", () => {
    const text =
      'x-top: "${NONE}"\nlisten: { x-a: 1 }\nworkloads:\n  x-t: { nonsense: 1, health: {} }\n  w: { container: w, x-note: "${NONE}", ready: { x-b: 1, delay: 1s } }\nproviders: { x-p: 1, local: { type: docker, x-q: 1 } }\n';
    assert.equal(configOf(text).workloads[0]?.ready.delayMs, 1000);
  });

  it("merges templates", () => {
    const text =
      "x-base: &base { idle_timeout: 1m, hold: 1s }\nworkloads:\n  w: { <<: *base, container: w, host: w.x, hold: 2s }\n";
    const { workloads, routes } = configOf(text);
    assert.deepEqual([workloads[0]?.idleTimeoutMs, routes[0]?.door.holdMs], [60_000, 2000]);
  });

  it("takes empty sections as absent", () => {
    assert.equal(configOf("workloads:\nroutes:\ndefaults:\nlisten:\nproviders:\n").providers.length, 1);
    assert.equal(configOf("providers: {}\n").providers.length, 0);
  });

  it("accepts what is not available yet where it changes nothing", () => {
    configOf(
      "store: null\nbase_path: /\nadmin: { auth: required }\n" + blog("exclude: false, loading: { theme: default }"),
    );
  });

  it("never sleeps nor serves what is excluded", () => {
    const { workloads, routes } = configOf(blog("exclude: true"));
    assert.equal(workloads[0]?.idleTimeoutMs, 0);
    assert.equal(routes[0]?.excluded, true);
  });

  it("counts no request with activity.requests false", () => {
    assert.deepEqual(
      configOf(blog("activity: { requests: false }, no_count: [{ path: /a }]")).routes[0]?.door.noCount,
      [{ path: "/a" }, { path: "*" }],
    );
  });

  for (const [given, line, matches] of [
    ["/listen(ing)? on/", "now listening on 80", true],
    ["/LISTENING/i", "listening", true],
    ["ready (pid 1)", "Server ready (pid 1)", true],
    ["ready.", "ready!", false],
  ] as const) {
    it(`reads ready.log ${given}`, () => {
      const source = configOf(blog(`ready: { log: '${given}' }`)).workloads[0]?.ready.log ?? "";
      assert.equal(new RegExp(source, "u").test(line), matches);
    });
  }

  for (const [given, status] of [
    ["200-399", [[200, 399]]],
    ["200", [[200, 200]]],
    [
      '"200, 204,300-304"',
      [
        [200, 200],
        [204, 204],
        [300, 304],
      ],
    ],
    [
      "[200, 401-403]",
      [
        [200, 200],
        [401, 403],
      ],
    ],
  ] as const) {
    it(`reads ready.status ${given}`, () => {
      assert.deepEqual(configOf(blog(`ready: { http: /, status: ${given} }`)).workloads[0]?.ready.status, status);
    });
  }

  for (const [given, host] of [
    ["*.x.example", "*.x.example"],
    ["'**.x.example'", "**.x.example"],
    ["'*'", "*"],
    ["my_app.local", "my_app.local"],
    ["bücher.example", "xn--bcher-kva.example"],
    ["'[::1]'", "[::1]"],
    ["10.0.0.1", "10.0.0.1"],
  ] as const) {
    it(`reads the host ${given}`, () => {
      const text = `workloads:\n  w: { container: w, host: ${given.startsWith("*") ? `"${given}"` : given} }\n`;
      assert.deepEqual(configOf(text).routes[0]?.hosts, [host]);
    });
  }

  for (const given of ["a..b", "-a.x", "a b", "*a.x", "a.*.x", "**", "***.x", "a/b", "[::x]", "a,b"]) {
    it(`refuses the host ${given}`, () => {
      assert.equal(errorsOf(`workloads:\n  w: { container: w, host: "${given}" }\n`).length, 1);
    });
  }

  it("warns of what has no effect", () => {
    const text =
      "workloads:\n  w: { container: w, ready: { status: 200 } }\nroutes:\n  r: { host: r.x, upstream: http://r, hold: 1s }\n";
    assert.deepEqual(configOf(text).warnings.map(formatConfigError), [
      "nodoff.yaml:2:31 workloads.w.ready.status: has no effect without ready.http",
      "nodoff.yaml:4:39 routes.r.hold: has no effect without a workload",
    ]);
  });
});

describe("findConfigFile", () => {
  const find = (given: string | undefined, env: Record<string, string>, ...existing: string[]) =>
    findConfigFile({ given, env, exists: (path) => existing.includes(path) });

  it("prefers what was asked for, whether it exists or not", () => {
    assert.equal(find("a.yaml", { NODOFF_CONFIG: "b.yaml" }, "nodoff.yaml"), "a.yaml");
    assert.equal(find(undefined, { NODOFF_CONFIG: "b.yaml" }, "nodoff.yaml"), "b.yaml");
  });
  it("then looks here, then in /etc", () => {
    assert.equal(find(undefined, {}, "nodoff.yaml", "/etc/nodoff/nodoff.yaml"), "nodoff.yaml");
    assert.equal(find(undefined, {}, "/etc/nodoff/nodoff.yaml"), "/etc/nodoff/nodoff.yaml");
    assert.equal(find(undefined, {}), null);
  });
});
