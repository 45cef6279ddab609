import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import type { Reading } from "./signal.ts";
import { verdict as judge } from "./verdict.ts";
import type { NamedReading, Reason, Verdict, VerdictInputs, VerdictPolicy } from "./verdict.ts";

const minute = 60_000;
const awakeSince = 1_000_000;
const now = awakeSince + 60 * minute;
const policy = { idleTimeoutMs: 15 * minute, minAwakeMs: 30_000 };

/** Without holds, schedule and dependants unless a test is about them. */
function verdict(inputs: Partial<VerdictInputs>, policy: VerdictPolicy, at: number): Verdict {
  const plain = { readings: [], awakeSince, holds: [], asleepFrom: null, releasedAt: null };
  return judge({ ...plain, ...inputs }, policy, at);
}

function named(signal: string, reading: Reading, required = false): NamedReading {
  return { signal, required, reading };
}

function used(lastUsedAt: number | null): Reading {
  return { kind: "read", lastUsedAt, inUse: false, text: "last request 1 m ago" };
}

const inUse: Reading = { kind: "read", lastUsedAt: null, inUse: true, text: "1 open connection" };
const unreadable: Reading = { kind: "unreadable", why: "no such file" };

describe("when it sleeps", () => {
  test("idle_timeout after it became awake when nothing was ever seen", () => {
    const readings = [named("requests", used(null))];
    assert.deepEqual(verdict({ readings, awakeSince }, policy, now), {
      sleepAt: awakeSince + 15 * minute,
      reasons: [],
    });
  });

  test("idle_timeout after the latest use of all signals", () => {
    const readings = [
      named("connections", used(awakeSince + 2 * minute)),
      named("requests", used(awakeSince + 9 * minute)),
      named("network", used(awakeSince + minute)),
    ];
    const { sleepAt, reasons } = verdict({ readings, awakeSince }, policy, now);
    assert.equal(sleepAt, awakeSince + 24 * minute);
    assert.deepEqual(
      reasons.map(({ signal, verdict }) => [signal, verdict]),
      [
        ["connections", "idle_since"],
        ["requests", "idle_since"],
        ["network", "idle_since"],
      ],
    );
  });

  test("adopted with an old last use: not at once, but after min_awake", () => {
    const readings = [named("requests", used(awakeSince - 60 * minute))];
    const { sleepAt, reasons } = verdict({ readings, awakeSince }, policy, awakeSince + 1_000);
    assert.equal(sleepAt, awakeSince + 30_000);
    assert.equal(reasons.at(-1)?.signal, "min_awake");
    const later = verdict({ readings, awakeSince }, policy, awakeSince + 30_000);
    assert.deepEqual(
      later.reasons.map(({ signal }) => signal),
      ["requests"],
      "once it has passed it explains nothing",
    );
  });

  test("use that lies in the future counts as now: a clock step must not keep it awake for ever", () => {
    const readings = [named("requests", used(now + 1e9))];
    assert.equal(verdict({ readings, awakeSince }, policy, now).sleepAt, now + 15 * minute);
  });

  test("not before min_awake, and the reason says so", () => {
    const short = { idleTimeoutMs: 1000, minAwakeMs: 30_000 };
    const { sleepAt, reasons } = verdict({ readings: [], awakeSince }, short, awakeSince);
    assert.equal(sleepAt, awakeSince + 30_000);
    assert.deepEqual(
      reasons.map(({ signal, verdict }) => [signal, verdict]),
      [["min_awake", "waits"]],
    );
  });

  test("never with idle_timeout 0", () => {
    const { sleepAt, reasons } = verdict({ readings: [], awakeSince }, { ...policy, idleTimeoutMs: 0 }, now);
    assert.equal(sleepAt, null);
    assert.equal(reasons[0]?.signal, "never");
  });

  test("an unreadable signal drops out and is named; a required one forbids", () => {
    const optional = verdict({ readings: [named("cpu", unreadable)], awakeSince }, policy, now);
    assert.equal(optional.sleepAt, awakeSince + 15 * minute);
    assert.deepEqual(optional.reasons, [
      { signal: "cpu", verdict: "unreadable", text: "cannot be read, does not protect: no such file" },
    ]);
    const required = verdict({ readings: [named("cpu", unreadable, true)], awakeSince }, policy, now);
    assert.equal(required.sleepAt, null);
    assert.match(required.reasons[0]?.text ?? "", /counts as in use/);
  });
});

const pin: Reason = { signal: "pin", verdict: "in_use", text: "kept awake until 18:00" };

