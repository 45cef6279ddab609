import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { assertProblem, read, startControl } from "../../test/support/control.ts";
import { fakeClock } from "../../test/support/fake-clock.ts";
import { fakeStore } from "../../test/support/fake-engine.ts";
import { Events, Savings, Timeline } from "./schema.ts";
import type { JournalEvent } from "../core/journal.ts";

const hour = 3_600_000;

describe("events", () => {
  it("are told oldest first, in the contract's shape", async (t) => {
    const at = Date.UTC(2026, 0, 1);
    const events: readonly JournalEvent[] = [
      { id: 1, at, type: "wake", alias: "blog", message: "wake begun", step: "starting", etaMs: 5 },
      { id: 2, at: at + 1_500, type: "state", alias: "blog", message: "failed", state: "error" },
      { id: 3, at, type: "sleep", alias: "blog", message: "no", failure: { code: "ENGINE_ERROR", message: "busy" } },
    ];
    const { ask } = await startControl(t, { events: () => events });
    assert.deepEqual(read(Events, await ask("/api/v1/workloads/blog/events")).events, [
      { at: "2026-01-01T00:00:00.000Z", type: "wake", alias: "blog", message: "wake begun", error: null },
      { at: "2026-01-01T00:00:01.500Z", type: "state", alias: "blog", message: "failed", error: null },
      {
        at: "2026-01-01T00:00:00.000Z",
        type: "sleep",
        alias: "blog",
        message: "no",
        error: { code: "ENGINE_ERROR", message: "busy" },
      },
    ]);
  });

  it("are as many as asked for", async (t) => {
    const asked: (readonly [string | null, number])[] = [];
    const { ask } = await startControl(t, {
      events(alias, limit) {
        asked.push([alias, limit]);
        return [];
      },
    });
    for (const query of ["", "?limit=1", "?limit=500"])
      read(Events, await ask(`/api/v1/workloads/wiki/events${query}`));
    assert.deepEqual(asked, [
      ["wiki", 101],
      ["wiki", 2],
      ["wiki", 501],
    ]);
    for (const query of ["0", "501", "-1", "1.5", "", "ten", "1e2", "1&limit=2", "9999999999999999999"]) {
      const problem = assertProblem(await ask(`/api/v1/workloads/wiki/events?limit=${query}`), 400, "BAD_REQUEST");
      assert.match(problem.detail ?? "", /limit/);
    }
    assert.equal(asked.length, 3);
  });
});

describe("pages of events", () => {
  it("lead back to the first one, each event once", async (t) => {
    const store = fakeStore();
    for (let id = 1; id <= 7; id++)
      store.addEvent({ id, at: id, type: "audit", alias: id === 4 ? "wiki" : "blog", message: `${id}` });
    const { ask } = await startControl(t, { events: (alias, limit, before) => store.events(alias, limit, before) });
    const pages: (readonly string[])[] = [];
    let query = "?limit=2";
    for (;;) {
      const { events, next } = read(Events, await ask(`/api/v1/workloads/blog/events${query}`));
      pages.push(events.map(({ message }) => message));
      if (next === undefined) break;
      query = `?limit=2&before=${next}`;
    }
    assert.deepEqual(pages, [
      ["6", "7"],
      ["3", "5"],
      ["1", "2"],
    ]);
    for (const before of ["0", "-1", "x", "1e3", "9".repeat(20)])
      assertProblem(await ask(`/api/v1/workloads/blog/events?before=${before}`), 400, "BAD_REQUEST");
  });
});

