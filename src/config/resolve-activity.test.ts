import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ActivitySpec } from "../core/spec.ts";
import { configOf, errorsOf } from "../../test/support/config-text.ts";
import { activitySpec } from "../../test/support/specs.ts";
import { readLabels } from "./labels.ts";

const workload = (keys: string): string => `workloads:\n  w: { container: w, ${keys} }\n`;

function activityOf(keys: string, before = ""): ActivitySpec | undefined {
  return configOf(before + workload(keys)).workloads[0]?.activity;
}

function labelled(labels: Record<string, string>) {
  const reading = readLabels({
    labels: { "nodoff.enable": "true", ...labels },
    containerName: "w",
    provider: "local",
    defaults: {},
    publicUrl: null,
  });
  assert.ok(reading.kind !== "none");
  return reading;
}

function labelledActivity(labels: Record<string, string>): ActivitySpec {
  const reading = labelled(labels);
  assert.ok(reading.kind === "spec", JSON.stringify(reading));
  return reading.workload.activity;
}

describe("what counts as use", () => {
  for (const [keys, expected] of [
    ["", {}],
    ["activity: {}", {}],
    ["activity: { connections: false, network: false, cpu: false }", { connections: null, network: null, cpu: null }],
    ["activity: { connections: true, network: }", {}],
    ["activity: { exec_sessions: false }", { execSessions: false }],
    [
      "activity: { connections: { required: true, stale_after: 30m } }",
      { connections: { required: true, staleAfterMs: 1_800_000 } },
    ],
    ["activity: { connections: { stale_after: null } }", {}],
    ["activity: { network: { floor: 1kB/s, required: true } }", { network: { required: true, floorBytesPerS: 1000 } }],
    // 0.07 * 100 is not 7 in floating point.
    ["activity: { cpu: { floor: 7% } }", { cpu: { required: false, floorPercent: 7 } }],
    ["activity: { cpu: { floor: 0.5% } }", { cpu: { required: false, floorPercent: 0.5 } }],
  ] as const) {
    it(`is read from ${keys === "" ? "nothing" : keys}`, () =>
      assert.deepEqual(activityOf(keys), activitySpec(expected)));
  }

  it("is the same by labels, in either form", () => {
    assert.deepEqual(
      labelledActivity({
        "nodoff.activity.network.floor": "1kB/s",
        "nodoff.activity.cpu": "false",
        "nodoff.activity.connections": "{ stale_after: 5m }",
        "nodoff.activity.exec_sessions": "False",
      }),
      activitySpec({
        network: { required: false, floorBytesPerS: 1000 },
        cpu: null,
        connections: { required: false, staleAfterMs: 300_000 },
        execSessions: false,
      }),
    );
    assert.deepEqual(labelledActivity({ "nodoff.activity.network": "TRUE" }), activitySpec());
  });

  it("is switched by a variable", () => {
    const text = workload('activity: { cpu: "${CPU}", network: "${NET}" }');
    assert.deepEqual(configOf(text, { CPU: "false", NET: "true" }).workloads[0]?.activity, activitySpec({ cpu: null }));
  });

  it("starts from the defaults, signal by signal and key by key; a probe is replaced as a whole", () => {
    const defaults =
      "defaults:\n  activity: { cpu: { floor: 10%, required: true }, network: false, connections: { required: true }, probe: { http: /a, match: x } }\n";
    assert.deepEqual(
      activityOf("activity: { cpu: { floor: 20% }, network: {}, probe: { exec: [busy] } }", defaults),
      activitySpec({
        cpu: { required: true, floorPercent: 20 },
        connections: { required: true, staleAfterMs: null },
        probe: { kind: "exec", command: ["busy"] },
      }),
    );
    assert.equal(activityOf("activity: { cpu: false }", defaults)?.cpu, null);
  });

  for (const [keys, expected] of [
    ["activity: { cpu: 5% }", "activity.cpu: must be a map"],
    ["activity: { network: { flor: 1kB/s } }", 'activity.network.flor: unknown key (did you mean "floor"?)'],
    ["activity: { network: { floor: 1kB } }", 'activity.network.floor: "1kB" is not a rate such as 256B/s'],
    [
      "activity: { connections: { stale_after: 0 } }",
      'activity.connections.stale_after: "0" is too short (at least 1s)',
    ],
    ["activity: { exec_sessions: maybe }", 'activity.exec_sessions: "maybe" is not true or false'],
  ] as const) {
    it(`refuses ${keys}`, () => {
      const errors = errorsOf(workload(keys)).map((line) => line.replace(/^2:\d+ workloads\.w\./, ""));
      assert.deepEqual(errors, [expected]);
    });
  }

  it("tells of a wrong label", () => {
    const reading = labelled({ "nodoff.activity.cpu": "no" });
    assert.deepEqual(reading.kind === "invalid" && reading.errors.map(({ key, message }) => [key, message]), [
      ["nodoff.activity.cpu", "must be a map"],
    ]);
  });
});