describe("inputs that are no signals", () => {
  const lastRequest = (at: number): readonly NamedReading[] => [named("requests", used(at))];
  const rows: readonly (readonly [string, Partial<VerdictInputs>, Partial<VerdictPolicy>, number | null])[] = [
    ["a hold forbids, however long it is idle", { holds: [pin] }, {}, null],
    ["a hold forbids what a schedule wants asleep", { holds: [pin], asleepFrom: now - 1 }, {}, null],
    [
      "a schedule wants it asleep from its opening",
      { readings: lastRequest(now - 5 * minute), asleepFrom: now },
      {},
      now,
    ],
    [
      "who used it just before is not thrown out on the stroke of the hour",
      { readings: lastRequest(now - 10_000), asleepFrom: now },
      {},
      now + 20_000,
    ],
    [
      "use after the opening gets its idle time",
      { readings: lastRequest(now - minute), asleepFrom: now - 2 * minute },
      {},
      now + 14 * minute,
    ],
    ["a schedule also ends what never sleeps by itself", { asleepFrom: now }, { idleTimeoutMs: 0 }, now],
    [
      "which then stays up for whoever wakes it within the window",
      { readings: lastRequest(now), asleepFrom: now - minute },
      { idleTimeoutMs: 0 },
      null,
    ],
    ["a follower sleeps when its last dependant did", { releasedAt: now - 1_000 }, {}, now - 1_000],
    ["whatever its own idle time", { releasedAt: now, readings: lastRequest(now) }, { idleTimeoutMs: 0 }, now],
    ["but not before min_awake", { releasedAt: awakeSince + 1_000 }, {}, awakeSince + 30_000],
    ["and not while it is in use", { releasedAt: now, readings: [named("connections", inUse)] }, {}, null],
  ];
  for (const [title, inputs, more, expected] of rows) {
    test(title, () => {
      const found = verdict(inputs, { ...policy, ...more }, now);
      assert.equal(found.sleepAt, expected);
      if (expected === null) assert.ok(found.reasons.some(({ verdict: what }) => what === "in_use"));
    });
  }
});

const anyReading: fc.Arbitrary<Reading> = fc.oneof(
  fc.record({ kind: fc.constant("unreadable" as const), why: fc.constant("no right") }),
  fc.record({
    kind: fc.constant("read" as const),
    lastUsedAt: fc.option(fc.integer({ min: awakeSince - minute, max: now + minute })),
    inUse: fc.boolean(),
    text: fc.constant("seen"),
  }),
);
const anyNamed = fc.record({ signal: fc.constantFrom("a", "b", "c"), required: fc.boolean(), reading: anyReading });
const anyReadings = fc.array(anyNamed, { maxLength: 6 });
const anyPolicy = fc.record({ idleTimeoutMs: fc.nat(30 * minute), minAwakeMs: fc.nat(5 * minute) });

/** null = never: later than any moment. */
function asTime(sleepAt: number | null): number {
  return sleepAt ?? Number.POSITIVE_INFINITY;
}

describe("properties", () => {
  test("what is in use never sleeps", () => {
    fc.assert(
      fc.property(anyReadings, anyReadings, anyPolicy, (before, after, policy) => {
        const readings = [...before, named("x", inUse), ...after];
        assert.equal(verdict({ readings, awakeSince }, policy, now).sleepAt, null);
      }),
    );
  });

  test("what a required signal cannot say never sleeps", () => {
    fc.assert(
      fc.property(anyReadings, anyReadings, anyPolicy, (before, after, policy) => {
        const readings = [...before, named("x", unreadable, true), ...after];
        assert.equal(verdict({ readings, awakeSince }, policy, now).sleepAt, null);
      }),
    );
  });

  test("one more reading never makes it sleep earlier than the uses already known", () => {
    fc.assert(
      fc.property(anyReadings, anyNamed, anyPolicy, (others, more, policy) => {
        const readings = [named("requests", used(awakeSince)), ...others];
        const without = verdict({ readings, awakeSince }, policy, now).sleepAt;
        const with_ = verdict({ readings: [...readings, more], awakeSince }, policy, now).sleepAt;
        assert.ok(asTime(with_) >= asTime(without));
      }),
    );
  });

  test("the order of signals does not matter", () => {
    fc.assert(
      fc.property(anyReadings, anyPolicy, (readings, policy) => {
        const forth = verdict({ readings, awakeSince }, policy, now).sleepAt;
        assert.equal(verdict({ readings: readings.toReversed(), awakeSince }, policy, now).sleepAt, forth);
      }),
    );
  });

  test("never before idle_timeout since any use, nor before min_awake; never later than a period from now", () => {
    fc.assert(
      fc.property(anyReadings, anyPolicy, (readings, policy) => {
        const { sleepAt } = verdict({ readings, awakeSince }, policy, now);
        if (sleepAt === null) return;
        assert.ok(sleepAt >= awakeSince + policy.minAwakeMs);
        assert.ok(sleepAt <= now + Math.max(policy.idleTimeoutMs, policy.minAwakeMs));
        const uses = readings.flatMap(({ reading }) => (reading.kind === "read" ? (reading.lastUsedAt ?? []) : []));
        const lastUse = uses.length === 0 ? awakeSince : Math.max(...uses.map((at) => Math.min(at, now)));
        assert.ok(sleepAt >= lastUse + policy.idleTimeoutMs);
      }),
    );
  });

  test("every stop explains itself: staying awake names a reason, and in use is said by an in_use line", () => {
    fc.assert(
      fc.property(anyReadings, anyPolicy, (readings, policy) => {
        const { sleepAt, reasons } = verdict({ readings, awakeSince }, policy, now);
        if (sleepAt !== null) return;
        assert.ok(reasons.some(({ verdict }) => verdict === "in_use" || verdict === "unreadable"));
        for (const { text } of reasons) assert.notEqual(text, "");
      }),
    );
  });
});
