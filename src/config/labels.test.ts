import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatLabelError, readLabels } from "./labels.ts";
import type { LabelInput, LabelReading } from "./labels.ts";
import { loadConfig } from "./load.ts";

const base: LabelInput = { labels: {}, containerName: "blog-web", provider: "local", defaults: {}, publicUrl: null };

function read(labels: Record<string, string>, more: Partial<LabelInput> = {}): LabelReading {
  return readLabels({ ...base, ...more, labels: { "nodoff.enable": "true", ...labels } });
}

function specOf(labels: Record<string, string>, more: Partial<LabelInput> = {}): LabelReading & { kind: "spec" } {
  const reading = read(labels, more);
  assert.ok(
    reading.kind === "spec",
    reading.kind === "invalid" ? reading.errors.map(formatLabelError).join("\n") : "none",
  );
  return reading;
}

function errorsOf(labels: Record<string, string>, more: Partial<LabelInput> = {}): string[] {
  const reading = read(labels, more);
  return reading.kind === "invalid" ? reading.errors.map(formatLabelError) : [];
}

function defaultsOf(text: string) {
  const result = loadConfig({ file: "n.yaml", env: {}, readFile: () => text });
  assert.ok(result.ok);
  return result.config.defaults;
}

describe("who is opted in", () => {
  for (const labels of [
    {},
    { "nodoff.host": "a.x" },
    { "nodoff.enable": "false" },
    { "nodoff.enable": "FALSE", "nodoff.x": "1" },
  ])
    it(`nobody by ${JSON.stringify(labels)}`, () => assert.equal(readLabels({ ...base, labels }).kind, "none"));
  it("but labels without the switch are told of, unless it is off", () => {
    const notesOf = (labels: Readonly<Record<string, string>>) => {
      const read = readLabels({ ...base, labels });
      return read.kind === "none" ? read.notes?.map(formatLabelError) : assert.fail(read.kind);
    };
    const told = "without nodoff.enable=true nodoff leaves this container alone";
    assert.deepEqual(notesOf({ "nodoff.enabled": "true" }), [`label blog-web nodoff.enabled: ${told}`]);
    assert.equal(notesOf({ "nodoff.enable": "false", "nodoff.host": "a.x" }), undefined);
    assert.equal(notesOf({ "traefik.enable": "true" }), undefined);
  });
  it("a wrong switch is not taken for off", () => {
    assert.deepEqual(errorsOf({ "nodoff.enable": "yes" }), [
      'label blog-web nodoff.enable: "yes" is not true or false',
    ]);
  });
});

