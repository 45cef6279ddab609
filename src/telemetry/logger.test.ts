import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { NodoffError } from "../core/errors.ts";
import { createLogger } from "./logger.ts";
import type { LoggerOptions, RootLogger } from "./logger.ts";

const at = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

function logTo(options: Partial<LoggerOptions> = {}): { readonly log: RootLogger; readonly lines: string[] } {
  const lines: string[] = [];
  const log = createLogger({
    level: "info",
    format: "json",
    isTerminal: false,
    write: (line) => void lines.push(line),
    wall: () => at,
    ...options,
  });
  return { log, lines };
}

/** The context of the only line. */
function contextOf(lines: readonly string[]): unknown {
  assert.equal(lines.length, 1);
  return (JSON.parse(lines[0]!) as { context: unknown }).context;
}

describe("logger", () => {
  it("writes a JSON line of time, level, message and context", () => {
    const { log, lines } = logTo();
    log.info("asleep", { alias: "blog", method: "stop" });
    log.warn("left out");
    assert.deepEqual(lines, [
      '{"time":"2026-01-02T03:04:05.678Z","level":"info","message":"asleep","context":{"alias":"blog","method":"stop"}}',
      '{"time":"2026-01-02T03:04:05.678Z","level":"warn","message":"left out","context":{}}',
    ]);
  });

  it("writes nothing below its level and says whether debug is worth building", () => {
    const { log, lines } = logTo({ level: "warn" });
    log.debug("a");
    log.info("b");
    log.warn("c");
    log.error("d");
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { message: string }).message),
      ["c", "d"],
    );
    assert.equal(log.debugEnabled, false);
    assert.equal(logTo({ level: "debug" }).log.debugEnabled, true);
  });

  it("changes the level of children too", () => {
    const { log, lines } = logTo();
    const child = log.child({ alias: "blog" });
    child.debug("unseen");
    log.setLevel("debug");
    assert.equal(child.debugEnabled, true);
    child.debug("seen");
    log.setLevel("error");
    child.warn("unseen again");
    assert.deepEqual(contextOf(lines), { alias: "blog" });
  });

  it("merges the contexts of children, the nearer one wins", () => {
    const { log, lines } = logTo();
    log.child({ alias: "blog", key: "a" }).child({ provider: "local", key: "b" }).info("x", { key: "c" });
    assert.deepEqual(contextOf(lines), { alias: "blog", provider: "local", key: "c" });
  });

  it("reduces errors to code and message, wherever they are", () => {
    const { log, lines } = logTo();
    log.error("wake failed", {
      error: new NodoffError("EXITED", "exit 1", { cause: new Error("hidden") }),
      all: [new TypeError("t")],
    });
    assert.deepEqual(contextOf(lines), { error: { code: "EXITED", message: "exit 1" }, all: [{ message: "t" }] });
  });

  it("never writes a secret", () => {
    const { log, lines } = logTo();
    log.info("x", {
      token: "s3cret",
      Authorization: "Bearer s3cret",
      options: { token_secret: "s3cret", passwordHash: "s3cret", headers: { "Set-Cookie": ["s3cret"] } },
      url: "smtps://user:s3cret@mail:465/",
      endpoint: new URL("https://user:s3cret@example.com/x"),
      error: new Error("cannot reach https://user:s3cret@example.com/"),
    });
    assert.doesNotMatch(lines.join("\n"), /s3cret/);
    assert.match(lines.join("\n"), /smtps:\/\/\[redacted\]@mail:465/);
  });

  it("keeps the config key that is called `key`, and empty secrets visible as empty", () => {
    const { log, lines } = logTo();
    log.warn("config left out", { key: "admin.token", token: null });
    assert.deepEqual(contextOf(lines), { key: "admin.token", token: null });
  });

  it("takes anything, one line each", () => {
    const { log, lines } = logTo();
    const cycle: Record<string, unknown> = { big: 1n, at: new Date(NaN), none: undefined, map: new Map([["a", NaN]]) };
    cycle["self"] = cycle;
    log.info("x", cycle);
    log.info("x", { set: new Set([1]), run: () => 1, long: "y".repeat(10_000) });
    assert.equal(lines.length, 2);
    assert.match(lines[0]!, /"big":"1","at":"invalid date","map":\{"a":"NaN"\},"self":/);
    assert.ok(lines[1]!.length < 5_000);
  });

  it("keeps the message of a context that cannot be read", () => {
    const { log, lines } = logTo();
    const broken = Object.defineProperty({}, "a", {
      enumerable: true,
      get: () => {
        throw new Error("no");
      },
    });
    log.info("x", { broken });
    assert.deepEqual(contextOf(lines), { context: "[unreadable]" });
  });

  it("is valid JSON on one line for any context", () => {
    fc.assert(
      fc.property(fc.string(), fc.dictionary(fc.string(), fc.anything()), (message, context) => {
        const { log, lines } = logTo();
        log.info(message, context);
        assert.equal(lines.length, 1);
        assert.doesNotMatch(lines[0]!, /[\r\n]/);
        assert.equal((JSON.parse(lines[0]!) as { message: string }).message, message);
      }),
    );
  });

  it("is pretty on a terminal, with colours only there", () => {
    const onTerminal = logTo({ format: "auto", isTerminal: true });
    onTerminal.log.warn("slow", { alias: "blog", why: "1 open request", counts: { a: 1 } });
    // oxlint-disable-next-line no-control-regex
    const plain = onTerminal.lines[0]!.replace(/\u001b\[\d+m/g, "");
    assert.notEqual(plain, onTerminal.lines[0]);
    assert.match(plain, /^\d\d:\d\d:\d\d warn {2}slow alias=blog why="1 open request" counts=\{"a":1\}$/);

    const piped = logTo({ format: "pretty", isTerminal: false });
    piped.log.warn("slow", { alias: "blog" });
    assert.match(piped.lines[0]!, /^\d\d:\d\d:\d\d warn {2}slow alias=blog$/);

    const auto = logTo({ format: "auto", isTerminal: false });
    auto.log.warn("slow");
    assert.equal(auto.lines[0]![0], "{");
  });

  it("lets no value move a terminal's cursor or forge a line", () => {
    const { log, lines } = logTo({ format: "pretty" });
    log.info("host\n00:00:00 error forged", { host: "a\u001b[2Jb\u009bc\nd" });
    assert.equal(lines.length, 1);
    // oxlint-disable-next-line no-control-regex
    assert.doesNotMatch(lines[0]!, /[\u0000-\u001f\u007f-\u009f]/);
  });
});
