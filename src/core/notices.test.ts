import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fillTemplate, isWanted, type Notice, noticeKinds, toFields, unknownPlaceholders } from "./notices.ts";

const notice: Notice = { event: "health.down", alias: "blog", at: 0, message: 'it said "no"', detail: null };
const toTime = (wall: number): string => `t${wall}`;

describe("notices", () => {
  it("go to those who asked for their kind, a test to everybody", () => {
    const events = ["health.down", "health.up", "wake_failed", "stop_failed", "provider.lost", "config.error"] as const;
    for (const [n, kind] of (
      ["health", "health", "wake_failed", "stop_failed", "provider", "config"] as const
    ).entries())
      assert.deepEqual(
        noticeKinds.filter((each) => isWanted(events[n]!, [each])),
        [kind],
      );
    assert.equal(isWanted("test", []), true);
    assert.equal(isWanted("health.up", []), false);
  });

  it("have the body of the contract, with latency and last seen only where they belong", () => {
    assert.deepEqual(toFields(notice, toTime), {
      event: "health.down",
      alias: "blog",
      at: "t0",
      message: 'it said "no"',
      detail: null,
    });
    assert.equal(toFields({ ...notice, latencyMs: 1.5 }, toTime).latency_ms, 1.5);
    assert.equal(toFields({ ...notice, lastSeenAt: 5 }, toTime).last_seen_at, "t5");
    assert.equal(toFields({ ...notice, lastSeenAt: null }, toTime).last_seen_at, null);
  });
});

describe("templates", () => {
  it("take each field, escaped for its place; what is not there is empty", () => {
    const escape = (text: string): string => JSON.stringify(text).slice(1, -1);
    const text = fillTemplate(
      '{"a":"{{alias}}","m":"{{ message }}","d":"{{detail}}{{latency_ms}}"}',
      toFields(notice, toTime),
      escape,
    );
    assert.deepEqual(JSON.parse(text), { a: "blog", m: 'it said "no"', d: "" });
  });

  it("never read a value as a template", () => {
    const fields = toFields({ ...notice, message: "{{alias}}" }, toTime);
    assert.equal(
      fillTemplate("{{message}}", fields, (text) => text),
      "{{alias}}",
    );
  });

  it("name what is not a field", () => {
    assert.deepEqual(unknownPlaceholders("{{alias}} {{ at }} {plain} {{}"), []);
    const [wrong = "", ...rest] = unknownPlaceholders("{{alias}} {{titel}}");
    assert.match(wrong, /^"\{\{titel\}\}" is not one of \{\{event\}\}, /);
    assert.deepEqual(rest, []);
  });
});
