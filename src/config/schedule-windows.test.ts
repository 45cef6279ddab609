import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { configOf, errorsOf, warningsOf } from "../../test/support/config-text.ts";
import { isOverlap } from "./schedule-windows.ts";

const hour = 3_600_000;
const workload = (schedule: string): string => `workloads:\n  w: { container: w, schedule: { ${schedule} } }\n`;

describe("a schedule", () => {
  it("is read into windows", () => {
    const text = workload('timezone: Europe/Berlin, awake: ["0 8 * * 1-5 for 10h"], asleep: ["0  1 * * * for 1h30m"]');
    assert.deepEqual(configOf(text).workloads[0]?.schedule, {
      timezone: "Europe/Berlin",
      awake: [{ cron: "0 8 * * 1-5", durationMs: 10 * hour }],
      asleep: [{ cron: "0 1 * * *", durationMs: 1.5 * hour }],
    });
  });

  it("takes its zone from the defaults, or has none", () => {
    const defaults = "defaults: { schedule: { timezone: utc } }\n";
    assert.equal(configOf(defaults + workload('awake: ["0 8 * * * for 1h"]')).workloads[0]?.schedule?.timezone, "utc");
    assert.equal(configOf(workload('awake: ["0 8 * * * for 1h"]')).workloads[0]?.schedule?.timezone, null);
    assert.equal(configOf(`${defaults}workloads: { w: { container: w } }\n`).workloads[0]?.schedule, null);
  });

  it("may be open always: longer than the time between two openings", () => {
    assert.deepEqual(configOf(workload('awake: ["0 0 * * * for 2d"]')).workloads[0]?.schedule?.awake, [
      { cron: "0 0 * * *", durationMs: 48 * hour },
    ]);
  });

  it("is split at commas between windows alone, where a variable holds it", () => {
    const text = workload('asleep: "${WINDOWS}"');
    const config = configOf(text, { WINDOWS: "0 8,9 * * 1,2 for 1h, 30 1 * * * for 2h" });
    assert.deepEqual(config.workloads[0]?.schedule?.asleep, [
      { cron: "0 8,9 * * 1,2", durationMs: hour },
      { cron: "30 1 * * *", durationMs: 2 * hour },
    ]);
  });

  for (const [keys, expected] of [
    ['awake: ["0 8 * * 1-5"]', 'awake.0: "0 8 * * 1-5" is not a window such as "0 8 * * 1-5 for 10h"'],
    ['awake: "0 8 * * 1-5 for 1h"', "awake: must be a list"],
    ["awake: [8]", 'awake.0: 8 is not text here: quote it ("8")'],
    ['awake: ["0 8 * * for 1h"]', 'awake.0: "0 8 * *" is not five cron fields (minute hour day month weekday)'],
    ['awake: ["0 0 8 * * * for 1h"]', 'awake.0: "0 0 8 * * *" is not five cron fields (minute hour day month weekday)'],
    ['awake: ["@daily for 1h"]', 'awake.0: "@daily" is not five cron fields (minute hour day month weekday)'],
    ['awake: ["0 25 * * * for 1h"]', 'awake.0: "0 25 * * *" is not a cron expression: Invalid value for hour: 25'],
    [
      'awake: ["a 8 * * * for 1h"]',
      'awake.0: "a 8 * * *" is not a cron expression: configuration entry 1 (a) contains illegal characters',
    ],
    ['awake: ["0 0 30 2 * for 1h"]', 'awake.0: "0 0 30 2 *" never comes'],
    ['awake: ["0 8 * * * for 10"]', 'awake.0: "10" is not a duration (did you mean "10m"?)'],
    ['awake: ["0 8 * * * for 10 hours"]', 'awake.0: "10 hours" is not a duration (did you mean "10h"?)'],
    ['awake: ["0 8 * * * for 0"]', 'awake.0: "0 8 * * * for 0" is too short (at least 1s)'],
    ['asleep: ["0 8 * * * for 30d"]', 'asleep.0: "30d" is too long (at most 24d20h)'],
    [
      'timezone: Europe/Berln, awake: ["0 8 * * * for 1h"]',
      'timezone: "Europe/Berln" is not a time zone such as Europe/Berlin (did you mean "Europe/Berlin"?)',
    ],
    ['timezone: "+02:00", awake: ["0 8 * * * for 1h"]', 'timezone: "+02:00" is not a time zone such as Europe/Berlin'],
  ] as const) {
    it(`refuses ${keys}`, () => {
      const errors = errorsOf(workload(keys)).map((line) => line.replace(/^2:\d+ workloads\.w\.schedule\./, ""));
      assert.deepEqual(errors, [expected]);
    });
  }

  it("needs a window", () => {
    for (const keys of ["", "timezone: UTC", "awake: []"])
      assert.deepEqual(errorsOf(workload(keys)), ['2:22 workloads.w.schedule: needs "awake" or "asleep"']);
  });

  it("is warned about where it contradicts itself, once where it stands", () => {
    const both = 'awake: ["0 8 * * 1-5 for 10h"], asleep: ["0 1 * * * for 6h", "0 17 * * 5 for 2h"]';
    const message = 'schedule: awake "0 8 * * 1-5" and asleep "0 17 * * 5" overlap: it stays awake while both are open';
    assert.deepEqual(warningsOf(workload(both)), [`2:22 workloads.w.${message}`]);
    const defaults = `defaults: { schedule: { ${both} } }\nworkloads: { a: { container: a }, b: { container: b } }\n`;
    assert.deepEqual(warningsOf(defaults), [`1:13 defaults.${message}`]);
    const parts = `defaults: { schedule: { asleep: ["0 9 * * * for 1h"] } }\n${workload('awake: ["30 9 * * * for 1h"]')}`;
    assert.equal(warningsOf(parts).length, 1);
  });
});

describe("windows overlap", () => {
  const window = (cron: string, hours: number) => ({ cron, durationMs: hours * hour });
  for (const [one, other, expected] of [
    [window("0 8 * * 1-5", 10), window("0 1 * * *", 6), false],
    [window("0 8 * * *", 10), window("0 17 * * *", 1), true],
    [window("0 8 * * *", 10), window("0 18 * * *", 14), false],
    [window("0 8 * * *", 10), window("0 18 * * *", 14.5), true],
    [window("0 8 * * 1", 1), window("0 8 * * 2", 1), false],
    [window("0 8 * * 1", 25), window("0 8 * * 2", 1), true],
    [window("0 0 1 * *", 1), window("0 0 * * 0", 1), true],
    [window("0 0 1 1 *", 1), window("0 0 1 7 *", 1), false],
    [window("0 0 * * *", 48), window("0 12 1 6 *", 1), true],
  ] as const) {
    it(`${one.cron} for ${one.durationMs / hour}h, ${other.cron} for ${other.durationMs / hour}h: ${expected}`, () => {
      assert.equal(isOverlap(one, other), expected);
      assert.equal(isOverlap(other, one), expected);
    });
  }
});
