import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ScheduleSpec } from "../core/spec.ts";
import { createSchedule } from "./schedule.ts";

const hourMs = 3_600_000;
const at = (text: string): number => Date.parse(text);

function schedule(spec: Partial<ScheduleSpec>) {
  return createSchedule({ timezone: "Europe/Berlin", awake: [], asleep: [], ...spec });
}

describe("schedule", () => {
  const office = schedule({ awake: [{ cron: "0 8 * * 1-5", durationMs: 10 * hourMs }] });

  it("opens at its time of the zone and ends after its duration", () => {
    assert.equal(office.awake(at("2026-11-20T06:59:59Z")), null);
    assert.deepEqual(office.awake(at("2026-11-20T07:00:00Z")), {
      from: at("2026-11-20T07:00:00Z"),
      to: at("2026-11-20T17:00:00Z"),
    });
    assert.equal(office.awake(at("2026-11-20T17:00:00Z")), null);
    assert.equal(office.awake(at("2026-11-21T09:00:00Z")), null, "a Saturday");
    assert.equal(office.nextOpening(at("2026-11-21T09:00:00Z")), at("2026-11-23T07:00:00Z"));
  });

  it("follows daylight saving: eight in the morning is eight in the morning", () => {
    assert.equal(office.nextOpening(at("2026-03-27T12:00:00Z")), at("2026-03-30T06:00:00Z"));
    assert.equal(office.nextOpening(at("2026-10-23T12:00:00Z")), at("2026-10-26T07:00:00Z"));
  });

  it("opens a window that lies in the skipped hour, once", () => {
    const night = schedule({ asleep: [{ cron: "30 2 * * *", durationMs: hourMs }] });
    const opening = night.nextOpening(at("2026-03-28T23:00:00Z"));
    assert.ok(opening !== null && opening >= at("2026-03-29T01:00:00Z") && opening <= at("2026-03-29T02:00:00Z"));
    assert.equal(night.nextOpening(opening), at("2026-03-30T00:30:00Z"));
  });

  it("lasts from the latest opening where windows overlap", () => {
    const always = schedule({ awake: [{ cron: "0 * * * *", durationMs: 2 * hourMs }] });
    assert.deepEqual(always.awake(at("2026-11-20T07:30:00Z")), {
      from: at("2026-11-20T07:00:00Z"),
      to: at("2026-11-20T09:00:00Z"),
    });
  });

  it("keeps a monthly window open to its end, however long ago it opened", () => {
    const month = schedule({ timezone: "UTC", awake: [{ cron: "0 0 1 * *", durationMs: 24 * 27 * hourMs }] });
    assert.deepEqual(month.awake(at("2026-11-25T12:00:00Z")), {
      from: at("2026-11-01T00:00:00Z"),
      to: at("2026-11-28T00:00:00Z"),
    });
    assert.equal(month.awake(at("2026-11-28T00:00:00Z")), null);
  });

  it("lets awake win over asleep", () => {
    const both = schedule({
      awake: [{ cron: "0 8 * * *", durationMs: hourMs }],
      asleep: [{ cron: "0 0 * * *", durationMs: 12 * hourMs }],
    });
    assert.equal(both.asleep(at("2026-11-20T07:30:00Z")), null);
    assert.deepEqual(both.asleep(at("2026-11-20T08:30:00Z")), {
      from: at("2026-11-19T23:00:00Z"),
      to: at("2026-11-20T11:00:00Z"),
    });
  });

  it("answers right when the wall clock is set back", () => {
    assert.notEqual(office.awake(at("2026-11-20T08:00:00Z")), null);
    assert.equal(office.awake(at("2026-11-20T05:00:00Z")), null);
  });
});
