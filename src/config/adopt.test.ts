import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseDuration } from "../core/duration.ts";
import { parseGoDuration, toDurationText } from "./adopting.ts";
import type { LabelPeer, LabelSystem } from "./adopting.ts";
import { formatLabelError, readLabels } from "./labels.ts";
import type { LabelReading } from "./labels.ts";
import { configOf, errorsOf } from "../../test/support/config-text.ts";

type Labels = Readonly<Record<string, string>>;

interface Options {
  readonly systems?: readonly LabelSystem[];
  readonly peers?: readonly LabelPeer[];
  readonly domains?: readonly string[];
  readonly name?: string;
}

const all: readonly LabelSystem[] = ["godoxy", "dag", "sablier"];

function read(labels: Labels, { systems = all, name = "app-1", ...rest }: Options = {}): LabelReading {
  return readLabels({
    labels,
    containerName: name,
    provider: "local",
    defaults: {},
    publicUrl: null,
    systems,
    ...rest,
  });
}

function specOf(labels: Labels, options: Options = {}) {
  const reading = read(labels, options);
  assert.equal(reading.kind, "spec", JSON.stringify(reading));
  assert.ok(reading.kind === "spec");
  const [route] = reading.routes;
  return { ...reading, route, notes: (reading.notes ?? []).map(({ key }) => key) };
}

function errorsIn(labels: Labels, options: Options = {}): readonly string[] {
  const reading = read(labels, options);
  return reading.kind === "invalid" ? reading.errors.map(formatLabelError) : [];
}

const notesOf = (reading: LabelReading): readonly string[] =>
  reading.kind === "invalid" ? [] : (reading.notes ?? []).map(formatLabelError);

describe("labels of other systems", () => {
  it("are read only where the provider names the system", () => {
    const dag = { "dag.enabled": "true", "dag.host": "a.test" };
    assert.equal(read(dag, { systems: [] }).kind, "none");
    assert.equal(read(dag, { systems: ["sablier"] }).kind, "none");
    assert.equal(read(dag, { systems: ["dag"] }).kind, "spec");
    const [docker] = configOf(
      "providers: { local: { type: docker, labels: [nodoff, dag, dag], match_domains: [Example.com] } }",
    ).providers;
    assert.ok(docker?.type === "docker");
    assert.deepEqual([docker.labels, docker.matchDomains], [["nodoff", "dag"], ["example.com"]]);
    assert.match(errorsOf("providers: { p: { type: docker, labels: [dagg] } }")[0] ?? "", /did you mean "dag"/);
  });

  it("give way to nodoff.enable, and their values to single nodoff labels", () => {
    const dag = { "dag.enabled": "true", "dag.host": "a.test", "dag.idle_timeout": "10m" };
    assert.equal(read({ ...dag, "nodoff.enable": "false" }).kind, "none");
    assert.deepEqual(specOf({ ...dag, "nodoff.enable": "true", "nodoff.host": "b.test" }).route?.hosts, ["b.test"]);
    const { workload, route } = specOf({ ...dag, "nodoff.idle_timeout": "5m" });
    assert.deepEqual([workload.idleTimeoutMs, route?.hosts], [300_000, ["a.test"]]);
  });
});

