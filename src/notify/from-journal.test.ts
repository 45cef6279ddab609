import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fakeClock } from "../../test/support/fake-clock.ts";
import { silentLogger } from "../../test/support/logger.ts";
import type { Failure } from "../core/errors.ts";
import type { StateName } from "../core/state.ts";
import { createJournal } from "../engine/journal.ts";
import { noticeFromJournal } from "./from-journal.ts";

const failure: Failure = { code: "EXITED", message: "exit code 1" };

function setUp(lost = new Set<string>()) {
  const journal = createJournal({ clock: fakeClock(), logger: silentLogger });
  const told: string[] = [];
  const messages: string[] = [];
  const end = noticeFromJournal({
    journal,
    notify({ event, alias, message, detail }) {
      told.push(`${event} ${alias} ${detail}`);
      messages.push(message);
    },
    nameOf: (alias) => `My ${alias}`,
    pairs: {
      isDown: (key) => lost.has(key),
      setDown: (key, down) => void (down ? lost.add(key) : lost.delete(key)),
    },
  });
  const enter = (...states: StateName[]): void => {
    for (const state of states) {
      const failed = state === "error" ? { failure } : {};
      journal.publish({ type: "state", alias: "blog", message: state, state, ...failed });
    }
  };
  const link = (isLost: boolean): void =>
    void journal.publish({ type: "provider", alias: "local", message: "x", ...(isLost ? { failure } : {}) });
  return { journal, told, messages, end, enter, link };
}

describe("notices from the journal", () => {
  it("tell of a failed wake once, until one succeeds", () => {
    const { told, messages, enter } = setUp();
    enter("napping", "starting", "error", "starting", "error", "starting", "error");
    assert.deepEqual(messages, ["My blog could not be woken"]);
    assert.deepEqual(told, ["wake_failed blog exit code 1"]);
    enter("starting", "ready", "stopping", "napping", "starting", "error");
    assert.equal(told.length, 2);
  });

  it("leave an end by itself to the health monitor", () => {
    const { told, enter } = setUp();
    enter("starting", "ready", "error");
    assert.deepEqual(told, []);
  });

  it("tell of a failed stop once, until it sleeps", () => {
    const { journal, told, enter } = setUp();
    const refuse = (): void =>
      void journal.publish({ type: "sleep", alias: "blog", message: "stop failed: exit code 1", failure });
    refuse();
    refuse();
    assert.deepEqual(told, ["stop_failed blog exit code 1"]);
    enter("napping");
    refuse();
    assert.equal(told.length, 2);
    journal.publish({ type: "sleep", alias: "blog", message: "asleep (stop)" });
    assert.equal(told.length, 2);
  });

  it("tell of an engine that is lost, and back only after that", () => {
    const { told, link } = setUp();
    for (const lost of [false, true, true, false, false, true]) link(lost);
    assert.deepEqual(
      told.map((line) => line.split(" ")[0]),
      ["provider.lost", "provider.back", "provider.lost"],
    );
  });

  it("tell of an engine's pair once, over a restart too", () => {
    const lost = new Set<string>();
    const before = setUp(lost);
    before.link(true);
    before.end();
    const after = setUp(lost);
    after.link(true);
    after.link(false);
    after.link(false);
    assert.deepEqual([before.told, after.told].flat(), ["provider.lost local exit code 1", "provider.back local null"]);
  });

  it("tell of what is wrong in the configuration, not of a reload that went well", () => {
    const { journal, told, end } = setUp();
    journal.publish({ type: "config", alias: null, message: "reloaded" });
    journal.publish({ type: "config", alias: null, message: "not reloaded", failure });
    assert.deepEqual(told, ["config.error null exit code 1"]);
    end();
    journal.publish({ type: "config", alias: null, message: "not reloaded", failure });
    assert.equal(told.length, 1);
  });
});