describe("savings", () => {
  it("sum up the last 30 days of every workload", async (t) => {
    const store = fakeStore();
    const now = fakeClock().wall();
    // blog runs dry, wiki does not.
    store.turnInterval("blog", { kind: "awake", memoryBytes: null }, now - 4 * hour);
    store.turnInterval("blog", { kind: "would_sleep", memoryBytes: 2_000 }, now - 3 * hour);
    store.turnInterval("wiki", { kind: "asleep", memoryBytes: 3_000 }, now - 6 * hour);
    store.turnInterval("wiki", { kind: "awake", memoryBytes: null }, now - 5.5 * hour);
    const { ask } = await startControl(t, { intervals: (alias, since) => store.intervals(alias, since) });
    assert.deepEqual(read(Savings, await ask("/api/v1/savings")), {
      since: new Date(now - 6 * hour).toISOString(),
      workloads: [
        { alias: "blog", asleep_ms: 3 * hour, awake_ms: hour, saved_byte_hours: 6_000, dry_run: true },
        { alias: "wiki", asleep_ms: hour / 2, awake_ms: 5.5 * hour, saved_byte_hours: 1_500, dry_run: false },
      ],
    });
  });

  it("go back no further than that, and say so", async (t) => {
    const store = fakeStore();
    const now = fakeClock().wall();
    store.turnInterval("blog", { kind: "awake", memoryBytes: null }, now - 1_000 * hour);
    const asked: number[] = [];
    const { ask } = await startControl(t, {
      intervals(alias, since) {
        asked.push(since);
        return store.intervals(alias, since);
      },
    });
    const { since, workloads } = read(Savings, await ask("/api/v1/savings"));
    assert.equal(since, new Date(now - 720 * hour).toISOString());
    assert.equal(workloads[0]!.awake_ms, 720 * hour);
    assert.deepEqual(new Set(asked), new Set([now - 720 * hour]));
  });

  it("begin now where nothing is known", async (t) => {
    const { ask, clock } = await startControl(t);
    const { since, workloads } = read(Savings, await ask("/api/v1/savings"));
    assert.equal(since, new Date(clock.wall()).toISOString());
    assert.deepEqual(
      workloads.map((one) => [one.asleep_ms, one.awake_ms, one.saved_byte_hours]),
      [
        [0, 0, 0],
        [0, 0, 0],
      ],
    );
  });

  it("let others have their turn while they are summed up", async (t) => {
    const clock = fakeClock();
    let waiting = 0;
    let turns = 0;
    const { ask } = await startControl(t, {
      clock,
      intervals() {
        // As slow as a long history.
        clock.advance(10);
        if (waiting++ === 0) setImmediate(() => turns++);
        else assert.equal(turns, 1, "another turn came before the second workload");
        return [];
      },
    });
    read(Savings, await ask("/api/v1/savings"));
    assert.equal(waiting, 2);
  });
});

describe("the timeline", () => {
  it("tells when each was awake and asleep, cut to the period", async (t) => {
    const store = fakeStore();
    const now = fakeClock().wall();
    const time = (hoursAgo: number): string => new Date(now - hoursAgo * hour).toISOString();
    store.turnInterval("blog", { kind: "awake", memoryBytes: null }, now - 100 * hour);
    store.turnInterval("blog", { kind: "asleep", memoryBytes: 2_000 }, now - 3 * hour);
    const { ask } = await startControl(t, { intervals: (alias, since) => store.intervals(alias, since) });
    const asleep = { kind: "asleep", from: time(3), to: null, memory_bytes: 2_000 };
    assert.deepEqual(read(Timeline, await ask("/api/v1/timeline")), {
      since: time(24),
      until: time(0),
      workloads: { blog: [{ kind: "awake", from: time(24), to: time(3), memory_bytes: null }, asleep], wiki: [] },
    });
    const week = read(Timeline, await ask("/api/v1/timeline?period=7d"));
    assert.deepEqual([week.since, week.workloads["blog"]?.[0]?.from], [time(168), time(100)]);
  });

  it("has three periods", async (t) => {
    const { ask } = await startControl(t);
    for (const period of ["1h", "", "1d&period=7d"]) {
      const problem = assertProblem(await ask(`/api/v1/timeline?period=${period}`), 400, "BAD_REQUEST");
      assert.equal(problem.detail, "period must be one of 1d, 7d, 30d");
    }
  });
});