describe("labels of docker-gateway", () => {
  const dag = { "dag.enabled": "true", "dag.host": "a.test" };

  it("have its defaults: port 80, 60 s to start, never asleep", () => {
    const { workload, route, notes } = specOf(dag);
    assert.deepEqual(
      [workload.upstream, workload.wakeTimeoutMs, workload.idleTimeoutMs, notes],
      [{ kind: "port", port: 80, scheme: "http" }, 60_000, 0, []],
    );
    assert.deepEqual([route?.hosts, route?.served], [["a.test"], true]);
  });

  it("are adopted one by one", () => {
    const { workload, route, notes } = specOf({
      ...dag,
      "dag.target_port": "3000",
      "dag.start_timeout": "90s",
      "dag.idle_timeout": "1.5h",
      "dag.redirect_path": "/login",
      "dag.health_path": "/healthz",
      "dag.depends_on": "db, redis",
      "dag.schedule_start": "0 8 * * 1,3",
      "dag.schedule_stop": "30 18 * * 1,3",
      "dag.schedule_timezone": "Europe/Rome",
      "dag.network": "proxy",
      "dag.icon": "grafana",
      "dag.other": "x",
    });
    assert.deepEqual(workload.upstream, { kind: "port", port: 3000, scheme: "http" });
    assert.deepEqual([workload.wakeTimeoutMs, workload.idleTimeoutMs], [90_000, 5_400_000]);
    assert.equal(workload.loading.redirectPath, "/login");
    assert.deepEqual([workload.ready.http, workload.ready.status], ["/healthz", [[200, 299]]]);
    assert.equal(route?.health.path, "/healthz");
    assert.deepEqual(workload.dependsOn, [
      { name: "db", condition: "auto" },
      { name: "redis", condition: "auto" },
    ]);
    assert.equal(workload.dependsOnSleep, true);
    assert.deepEqual(workload.schedule, {
      timezone: "Europe/Rome",
      awake: [{ cron: "0 8 * * 1,3", durationMs: 37_800_000 }],
      asleep: [{ cron: "30 18 * * 1,3", durationMs: 48_600_000 }],
    });
    assert.deepEqual([...notes].sort(), ["dag.icon", "dag.network", "dag.other", "dag.schedule_stop"]);
  });

  it("take bare numbers: seconds, and 0 = never", () => {
    const { workload } = specOf({ ...dag, "dag.idle_timeout": "300", "dag.start_timeout": "0" });
    assert.equal(workload.idleTimeoutMs, 300_000);
    assert.equal(specOf({ ...dag, "dag.idle_timeout": "0" }).workload.idleTimeoutMs, 0);
  });

  it("that are wrong are told as they were written, and leave the container out", () => {
    assert.deepEqual(errorsIn({ ...dag, "dag.idle_timeout": "soon" }), [
      'label app-1 dag.idle_timeout: "soon" is not a duration such as 5m',
    ]);
    assert.match(
      errorsIn({ ...dag, "dag.target_port": "http" })[0] ?? "",
      /^label app-1 dag\.target_port: "http" is not/,
    );
    assert.match(errorsIn({ ...dag, "dag.idle_timeout": "100ms" })[0] ?? "", /^label app-1 dag\.idle_timeout: /);
    const left = read({ ...dag, "dag.idle_timeout": "soon" });
    assert.deepEqual(left.kind === "invalid" && left.hosts, ["a.test"]);
  });

  it("without a host make nothing of a container, as there, and say so", () => {
    const reading = read({ "dag.enabled": "true", "dag.idle_timeout": "5m" });
    assert.equal(reading.kind, "none");
    assert.match(notesOf(reading)[0] ?? "", /dag\.host: is missing: .* something depends on it/);
    assert.equal(read({ "dag.host": "a.test" }).kind, "none");
  });
});

describe("labels of Sablier", () => {
  const rule = { "traefik.http.routers.a.rule": "Host(`a.test`)" };
  const sablier = { "sablier.enable": "true", "sablier.group": "stack" };

  it("sleep after its default session, at the hosts of the proxy's labels", () => {
    const { workload, route } = specOf({
      ...sablier,
      ...rule,
      "traefik.http.services.a.loadbalancer.server.port": "81",
    });
    assert.equal(workload.idleTimeoutMs, 300_000);
    assert.deepEqual([route?.hosts, route?.served], [["a.test"], false]);
    assert.deepEqual(workload.upstream, { kind: "port", port: 81, scheme: "http" });
  });

  it("make a group: who has no host is woken with who has, and sleeps after it", () => {
    const peers = [
      { name: "app-1", labels: { ...sablier, ...rule } },
      { name: "worker", labels: sablier },
      { name: "db", labels: { "sablier.enable": "true", "sablier.group": "other, stack" } },
      { name: "stranger", labels: { "sablier.enable": "true" } },
      { name: "plain", labels: {} },
    ];
    assert.deepEqual(
      specOf({ ...sablier, ...rule }, { peers }).workload.dependsOn.map(({ name }) => name),
      ["db", "worker"],
    );
    const { workload, routes } = specOf(sablier, { peers, name: "worker" });
    assert.deepEqual([workload.followsDependants, routes], [true, []]);
    const lonely = read({ "sablier.enable": "true" }, { peers, name: "stranger" });
    assert.equal(lonely.kind, "none");
    assert.match(notesOf(lonely)[0] ?? "", /sablier\.enable: nothing leads to it: needs nodoff\.host/);
  });

  it("adopt delays and hours; the rest is told", () => {
    const { workload, notes } = specOf({
      ...sablier,
      ...rule,
      "sablier.ready-after": "30s",
      "sablier.running-hours": "09:00-18:30",
      "sablier.running-days": "Mon,Tue,fri",
      "sablier.ready-on-start": "true",
      "sablier.anti-affinity": "x",
      "sablier.idle.cpu": "0.1",
      "sablier.odd": "1",
    });
    assert.equal(workload.ready.delayMs, 30_000);
    assert.deepEqual(workload.schedule?.awake, [{ cron: "0 9 * * 1,2,5", durationMs: 34_200_000 }]);
    assert.deepEqual([...notes].sort(), [
      "sablier.anti-affinity",
      "sablier.idle.cpu",
      "sablier.odd",
      "sablier.ready-on-start",
    ]);
    const night = specOf({ ...sablier, ...rule, "sablier.running-hours": "22:00-06:00" }).workload.schedule;
    assert.deepEqual(night?.awake, [{ cron: "0 22 * * *", durationMs: 28_800_000 }]);
    assert.match(
      errorsIn({ ...sablier, ...rule, "sablier.running-days": "someday" })[0] ?? "",
      /is not a list of days/,
    );
  });

  it("leave alone what is only throttled there", () => {
    const reading = read({ ...sablier, ...rule, "sablier.idle.replicas": "1" });
    assert.equal(reading.kind, "none");
    assert.match(notesOf(reading)[0] ?? "", /sablier\.idle\.replicas: keeps it running/);
  });
});

