import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import * as fc from "fast-check";
import { fakeClock } from "../../test/support/fake-clock.ts";
import { recordingLogger } from "../../test/support/logger.ts";
import { openStore } from "./open-store.ts";
import type { FakeClock } from "../../test/support/fake-clock.ts";
import type { JournalEvent } from "../core/journal.ts";
import type { PowerInterval, PowerKind, Store } from "../core/store.ts";

interface World {
  readonly clock: FakeClock;
  readonly store: Store;
}

const hour = 3_600_000;
/** Where the fake clock begins, but for its first 1,000 s. */
const day = Date.UTC(2026, 0, 1);

/** One suite for every store; `settle` lets the one on disk write, so that its readers meet the file, too. */
const worlds: Readonly<Record<string, (t: TestContext) => World & { settle(): void }>> = {
  memory() {
    const clock = fakeClock();
    return { clock, store: openStore({ stateDir: null, clock, logger: recordingLogger() }), settle: () => undefined };
  },
  "sqlite, before it wrote"(t) {
    return { ...onDisk(t), settle: () => undefined };
  },
  sqlite(t) {
    const world = onDisk(t);
    return { ...world, settle: () => world.clock.advance(1_000) };
  },
};

function onDisk(t: TestContext): World {
  const dir = mkdtempSync(join(tmpdir(), "nodoff-store-"));
  const clock = fakeClock();
  const logger = recordingLogger();
  const store = openStore({ stateDir: dir, clock, logger });
  t.after(async () => {
    await store.close();
    rmSync(dir, { recursive: true });
    assert.deepEqual(logger.lines, []);
  });
  return { clock, store };
}

function event(id: number, alias: string | null, rest: Partial<JournalEvent> = {}): JournalEvent {
  return { id, at: day + id, type: "state", alias, message: `event ${id}`, ...rest };
}