describe("labels", () => {
  it("give the same workload and route as the same keys in the file", () => {
    const { workload, routes } = specOf({
      "nodoff.host": "Blog.example.com",
      "nodoff.port": "2368",
      "nodoff.idle_timeout": "5m",
      "nodoff.min_awake": "0",
      "nodoff.stop_method": "pause",
      "nodoff.show_details": "true",
      "nodoff.display_name": "2048",
      "nodoff.ready.http": "/up",
      "nodoff.ready.status": "200",
      "nodoff.loading.log_lines": "5",
      "nodoff.no_wake": "[{ path: /metrics, methods: [GET] }]",
      "nodoff.wake_quota": "10/1m",
      "nodoff.asleep_answer": "{ status: 200, body: dormant }",
      "nodoff.depends_on": "a, b:healthy",
      "nodoff.depends_on_sleep": "true",
      "nodoff.dry_run": "true",
      "nodoff.schedule.awake": '["0 8 * * 1-5 for 10h"]',
      "nodoff.schedule.asleep": "0 1,3 * * * for 1h, 0 20 * * * for 2h",
      "nodoff.schedule.timezone": "Europe/Berlin",
      "nodoff.activity.network.floor": "1kB/s",
      "nodoff.activity.cpu": "false",
    });
    const text = `workloads:
  blog-web:
    container: blog-web
    host: blog.example.com
    port: 2368
    idle_timeout: 5m
    min_awake: 0
    stop_method: pause
    show_details: true
    display_name: "2048"
    ready: { http: /up, status: 200 }
    loading: { log_lines: 5 }
    no_wake: [{ path: /metrics, methods: [GET] }]
    wake_quota: 10/1m
    asleep_answer: { status: 200, body: dormant }
    depends_on: [a, "b:healthy"]
    depends_on_sleep: true
    dry_run: true
    schedule:
      timezone: Europe/Berlin
      awake: ["0 8 * * 1-5 for 10h"]
      asleep: ["0 1,3 * * * for 1h", "0 20 * * * for 2h"]
    activity: { network: { floor: 1kB/s }, cpu: false }
`;
    const file = loadConfig({ file: "n.yaml", env: {}, readFile: () => text });
    assert.ok(file.ok);
    assert.deepEqual({ ...workload, source: "file" }, file.config.workloads[0]);
    assert.deepEqual(
      routes.map((route) => Object.assign(route, { source: "file" })),
      file.config.routes,
    );
  });

  it("give tiers as one YAML value", () => {
    const { workload } = specOf({ "nodoff.tiers": "[{after: 5m, do: pause}, {after: 2h, do: stop}]" });
    assert.deepEqual(
      [workload.idleTimeoutMs, workload.stopMethod, workload.deeper],
      [300_000, "pause", [{ afterMs: 7_200_000, method: "stop" }]],
    );
  });

  it("follow dependants where no door leads to it and no label says when it sleeps", () => {
    const follows = (labels: Record<string, string>, more: Partial<LabelInput> = {}): boolean =>
      specOf(labels, more).workload.followsDependants;
    assert.equal(follows({}, { defaults: defaultsOf("defaults: { idle_timeout: 1h }\n") }), true);
    assert.equal(follows({ "nodoff.idle_timeout": "1h" }), false);
    assert.equal(follows({ "nodoff.tiers": "[{after: 5m, do: pause}]" }), false);
    assert.equal(follows({ "nodoff.host": "a.x" }), false);
    assert.equal(follows({ "nodoff.exclude": "true" }), false);
    assert.equal(follows({ "traefik.http.routers.r.rule": "Host(`a.x`)" }), false);
  });

  it("may name as a dependency what has the container's service name elsewhere", () => {
    const labels = { "com.docker.compose.service": "web", "nodoff.name": "mine", "nodoff.depends_on": "web" };
    assert.deepEqual(errorsOf(labels), [
      'label blog-web nodoff.depends_on.0: "web" is this workload itself: take it out',
    ]);
    assert.deepEqual(errorsOf(labels, { takenAliases: new Set(["web"]) }), []);
  });

  it("say that they come from their provider", () => {
    const { workload, routes } = specOf({ "nodoff.host": "a.x" });
    assert.deepEqual([workload.source, workload.provider, routes[0]?.source], ["local", "local", "local"]);
  });

  it("take hosts as a comma list or a YAML list", () => {
    assert.deepEqual(specOf({ "nodoff.host": "a.x, b.x" }).routes[0]?.hosts, ["a.x", "b.x"]);
    assert.deepEqual(specOf({ "nodoff.hosts": "a.x,b.x" }).routes[0]?.hosts, ["a.x", "b.x"]);
    assert.deepEqual(specOf({ "nodoff.hosts": "[a.x, '*.b.x']" }).routes[0]?.hosts, ["a.x", "*.b.x"]);
  });

  it("keep text as it is, whatever YAML would make of it", () => {
    const { workload } = specOf({ "nodoff.ready.log": "/[a-z]+: ready/", "nodoff.display_name": "Blog: # the [best]" });
    assert.equal(workload.ready.log, "[a-z]+: ready");
    assert.equal(workload.displayName, "Blog: # the [best]");
  });

  it("are a dependency only, without a host", () => {
    const { workload, routes } = specOf({});
    assert.equal(workload.upstream, null);
    assert.deepEqual(routes, []);
  });

  it("start from the defaults of the file", () => {
    const defaults = defaultsOf(
      "defaults: { idle_timeout: 1m, hold: 1s, provider: other, ready: { delay: 1s } }\nproviders: { other: { type: docker } }\n",
    );
    const { workload, routes } = specOf(
      { "nodoff.host": "a.x", "nodoff.hold": "2s", "nodoff.ready.http": "/" },
      { defaults },
    );
    assert.deepEqual([workload.idleTimeoutMs, workload.ready.delayMs, routes[0]?.door.holdMs], [60_000, 1000, 2000]);
    assert.equal(workload.provider, "local");
  });

  it("declare more routes to the same container", () => {
    const { routes } = specOf({
      "nodoff.host": "a.x",
      "nodoff.tls_verify": "false",
      "nodoff.routes.api.host": "api.x",
      "nodoff.routes.api.path": "/v1",
      "nodoff.routes.api.port": "9000",
      "nodoff.routes.api.hold": "1s",
    });
    assert.deepEqual(
      routes.map(({ alias, hosts, path, workload, upstream, tlsVerify, door }) => [
        alias,
        hosts,
        path,
        workload,
        upstream,
        tlsVerify,
        door.holdMs,
      ]),
      [
        ["blog-web", ["a.x"], "/", "blog-web", null, false, 25_000],
        ["api", ["api.x"], "/v1", "blog-web", { kind: "port", port: 9000, scheme: "http" }, false, 1000],
      ],
    );
  });

  for (const [what, labels, expected] of [
    [
      "a bare number",
      { "nodoff.idle_timeout": "5" },
      ['nodoff.idle_timeout: "5" is not a duration (did you mean "5m"?)'],
    ],
    [
      "an unknown key",
      { "nodoff.idle_timout": "5m" },
      ['nodoff.idle_timout: unknown key (did you mean "idle_timeout"?)'],
    ],
    ["an unknown key in a map", { "nodoff.ready.htp": "/" }, ['nodoff.ready.htp: unknown key (did you mean "http"?)']],
    ["a key of the file only", { "nodoff.container": "x" }, ["nodoff.container: unknown key"]],
    ["a later key", { "nodoff.listen": ":1" }, ['nodoff.listen: "listen" is not available yet']],
    [
      "a dependency on itself",
      { "nodoff.depends_on": "db,blog-web:healthy" },
      ['nodoff.depends_on.1: "blog-web" is this workload itself: take it out'],
    ],
    [
      "keys of groups",
      { "nodoff.group": "[a]", "nodoff.wake": "one" },
      ["nodoff.group: unknown key", 'nodoff.wake: unknown key (did you mean "name"?)'],
    ],
    ["a project", { "nodoff.compose": "a" }, ["nodoff.compose: unknown key"]],
    [
      "tiers beside idle_timeout",
      { "nodoff.tiers": "[{after: 5m, do: pause}]", "nodoff.idle_timeout": "5m" },
      ['nodoff.idle_timeout: give either "idle_timeout" or "tiers", which stands instead of it'],
    ],
    [
      "a wrong window",
      { "nodoff.schedule.awake": "0 8 * * 1-5 for ever" },
      ['nodoff.schedule.awake.0: "ever" is not a duration'],
    ],
    [
      "a schedule without windows",
      { "nodoff.schedule.timezone": "UTC" },
      ['nodoff.schedule: needs "awake" or "asleep"'],
    ],
    [
      "half a probe",
      { "nodoff.activity.probe.not": "0" },
      [
        'nodoff.activity.probe: needs "http" or "exec"',
        'nodoff.activity.probe.not: needs "json": where the value stands',
      ],
    ],
    ["YAML that is none", { "nodoff.no_wake": "[{" }, ['nodoff.no_wake: "[{" is not valid YAML']],
    ["a map that is none", { "nodoff.ready": "soon" }, ["nodoff.ready: must be a map"]],
    [
      "a wrong item",
      { "nodoff.no_wake": "[{ path: x }]" },
      ['nodoff.no_wake.0.path: "x" is not a path that starts with / or * (did you mean "/x"?)'],
    ],
    [
      "a value and a map at once",
      { "nodoff.ready": "{}", "nodoff.ready.http": "/" },
      ['nodoff.ready.http: "nodoff.ready" is given as one value too'],
    ],
    [
      "a key that is none",
      { "nodoff.": "x", "nodoff.a..b": "y", "nodoff.__proto__.x": "z" },
      ["nodoff.: is not a key", "nodoff.__proto__.x: is not a key", "nodoff.a..b: is not a key"],
    ],
    ["a word for a number", { "nodoff.port": "http" }, ['nodoff.port: "http" is not a whole number']],
    [
      "redirect without public_url",
      { "nodoff.strategy": "redirect" },
      ['nodoff.strategy: "redirect" needs public_url'],
    ],
    [
      "a method of VMs",
      { "nodoff.stop_method": "suspend" },
      ['nodoff.stop_method: "suspend" is not possible here (stop, pause, kill)'],
    ],
    [
      "a name that is none",
      { "nodoff.name": "a b" },
      ['nodoff.name: "a b" is not a name (letters, digits, ".", "_" and "-")'],
    ],
    ["a path without a host", { "nodoff.path": "/a" }, ['nodoff.path: needs "host"']],
    [
      "the same door twice",
      { "nodoff.host": "a.x", "nodoff.routes.b.host": "a.x" },
      ['nodoff.routes.b.host: "a.x" is served by "blog-web" already'],
    ],
  ] as const) {
    it(`tell of ${what}`, () =>
      assert.deepEqual(
        errorsOf(labels),
        expected.map((line) => `label blog-web ${line}`),
      ));
  }

  it("tell of everything at once, and still of the hosts", () => {
    const reading = read({
      "nodoff.host": "a.x,b.x",
      "nodoff.idle_timeout": "5",
      "nodoff.port": "x",
      "nodoff.routes.api.hosts": "c.x",
      "nodoff.routes.bad.host": "/",
    });
    assert.ok(reading.kind === "invalid");
    assert.deepEqual(reading.errors.map(({ key }) => key).sort(), [
      "nodoff.idle_timeout",
      "nodoff.port",
      "nodoff.routes.bad.host",
    ]);
    assert.deepEqual(reading.hosts, ["a.x", "b.x", "c.x"]);
    assert.equal(reading.alias, "blog-web");
  });
});

