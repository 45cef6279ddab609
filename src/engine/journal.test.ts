import assert from "node:assert/strict";
import { it } from "node:test";
import { fakeClock } from "../../test/support/fake-clock.ts";
import { recordingLogger } from "../../test/support/logger.ts";
import { createJournal } from "./journal.ts";

function journal() {
  const logger = recordingLogger();
  return { logger, journal: createJournal({ clock: fakeClock(), logger }) };
}

void it("numbers events, keeps them for late comers, and tells only their own to those who ask for one", () => {
  const { journal: events } = journal();
  const seen: string[] = [];
  const end = events.subscribe(({ message }) => void seen.push(message), "a");
  for (const [alias, message] of [
    ["a", "one"],
    ["b", "two"],
    ["a", "three"],
  ] as const) {
    events.publish({ type: "wake", alias, message });
  }
  assert.deepEqual(seen, ["one", "three"]);
  assert.deepEqual(
    events.since(1).map(({ id }) => id),
    [2, 3],
  );
  assert.deepEqual(
    events.since(0, "a").map(({ message }) => message),
    ["one", "three"],
  );
  end();
  events.publish({ type: "wake", alias: "a", message: "four" });
  assert.equal(seen.length, 2);
});

void it("survives a listener that throws, and tells the others", () => {
  const { journal: events, logger } = journal();
  let told = 0;
  events.subscribe(() => {
    throw new Error("broken");
  });
  events.subscribe(() => void told++);
  events.publish({ type: "wake", alias: null, message: "x" });
  assert.equal(told, 1);
  assert.ok(logger.lines.some(({ level }) => level === "error"));
});

void it("does not grow without bound", () => {
  const { journal: events } = journal();
  for (let number = 0; number < 10_000; number++)
    events.publish({ type: "wake", alias: `w${number % 3}`, message: "" });
  assert.ok(events.since(0).length <= 4_000);
  assert.ok(events.since(0, "w1").length <= 100);
  assert.equal(events.since(9_999).length, 1);
});