for (const [name, setUp] of Object.entries(worlds)) {
  describe(`store: ${name}`, () => {
    it("knows nothing at first", (t) => {
      const { store } = setUp(t);
      assert.equal(store.pinnedUntil("blog"), null);
      assert.equal(store.openInterval("blog"), null);
      assert.deepEqual(store.intervals("blog", 0), []);
      assert.deepEqual(store.events(null, 10), []);
      assert.deepEqual(store.events("blog", 10), []);
      assert.equal(store.lastEventId, 0);
    });

    it("keeps a pin until its time is past or it is taken back", (t) => {
      const { store, clock, settle } = setUp(t);
      const until = clock.wall() + 2 * hour;
      store.savePin("blog", until);
      store.savePin("wiki", until);
      settle();
      assert.equal(store.pinnedUntil("blog"), until);
      store.savePin("wiki", null);
      assert.equal(store.pinnedUntil("wiki"), null);
      clock.advance(until - clock.wall() - 1);
      assert.equal(store.pinnedUntil("blog"), until);
      clock.advance(1);
      assert.equal(store.pinnedUntil("blog"), null);
    });

    it("tells stretches from one turn to the next", (t) => {
      const { store, settle } = setUp(t);
      store.turnInterval("blog", { kind: "awake", memoryBytes: null }, day + 1_000);
      settle();
      store.turnInterval("blog", { kind: "asleep", memoryBytes: 5_000_000 }, day + 2_000);
      settle();
      // As after a restart: who asks does not know the memory any more.
      store.turnInterval("blog", { kind: "asleep", memoryBytes: null }, day + 2_500);
      store.turnInterval("blog", { kind: "awake", memoryBytes: null }, day + 3_000);
      store.turnInterval("wiki", { kind: "would_sleep", memoryBytes: 7 }, day + 3_000);
      settle();
      const awake: PowerInterval = { kind: "awake", from: day + 1_000, to: day + 2_000, memoryBytes: null };
      const asleep: PowerInterval = { kind: "asleep", from: day + 2_000, to: day + 3_000, memoryBytes: 5_000_000 };
      const now: PowerInterval = { kind: "awake", from: day + 3_000, to: null, memoryBytes: null };
      assert.deepEqual(store.intervals("blog", 0), [awake, asleep, now]);
      assert.deepEqual(store.intervals("blog", day + 1_999), [awake, asleep, now]);
      assert.deepEqual(store.intervals("blog", day + 2_000), [asleep, now]);
      assert.deepEqual(store.intervals("blog", day + 9_000), [now]);
      assert.deepEqual(store.openInterval("blog"), now);
      assert.deepEqual(store.openInterval("wiki"), {
        kind: "would_sleep",
        from: day + 3_000,
        to: null,
        memoryBytes: 7,
      });
      store.turnInterval("blog", null, day + 4_000);
      settle();
      assert.equal(store.openInterval("blog"), null);
      assert.deepEqual(store.intervals("blog", day + 3_000), [{ ...now, to: day + 4_000 }]);
    });

    it("begins a new stretch where a deeper sleep frees memory the first one did not", (t) => {
      const { store, settle } = setUp(t);
      store.turnInterval("blog", { kind: "asleep", memoryBytes: null }, day + 1_000);
      store.turnInterval("blog", { kind: "asleep", memoryBytes: 300 }, day + 2_000);
      store.turnInterval("blog", { kind: "asleep", memoryBytes: 400 }, day + 3_000);
      settle();
      assert.deepEqual(store.intervals("blog", 0), [
        { kind: "asleep", from: day + 1_000, to: day + 2_000, memoryBytes: null },
        { kind: "asleep", from: day + 2_000, to: null, memoryBytes: 300 },
      ]);
    });

    it("gives events back as they were, newest last", (t) => {
      const { store, settle } = setUp(t);
      const events: readonly JournalEvent[] = [
        event(1, "blog", { type: "wake", step: "starting", etaMs: 420.5 }),
        event(2, "wiki", { state: "error", failure: { code: "EXITED", message: 'exit 1: "no"\n\u0000é' } }),
        event(3, null, { type: "config", message: "" }),
        event(4, "blog", { state: "ready" }),
      ];
      for (const one of events.slice(0, 2)) store.addEvent(one);
      settle();
      for (const one of events.slice(2)) store.addEvent(one);
      assert.deepEqual(store.events(null, 10), events);
      assert.deepEqual(store.events(null, 1, events.at(-1)?.id), events.slice(-2, -1));
      assert.deepEqual(store.events(null, 10, events[0]?.id), []);
      settle();
      assert.deepEqual(store.events(null, 10), events);
      assert.deepEqual(store.events(null, 2), events.slice(2));
      assert.deepEqual(store.events("blog", 10), [events[0], events[3]]);
      assert.deepEqual(store.events("blog", 1), [events[3]]);
      assert.deepEqual(store.events("none", 10), []);
      assert.deepEqual(store.events(null, 0), []);
      assert.equal(store.lastEventId, 4);
    });

    it("keeps stretches in order and without overlap, whatever the wall clock does", (t) => {
      const kinds: readonly (PowerKind | null)[] = ["awake", "asleep", "would_sleep", null];
      const turns = fc.array(fc.tuple(fc.constantFrom(...kinds), fc.integer({ min: -50, max: 100 })), {
        maxLength: 30,
      });
      let run = 0;
      const { store, settle } = setUp(t);
      fc.assert(
        fc.property(turns, (list) => {
          const alias = `w${run++}`;
          let at = day;
          let latest = day;
          for (const [kind, moved] of list) {
            at += moved;
            latest = Math.max(latest, at);
            store.turnInterval(alias, kind === null ? null : { kind, memoryBytes: null }, at);
            // What is over is over: the clock is set back only while a stretch goes on.
            if (kind === null) at = latest + 100;
          }
          settle();
          const intervals = store.intervals(alias, 0);
          for (const [place, { from, to }] of intervals.entries()) {
            const next = intervals[place + 1];
            assert.ok(to === null ? next === undefined : to > from, `${from} to ${to}`);
            if (next !== undefined && to !== null) assert.ok(next.from >= to, `${next.from} before ${to}`);
          }
        }),
        { numRuns: 300 },
      );
    });
  });
}
