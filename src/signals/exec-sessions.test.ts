import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fakeClock } from "../../test/support/fake-clock.ts";
import { activitySpec } from "../../test/support/specs.ts";
import { fakeSubject } from "../../test/support/subject.ts";
import { NodoffError } from "../core/errors.ts";
import { createExecSessionsSignal } from "./exec-sessions.ts";

const options = { signal: new AbortController().signal };

describe("signal exec_sessions", () => {
  it("is in use while commands run inside", async () => {
    const clock = fakeClock();
    const signal = createExecSessionsSignal({ clock });
    let commands = ["sh"];
    const refs: string[] = [];
    const sessions = async (ref: string): Promise<readonly string[]> => {
      refs.push(ref);
      return commands;
    };
    const subject = fakeSubject({ spec: { ref: "blog-web" }, insight: { sessions } });
    const seenAt = clock.now();
    const one = { kind: "read", lastUsedAt: seenAt, inUse: true, text: "1 command runs inside: sh" };
    assert.deepEqual(await signal.read(subject, options), one);
    commands = ["sh", "psql blog", "top", "cat"];
    const four = await signal.read(subject, options);
    assert.equal(four.kind === "read" && four.text, "4 commands run inside: sh, psql blog, top, …");
    commands = [];
    clock.advance(60_000);
    const none = { kind: "read", lastUsedAt: seenAt, inUse: false, text: "no command runs inside" };
    assert.deepEqual(await signal.read(subject, options), none);
    assert.deepEqual(new Set(refs), new Set(["blog-web"]));
  });

  it("covers what the engine can see into and did not switch off", () => {
    const signal = createExecSessionsSignal({ clock: fakeClock() });
    const insight = { sessions: () => Promise.resolve([]) };
    assert.equal(signal.covers(fakeSubject({ insight })), true);
    assert.equal(signal.covers(fakeSubject()), false);
    assert.equal(signal.covers(fakeSubject({ insight: {} })), false);
    assert.equal(signal.covers(fakeSubject({ insight, spec: { kind: "group" } })), false);
    const activity = activitySpec({ execSessions: false });
    assert.equal(signal.covers(fakeSubject({ insight, spec: { activity } })), false);
  });

  it("is unreadable without the right, and when the engine is silent", async () => {
    const clock = fakeClock();
    const signal = createExecSessionsSignal({ clock });
    const refusing = fakeSubject({
      insight: { sessions: () => Promise.reject(new NodoffError("PROVIDER_FORBIDDEN", "exec is not allowed")) },
    });
    assert.deepEqual(await signal.read(refusing, options), {
      kind: "unreadable",
      why: "exec is not allowed; let the socket proxy allow GET /exec/{id}/json",
    });
    const silent = fakeSubject({ insight: { sessions: () => new Promise(() => undefined) } });
    const reading = signal.read(silent, options);
    await clock.advanceAsync(5_000);
    assert.deepEqual(await reading, { kind: "unreadable", why: "no answer within 5 s" });
    const leaving = new AbortController();
    const left = signal.read(silent, { signal: leaving.signal });
    leaving.abort();
    assert.deepEqual(await left, { kind: "unreadable", why: "not waited for any longer" });
    assert.equal(clock.pending, 0);
  });
});