describe("the alias of a container", () => {
  const compose = { "com.docker.compose.service": "web", "com.docker.compose.project": "blog" };
  for (const [what, labels, taken, alias] of [
    ["its own name", {}, [], "blog-web"],
    ["the service", compose, [], "web"],
    ["project and service when that is taken", compose, ["web"], "blog-web"],
    ["its own name when those are", compose, ["web", "blog-web-x"], "blog-web"],
    ["nodoff.name before all", { ...compose, "nodoff.name": "mine" }, ["web"], "mine"],
  ] as const) {
    it(`is ${what}`, () => assert.equal(specOf(labels, { takenAliases: new Set(taken) }).workload.alias, alias));
  }

  it("is reported when nothing is free", () => {
    const takenAliases = new Set(["blog-web", "mine"]);
    assert.deepEqual(errorsOf({}, { takenAliases }), [
      'label blog-web nodoff.name: the alias "blog-web" is taken: needs nodoff.name',
    ]);
    assert.deepEqual(errorsOf({ "nodoff.name": "mine" }, { takenAliases }), [
      'label blog-web nodoff.name: the alias "mine" is taken',
    ]);
  });

  it("goes before the name of a route that is taken", () => {
    const labels = { "nodoff.host": "a.x", "nodoff.routes.api.host": "b.x" };
    assert.equal(specOf(labels, { takenAliases: new Set(["api"]) }).routes[1]?.alias, "blog-web-api");
    assert.deepEqual(errorsOf(labels, { takenAliases: new Set(["api", "blog-web-api"]) }), [
      'label blog-web nodoff.routes.api: the aliases "api" and "blog-web-api" are taken',
    ]);
  });
});

