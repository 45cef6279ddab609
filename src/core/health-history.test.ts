import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type HealthStatus, healthStatuses } from "./health.ts";
import {
  addLatency,
  createGathered,
  drain,
  emptySlot,
  healthPeriods,
  mark,
  rangeOf,
  type SlotChange,
  slotWidths,
  toHistory,
} from "./health-history.ts";

const minute = 60_000;
const day = 86_400_000;
/** A beginning of slots of every width. */
const midnight = 20_000 * day;

/** What was gathered, with everything it handed over. */
function setUp(wall: number, status: HealthStatus) {
  const gathered = createGathered(wall, status);
  let taken: SlotChange[] = [];
  const take = (changes: readonly SlotChange[]): void => void taken.push(...changes);
  const takeAway = (): SlotChange[] => {
    const changes = taken;
    taken = [];
    return changes;
  };
  return {
    mark: (at: number, next: HealthStatus) => mark(gathered, at, next, take),
    addLatency: (at: number, ms: number) => addLatency(gathered, at, ms, take),
    /** Slots that are over. */
    over: takeAway,
    /** All of them. */
    drain: () => {
      drain(gathered, take);
      return takeAway();
    },
  };
}

describe("health over time", () => {
  it("splits time at the borders of slots, of every width", () => {
    const gathered = setUp(midnight + 30_000, "healthy");
    gathered.mark(midnight + 90_000, "napping");
    gathered.mark(midnight + 3 * minute, "unhealthy");
    gathered.mark(midnight + 4 * minute, "unknown");
    gathered.mark(midnight + 9 * minute, "healthy");
    const changes = gathered.drain();
    const of = (widthMs: number) => changes.filter((each) => each.widthMs === widthMs).map(({ change }) => change);
    assert.deepEqual(
      of(minute).map(({ at, upMs, downMs, napMs }) => [(at - midnight) / minute, upMs, downMs, napMs]),
      [
        [0, 30_000, 0, 0],
        [1, 30_000, 0, 30_000],
        [2, 0, 0, 60_000],
        [3, 0, 60_000, 0],
      ],
    );
    for (const width of [15 * minute, 360 * minute])
      assert.deepEqual(of(width), [{ ...emptySlot(midnight), upMs: 60_000, downMs: 60_000, napMs: 90_000 }]);
    assert.deepEqual(gathered.drain(), [], "handed over once");
  });

  it("hands over a slot when it is over, and what is open when asked to", () => {
    const gathered = setUp(midnight, "healthy");
    gathered.mark(midnight + 90_000, "healthy");
    const short = (changes: readonly SlotChange[]) =>
      changes.map(({ widthMs, change }) => [widthMs, change.at - midnight, change.upMs]);
    assert.deepEqual(short(gathered.over()), [[minute, 0, 60_000]]);
    assert.deepEqual(short(gathered.drain()), [
      [minute, minute, 30_000],
      [15 * minute, 0, 90_000],
      [360 * minute, 0, 90_000],
    ]);
    gathered.mark(midnight + 100_000, "healthy");
    assert.deepEqual(short(gathered.drain())[0], [minute, minute, 10_000], "what came since");
  });

  it("keeps latencies with the slot of their moment", () => {
    const gathered = setUp(midnight, "healthy");
    gathered.addLatency(midnight + 1, 10);
    gathered.addLatency(midnight + 2, 20);
    gathered.addLatency(midnight + minute, 40);
    const [first, second] = gathered.drain();
    assert.deepEqual(
      [first?.change.latencySumMs, first?.change.latencyCount, second?.change.latencySumMs],
      [30, 2, 40],
    );
  });

  it("stays bounded however long it slept, and adds nothing for a clock set back", () => {
    const gathered = setUp(midnight, "napping");
    gathered.mark(midnight + 400 * day, "napping");
    const most = slotWidths.reduce((total, { slots }) => total + slots + 1, 0);
    assert.ok(gathered.drain().length <= most);
    gathered.mark(midnight, "napping");
    assert.deepEqual(gathered.drain(), []);
  });

  it("counts every watched millisecond once in each width", () => {
    const spans = fc.array(fc.tuple(fc.constantFrom(...healthStatuses), fc.nat(20 * minute)), { maxLength: 40 });
    fc.assert(
      fc.property(fc.nat(day), spans, (offset, steps) => {
        let wall = midnight + offset;
        const gathered = setUp(wall, "unknown");
        const expected = { upMs: 0, downMs: 0, napMs: 0 };
        for (const [status, ms] of steps) {
          gathered.mark(wall, status);
          wall += ms;
          gathered.mark(wall, status);
          if (status === "healthy") expected.upMs += ms;
          if (status === "unhealthy" || status === "error") expected.downMs += ms;
          if (status === "napping") expected.napMs += ms;
        }
        const changes = gathered.drain();
        for (const { widthMs } of slotWidths) {
          const own = changes.filter((each) => each.widthMs === widthMs).map(({ change }) => change);
          for (const key of ["upMs", "downMs", "napMs"] as const)
            assert.equal(
              own.reduce((total, slot) => total + slot[key], 0),
              expected[key],
            );
          for (const { at, upMs, downMs, napMs } of own) {
            assert.equal(at % widthMs, 0);
            assert.ok(upMs + downMs + napMs <= widthMs);
          }
        }
      }),
    );
  });
});

describe("a period", () => {
  it("covers its span up to the present slot", () => {
    const spans = { "5m": 5 * minute, "15m": 15 * minute, "1h": 60 * minute, "1d": day, "30d": 30 * day };
    const now = midnight + 17 * minute + 3;
    for (const period of healthPeriods) {
      const { widthMs, from } = rangeOf(period, now);
      assert.equal(from % widthMs, 0);
      const covered = now - from;
      assert.ok(covered > spans[period] - widthMs && covered <= spans[period], period);
    }
  });

  it("has napping as a share of its own, outside of the healthy share", () => {
    const slots = [
      { ...emptySlot(0), upMs: 30_000, napMs: 30_000, latencySumMs: 30, latencyCount: 2 },
      { ...emptySlot(minute), upMs: 59_000, downMs: 1_000 },
      { ...emptySlot(2 * minute), napMs: 60_000 },
      emptySlot(3 * minute),
    ];
    assert.deepEqual(toHistory("5m", slots), {
      period: "5m",
      samples: [
        { at: 0, status: "healthy", latencyMs: 15 },
        { at: minute, status: "unhealthy", latencyMs: null },
        { at: 2 * minute, status: "napping", latencyMs: null },
        { at: 3 * minute, status: "unknown", latencyMs: null },
      ],
      healthy: 89 / 90,
      napping: 0.5,
    });
    assert.deepEqual(toHistory("5m", []), { period: "5m", samples: [], healthy: null, napping: null });
  });
});
