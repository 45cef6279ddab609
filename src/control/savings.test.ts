import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { savingsOf } from "./savings.ts";
import type { PowerHistory, Savings } from "./savings.ts";
import type { PowerInterval, PowerKind } from "../core/store.ts";

const hour = 3_600_000;
const period = { since: 100 * hour, until: 200 * hour };

/** Times in hours. */
function stretch(kind: PowerKind, from: number, to: number | null, memoryBytes: number | null = null): PowerInterval {
  return { kind, from: from * hour, to: to === null ? null : to * hour, memoryBytes };
}

interface Row {
  readonly name: string;
  readonly intervals: readonly PowerInterval[];
  readonly dryRun?: boolean;
  /** Hours, byte hours, hour. */
  readonly is: {
    readonly asleep: number;
    readonly awake: number;
    readonly saved: number;
    readonly since: number | null;
  };
}

const rows: readonly Row[] = [
  { name: "nothing known", intervals: [], is: { asleep: 0, awake: 0, saved: 0, since: null } },
  {
    name: "asleep times memory, awake saves nothing",
    intervals: [stretch("awake", 110, 112, 900), stretch("asleep", 112, 115, 1000)],
    is: { asleep: 3, awake: 2, saved: 3000, since: 110 },
  },
  {
    name: "a stretch that goes on counts up to now",
    intervals: [stretch("asleep", 150, null, 10)],
    is: { asleep: 50, awake: 0, saved: 500, since: 150 },
  },
  {
    name: "only what lies within the period counts",
    intervals: [stretch("asleep", 10, 20, 10), stretch("asleep", 90, 101, 10), stretch("awake", 101, 300)],
    is: { asleep: 1, awake: 99, saved: 10, since: 100 },
  },
  {
    name: "memory that is not known adds nothing",
    intervals: [stretch("asleep", 110, 120), stretch("asleep", 120, 121, 7)],
    is: { asleep: 11, awake: 0, saved: 7, since: 110 },
  },
  {
    name: "a dry run saves what it would have",
    intervals: [stretch("awake", 110, 112), stretch("would_sleep", 112, 114, 50), stretch("asleep", 114, 115, 1)],
    dryRun: true,
    is: { asleep: 3, awake: 2, saved: 101, since: 110 },
  },
  {
    name: "what was a dry run once ran all that time",
    intervals: [stretch("would_sleep", 112, 114, 50), stretch("asleep", 114, 115, 1)],
    is: { asleep: 1, awake: 2, saved: 1, since: 112 },
  },
  {
    name: "a stretch from the future, the clock having been set back",
    intervals: [stretch("asleep", 250, null, 50)],
    is: { asleep: 0, awake: 0, saved: 0, since: null },
  },
];

describe("savings of a workload", () => {
  for (const { name, intervals, dryRun = false, is } of rows) {
    it(name, () => {
      const expected: Savings = {
        asleepMs: is.asleep * hour,
        awakeMs: is.awake * hour,
        savedByteHours: is.saved,
        knownSince: is.since === null ? null : is.since * hour,
      };
      assert.deepEqual(savingsOf({ dryRun, intervals }, period), expected);
    });
  }

  it("never tells more time than there was, and splits without loss", () => {
    const kinds: readonly PowerKind[] = ["awake", "asleep", "would_sleep"];
    const turns = fc.array(fc.record({ hours: fc.nat(40), kind: fc.constantFrom(...kinds), bytes: fc.nat(9) }));
    fc.assert(
      fc.property(turns, fc.boolean(), fc.nat(100), (list, dryRun, cut) => {
        let at = 50;
        const intervals = list.map(({ hours, kind, bytes }) => stretch(kind, at, (at += hours), bytes));
        const history: PowerHistory = { dryRun, intervals };
        const whole = savingsOf(history, period);
        assert.ok(whole.asleepMs + whole.awakeMs <= period.until - period.since);
        const middle = period.since + cut * hour;
        const first = savingsOf(history, { since: period.since, until: middle });
        const second = savingsOf(history, { since: middle, until: period.until });
        assert.equal(first.asleepMs + second.asleepMs, whole.asleepMs);
        assert.equal(first.awakeMs + second.awakeMs, whole.awakeMs);
        assert.equal(first.savedByteHours + second.savedByteHours, whole.savedByteHours);
      }),
    );
  });
});