describe("routes read from another proxy's labels", () => {
  const traefik = {
    "traefik.http.routers.b.rule": "Host(`a.x`) || (Host(`b.x`) && PathPrefix(`/p`))",
    "traefik.http.services.b.loadbalancer.server.port": "2368",
  };

  it("have the workload's alias, then numbers; not served by us; handed over as Traefik learns of them", () => {
    const { workload, routes } = specOf(traefik, { takenAliases: new Set(["blog-web-2"]) });
    assert.deepEqual(workload.upstream, { kind: "port", port: 2368, scheme: "http" });
    assert.deepEqual(
      routes.map(({ alias, hosts, path, upstream, served, door }) => [
        alias,
        hosts,
        path,
        upstream,
        served,
        door.handOver,
      ]),
      [
        ["blog-web", ["a.x"], "/", null, false, "auto"],
        ["blog-web-3", ["b.x"], "/p", null, false, "auto"],
      ],
    );
  });

  it("keep their own port where it is another", () => {
    const { workload, routes } = specOf({
      "traefik.http.routers.a.rule": "Host(`a.x`)",
      "traefik.http.routers.a.service": "a",
      "traefik.http.routers.b.rule": "Host(`b.x`)",
      "traefik.http.routers.b.service": "b",
      "traefik.http.services.a.loadbalancer.server.port": "80",
      "traefik.http.services.b.loadbalancer.server.port": "81",
    });
    assert.deepEqual(workload.upstream, { kind: "port", port: 80, scheme: "http" });
    assert.deepEqual(
      routes.map(({ upstream }) => upstream),
      [null, { kind: "port", port: 81, scheme: "http" }],
    );
  });

  it("give way to our own labels", () => {
    const own = specOf({ ...traefik, "nodoff.host": "own.x" });
    assert.deepEqual(
      own.routes.map(({ hosts, served, door }) => [hosts, served, door.handOver]),
      [[["own.x"], true, "url"]],
    );
    const port = specOf({ ...traefik, "nodoff.port": "9", "nodoff.proxy": "true", "nodoff.hand_over": "url" });
    assert.deepEqual(port.workload.upstream, { kind: "port", port: 9, scheme: "http" });
    assert.deepEqual(
      port.routes.map(({ upstream, served, door }) => [upstream, served, door.handOver]),
      [
        [null, true, "url"],
        [null, true, "url"],
      ],
    );
    assert.deepEqual(
      specOf({ ...traefik, "nodoff.routes.r.host": "r.x" }).routes.map(({ hosts }) => hosts),
      [["r.x"]],
    );
  });

  it("are found by address behind Caddy and nginx-proxy", () => {
    const caddy = specOf({ caddy: "a.x", "caddy.reverse_proxy": "{{upstreams 8080}}" });
    assert.deepEqual(
      [caddy.routes[0]?.door.handOver, caddy.workload.upstream],
      ["url", { kind: "port", port: 8080, scheme: "http" }],
    );
    assert.deepEqual(specOf({}, { env: { VIRTUAL_HOST: "v.x" } }).routes[0]?.hosts, ["v.x"]);
  });

  it("make the container invalid where one cannot be read", () => {
    const reading = read({ ...traefik, "traefik.http.routers.c.rule": "HostRegexp(`.+`)" });
    assert.ok(reading.kind === "invalid");
    assert.deepEqual(reading.errors.map(formatLabelError), [
      "label blog-web traefik.http.routers.c.rule: cannot be read (HostRegexp is not a host or path prefix): needs nodoff.host",
    ]);
    assert.deepEqual(reading.hosts, ["a.x", "b.x"]);
  });
});