describe("the busy probe", () => {
  const http = { kind: "http", path: "/busy", status: null, json: null, idleValue: null, pattern: null };
  for (const [keys, expected] of [
    ["http: /busy", { ...http, status: [[200, 299]] }],
    [
      "http: /busy, status: '200,204'",
      {
        ...http,
        status: [
          [200, 200],
          [204, 204],
        ],
      },
    ],
    ["http: /busy, json: '$.active', not: 0", { ...http, json: "$.active", idleValue: "0" }],
    ["http: /busy, json: '$', not: false", { ...http, json: "$", idleValue: "false" }],
    ["http: /busy, json: '$.jobs[0].state', not: idle", { ...http, json: "$.jobs[0].state", idleValue: "idle" }],
    ["http: /busy, match: '/running|queued/i'", { ...http, pattern: "(?i:running|queued)" }],
    ["http: /busy, match: 'jobs: 1.'", { ...http, pattern: RegExp.escape("jobs: 1.") }],
    ["exec: [test, -f, /tmp/busy]", { kind: "exec", command: ["test", "-f", "/tmp/busy"] }],
  ] as const) {
    it(`is read from ${keys}`, () => {
      assert.deepEqual(activityOf(`activity: { probe: { ${keys} } }`)?.probe, expected);
    });
  }

  it("over HTTP says that the workload answers there", () => {
    const asked = configOf(workload("activity: { probe: { http: /busy } }")).workloads[0];
    assert.deepEqual(asked?.upstream, { kind: "port", port: null, scheme: "http" });
    assert.equal(configOf(workload("activity: { probe: { exec: [a] } }")).workloads[0]?.upstream, null);
  });

  it("is the same by labels", () => {
    const probe = { "nodoff.activity.probe.http": "/busy", "nodoff.activity.probe.json": "$.active" };
    assert.deepEqual(labelledActivity({ ...probe, "nodoff.activity.probe.not": "0" }).probe, {
      ...http,
      json: "$.active",
      idleValue: "0",
    });
    assert.deepEqual(labelledActivity({ "nodoff.activity.probe.exec": '["test", "-f", "/a,b"]' }).probe, {
      kind: "exec",
      command: ["test", "-f", "/a,b"],
    });
  });

  for (const [keys, ...expected] of [
    ["", 'probe: needs "http" or "exec"'],
    ["http: busy", 'probe.http: "busy" is not a path that starts with / (did you mean "/busy"?)'],
    ["http: /, exec: [a]", 'probe.http: give either "exec" or "http"'],
    ["exec: []", "probe.exec: must not be empty"],
    ["exec: ['']", "probe.exec: must not be empty"],
    ["exec: [a], status: 200", 'probe.status: give either "exec" or "status"'],
    ["http: /, json: '$.a'", 'probe.json: needs "not": what it shows while nothing goes on'],
    ["http: /, not: 0", 'probe.not: needs "json": where the value stands'],
    [
      "http: /, json: active, not: 0",
      'probe.json: "active" is not a path such as $.jobs[0].active (did you mean "$.active"?)',
    ],
    ["http: /, json: '$.a[x]', not: 0", 'probe.json: "$.a[x]" is not a path such as $.jobs[0].active'],
    ["http: /, json: '$.a', not: [0]", "probe.not: a list is not text"],
    ["http: /, status: 200, match: a", 'probe.match: give either "status" or "match": one of them says busy'],
    ["http: /, status: 2xx", 'probe.status: "2xx" is not a range of HTTP statuses such as 200-399'],
    ["http: /, match: '/(/'", 'probe.match: "/(/" is not a regular expression: /(/u: Unterminated group'],
  ] as const) {
    it(`refuses { ${keys} }`, () => {
      const errors = errorsOf(workload(`activity: { probe: { ${keys} } }`));
      assert.deepEqual(
        errors.map((line) => line.replace(/^2:\d+ workloads\.w\.activity\./, "")),
        expected,
      );
    });
  }

  it("is checked among the defaults, too", () => {
    assert.deepEqual(errorsOf("defaults: { activity: { probe: {} } }\n"), [
      '1:25 defaults.activity.probe: needs "http" or "exec"',
    ]);
  });
});
