import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { WorkloadSpec } from "../core/spec.ts";
import { configOf, errorsOf } from "../../test/support/config-text.ts";

const workload = (keys: string): string => `workloads:\n  w: { container: w, ${keys} }\n`;

function sleepOf(text: string) {
  const [spec] = configOf(text).workloads;
  return [spec?.idleTimeoutMs, spec?.stopMethod, spec?.deeper, spec?.minAwakeMs];
}

describe("tiers", () => {
  it("are the idle time and method, then deeper sleeps", () => {
    assert.deepEqual(sleepOf(workload("tiers: [{ after: 5m, do: pause }, { after: 2h, do: stop }]")), [
      300_000,
      "pause",
      [{ afterMs: 7_200_000, method: "stop" }],
      30_000,
    ]);
    assert.deepEqual(sleepOf(workload("tiers: [{ after: 5s, do: kill }]")), [5000, "kill", [], 5000]);
  });

  it("stand instead of the defaults' idle_timeout and stop_method, and these instead of the defaults' tiers", () => {
    const tiers = "tiers: [{ after: 5m, do: pause }, { after: 2h, do: kill }]";
    assert.deepEqual(sleepOf(`defaults: { idle_timeout: 1h, stop_method: kill }\n${workload(tiers)}`).slice(0, 2), [
      300_000,
      "pause",
    ]);
    for (const [own, expected] of [
      ["idle_timeout: 1h", [3_600_000, "stop", [], 30_000]],
      ["stop_method: kill", [900_000, "kill", [], 30_000]],
      ["min_awake: 1m", [300_000, "pause", [{ afterMs: 7_200_000, method: "kill" }], 60_000]],
    ] as const)
      assert.deepEqual(sleepOf(`defaults: { ${tiers} }\n${workload(own)}`), expected);
  });

  it("do not put to sleep what is excluded", () => {
    const keys =
      'exclude: true, tiers: [{ after: 5m, do: pause }, { after: 2h, do: stop }], schedule: { asleep: ["0 1 * * * for 1h"] }';
    const [spec] = configOf(workload(keys)).workloads;
    assert.deepEqual(
      [spec?.idleTimeoutMs, spec?.deeper, spec?.schedule, spec?.followsDependants, spec?.sleeps],
      [0, [], null, false, true],
    );
  });

  for (const [keys, ...expected] of [
    ["tiers: []", "tiers: must not be empty"],
    ["tiers: [{ after: 5m }]", "tiers.0.do: is missing"],
    ["tiers: [{ after: 5m, do: sleep }]", 'tiers.0.do: "sleep" is not one of pause, stop, kill, suspend'],
    ["tiers: [{ after: 5m, do: suspend }]", 'tiers.0.do: "suspend" is not possible here (stop, pause, kill)'],
    ["tiers: [{ after: 0, do: stop }]", 'tiers.0.after: "0" is too short (at least 1s)'],
    [
      "tiers: [{ after: 5m, do: pause }, { after: 5m, do: stop }]",
      "tiers.1.after: must be later than the tier before (5 m)",
    ],
    [
      "tiers: [{ after: 5m, do: stop }, { after: 6m, do: pause }]",
      'tiers.1.do: "pause" is no deeper sleep than "stop" (pause, then stop or kill)',
    ],
    [
      "tiers: [{ after: 5m, do: stop }, { after: 6m, do: kill }]",
      'tiers.1.do: "kill" is no deeper sleep than "stop" (pause, then stop or kill)',
    ],
    [
      "tiers: [{ after: 5m, do: stop }], idle_timeout: 5m, stop_method: stop",
      'idle_timeout: give either "idle_timeout" or "tiers", which stands instead of it',
      'stop_method: give either "stop_method" or "tiers", which stands instead of it',
    ],
  ] as const) {
    it(`are refused as ${keys}`, () => {
      const errors = errorsOf(workload(keys)).map((line) => line.replace(/^2:\d+ workloads\.w\./, ""));
      assert.deepEqual(errors, expected);
    });
  }

  it("are checked among the defaults", () => {
    assert.deepEqual(errorsOf("defaults: { tiers: [{ after: 5m, do: stop }], idle_timeout: 1h }\n"), [
      '1:47 defaults.idle_timeout: give either "idle_timeout" or "tiers", which stands instead of it',
    ]);
  });
});

describe("who only follows dependants", () => {
  const follower = (text: string): WorkloadSpec["followsDependants"] | undefined =>
    configOf(text).workloads[0]?.followsDependants;

  for (const [what, text, expected] of [
    ["what nothing leads to", "workloads: { w: { container: w } }\n", true],
    [
      "with an idle time among the defaults",
      "defaults: { idle_timeout: 1h }\nworkloads: { w: { container: w } }\n",
      true,
    ],
    ["with a port alone", "workloads: { w: { container: w, port: 5432 } }\n", true],
    ["not with an idle time of its own", "workloads: { w: { container: w, idle_timeout: 1h } }\n", false],
    ["not with tiers", "workloads: { w: { container: w, tiers: [{ after: 1m, do: stop }] } }\n", false],
    ["not with a host", "workloads: { w: { container: w, host: w.x } }\n", false],
    [
      "not with a route, wherever that leads",
      "workloads: { w: { container: w } }\nroutes: { r: { host: r.x, workload: w, upstream: http://o } }\n",
      false,
    ],
    ["not as a member of a group", "workloads: { w: { container: w }, g: { group: [w], host: g.x } }\n", false],
    ["not what is excluded", "workloads: { w: { container: w, exclude: true } }\n", false],
  ] as const)
    it(what, () => assert.equal(follower(text), expected));
});

describe("keys that say how it sleeps", () => {
  it("are as they stand, off unless given", () => {
    const [spec] = configOf(workload("depends_on_sleep: true, dry_run: true")).workloads;
    assert.deepEqual([spec?.dependsOnSleep, spec?.dryRun, spec?.sleeps], [true, true, true]);
    const [plain] = configOf(workload("host: w.x")).workloads;
    assert.deepEqual([plain?.dependsOnSleep, plain?.dryRun], [false, false]);
  });
});