describe("labels of GoDoxy", () => {
  const app = { "proxy.aliases": "app.test" };

  it("have its defaults: never asleep, 3 m to wake, 1 m to stop", () => {
    const { workload, route } = specOf(app);
    assert.deepEqual(
      [workload.idleTimeoutMs, workload.wakeTimeoutMs, workload.stopTimeoutMs, workload.stopMethod],
      [0, 180_000, 60_000, "stop"],
    );
    assert.deepEqual([route?.hosts, route?.served], [["app.test"], true]);
  });

  for (const spelling of ["proxy.", "proxy.idle_"]) {
    it(`about sleep are adopted in the spelling ${spelling}stop_method`, () => {
      const { workload, route } = specOf({
        ...app,
        "proxy.idle_timeout": "1h30s",
        [`${spelling}wake_timeout`]: "30s",
        [`${spelling}stop_timeout`]: "10",
        [`${spelling}stop_method`]: "pause",
        [`${spelling}stop_signal`]: "INT",
        [`${spelling}start_endpoint`]: "/start#top",
        [`${spelling}no_loading_page`]: "T",
        [`${spelling}depends_on`]: "database:redis",
      });
      assert.deepEqual(
        [workload.idleTimeoutMs, workload.wakeTimeoutMs, workload.stopTimeoutMs, workload.stopMethod],
        [3_630_000, 30_000, 10_000, "pause"],
      );
      assert.equal(workload.stopSignal, "SIGINT");
      assert.deepEqual([route?.door.startEndpoint, route?.door.strategy], ["/start", "hold"]);
      assert.deepEqual(
        workload.dependsOn.map(({ name, condition }) => `${name}:${condition}`),
        ["database:auto", "redis:auto"],
      );
      assert.equal(workload.dependsOnSleep, true);
    });
  }

  for (const [written, expected] of [
    ["redis", ["redis:auto"]],
    ["redis:service_healthy, postgres:service_started", ["redis:healthy", "postgres:started"]],
    ["- redis:service_healthy\n- postgres:service_started\n", ["redis:healthy", "postgres:started"]],
    ["[redis, init:service_completed_successfully]", ["redis:auto", "init:completed"]],
    ["redis:service_healthy:true", ["redis:healthy"]],
  ] as const) {
    it(`depends_on ${JSON.stringify(written)}`, () => {
      const { workload } = specOf({ ...app, "proxy.depends_on": written });
      assert.deepEqual(
        workload.dependsOn.map(({ name, condition }) => `${name}:${condition}`),
        expected,
      );
    });
  }

  it("name aliases: by name, by number and all at once; YAML as well as dots", () => {
    const { workload, routes } = specOf({
      "proxy.aliases": "web.test, api.test",
      "proxy.#1.port": "8080",
      "proxy.$2": "port: 9090:9091\nhealthcheck:\n  path: /up\n  use_get: true\n",
      "proxy.*.healthcheck": "interval: 10s\ntimeout: 2s",
      "proxy.api.test.ignored": "1",
      "proxy.#2.healthCheck.Retries": "5",
    });
    assert.deepEqual(workload.upstream, { kind: "port", port: 8080, scheme: "http" });
    const [web, api] = routes;
    assert.deepEqual([web?.hosts, web?.health.intervalMs, web?.health.path], [["web.test"], 10_000, "/"]);
    assert.deepEqual(
      [api?.hosts, api?.upstream, api?.health.path, api?.health.method, api?.health.timeoutMs, api?.health.retries],
      [["api.test"], { kind: "port", port: 9091, scheme: "http" }, "/up", "GET", 2_000, 5],
    );
  });

  it("let a dotted label win over YAML, and * over both, as there", () => {
    const labels = { "proxy.aliases": "a", "proxy.a": "port: 1\nhealthcheck: { path: /yaml }", "proxy.a.port": "2" };
    const domains = ["test"];
    const dotted = specOf(labels, { domains });
    assert.deepEqual(dotted.workload.upstream, { kind: "port", port: 2, scheme: "http" });
    assert.equal(dotted.route?.health.path, "/yaml");
    const { workload } = specOf({ ...labels, "proxy.*.port": "3" }, { domains });
    assert.deepEqual(workload.upstream, { kind: "port", port: 3, scheme: "http" });
  });

  it("take plural shortcuts", () => {
    const { workload, routes } = specOf({ "proxy.aliases": "a.test b.test", "proxy.ports": "81, 82" });
    assert.deepEqual(
      [workload.upstream, routes[1]?.upstream],
      [
        { kind: "port", port: 81, scheme: "http" },
        { kind: "port", port: 82, scheme: "http" },
      ],
    );
  });

  it("complete a short alias by match_domains; without it the container is left alone", () => {
    const labels = { "proxy.idle_timeout": "5m", "proxy.app.port": "8080" };
    const { route } = specOf(labels, { domains: ["example.com", ".example.org"], name: "app" });
    assert.deepEqual(route?.hosts, ["app.example.com", "app.example.org"]);
    const reading = read(labels, { name: "app" });
    assert.equal(reading.kind, "none");
    assert.match(
      notesOf(reading)[0] ?? "",
      /proxy\.aliases: "app" has no domain: needs nodoff\.host, or match_domains/,
    );
    assert.deepEqual(specOf({ ...labels, "nodoff.host": "x.test" }, { name: "app" }).route?.hosts, ["x.test"]);
  });

  it("with middlewares are not served by our own proxy, which has not got them", () => {
    const { route, notes } = specOf({ ...app, "proxy.#1.middlewares.oidc.allowed_users": "me", "proxy.#1.rules": "x" });
    assert.deepEqual(
      [route?.served, [...notes].sort()],
      [false, ["proxy.#1.middlewares.oidc.allowed_users", "proxy.#1.rules"]],
    );
    const own = { ...app, "proxy.#1.middlewares.x.y": "1", "nodoff.proxy": "true" };
    assert.equal(specOf(own).route?.served, true);
  });

  it("leave alone what is excluded, and what is only for others to depend on", () => {
    assert.equal(read({ ...app, "proxy.exclude": "true" }).kind, "none");
    const negative = read({ ...app, "proxy.idle_timeout": "-1s" });
    assert.equal(negative.kind, "none");
    assert.match(notesOf(negative)[0] ?? "", /idle_timeout: is negative/);
  });

  it("that are wrong or not adopted are told as they were written", () => {
    const wrong = errorsIn({
      ...app,
      "proxy.idle_timeout": "later",
      "proxy.stop_method": "freeze",
      "proxy.idle_stop_signal": "SIGUSR1",
      "proxy.no_loading_page": "yes",
      "proxy.#3.port": "1",
      "proxy.#1.port": "web",
    });
    assert.deepEqual(
      wrong.map((line) => /^label app-1 (\S+): /.exec(line)?.[1]),
      [
        "proxy.#3.port",
        "proxy.#1.port",
        "proxy.idle_timeout",
        "proxy.stop_method",
        "proxy.idle_stop_signal",
        "proxy.no_loading_page",
      ],
    );
    const { notes } = specOf({
      ...app,
      "proxy.foo": "bar",
      "proxy.#1.load_balance.link": "x",
      "proxy.#1.scheme": "https",
    });
    assert.deepEqual([...notes].sort(), ["proxy.#1.load_balance.link", "proxy.#1.scheme", "proxy.foo"]);
  });

  it("say nothing of a container that has none of them", () => {
    assert.deepEqual(read({ "com.docker.compose.service": "x" }), { kind: "none" });
  });
});

describe("durations of Go", () => {
  it("are read with the units GoDoxy adds, and bare numbers as seconds", () => {
    for (const [text, ms] of [
      ["1h30m", 5_400_000],
      ["1.5h", 5_400_000],
      ["1d2h", 93_600_000],
      ["1w", 604_800_000],
      ["1M", 2_592_000_000],
      ["90", 90_000],
      ["-1s", -1_000],
      ["0", 0],
      ["", undefined],
      ["5 minutes", undefined],
    ] as const)
      assert.equal(parseGoDuration(text), ms, text);
  });

  it("mean the same in nodoff's words", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 - 1 }), (ms) => {
        assert.equal(parseDuration(toDurationText(ms)), ms);
      }),
    );
  });
});
