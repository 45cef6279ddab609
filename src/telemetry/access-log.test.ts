import { deepEqual, equal, match, ok } from "node:assert/strict";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import type { AccessEntry } from "../core/access.ts";
import { recordingLogger } from "../../test/support/logger.ts";
import { createAccessLogs, toCombinedLine, toJsonLine } from "./access-log.ts";

const entry: AccessEntry = {
  at: Date.UTC(2026, 1, 3, 4, 5, 6),
  durationMs: 12.6,
  client: "198.51.100.1",
  method: "GET",
  target: "/a?b=c",
  protocol: "HTTP/1.1",
  host: "blog.test",
  status: 200,
  bytes: 1234,
  route: "blog",
  referer: "https://a.test/",
  userAgent: "curl/8",
};

describe("a line of the access log", () => {
  it("is NCSA combined", () => {
    equal(
      toCombinedLine(entry),
      '198.51.100.1 - - [03/Feb/2026:04:05:06 +0000] "GET /a?b=c HTTP/1.1" 200 1234 "https://a.test/" "curl/8" "blog" 13',
    );
    const bare = { ...entry, client: null, bytes: 0, route: null, referer: null, userAgent: null, status: 404 };
    match(toCombinedLine(bare), /^- - - \[.*\] "GET \/a\?b=c HTTP\/1\.1" 404 - "-" "-" "-" 13$/);
  });

  it("cannot be forged: quotes, line ends and bytes beyond ASCII are escaped", () => {
    const forged = { ...entry, userAgent: 'a" 200 1\r\n127.0.0.1 - \\ é' };
    const line = toCombinedLine(forged);
    ok(!/[\r\n]/.test(line));
    match(line, /"a\\x22 200 1\\x0D\\x0A127\.0\.0\.1 - \\x5C \\xC3\\xA9"/);
    equal(toJsonLine(forged).split("\n").length, 1);
  });

  it("is one JSON object", () => {
    deepEqual(JSON.parse(toJsonLine(entry)), {
      time: "2026-02-03T04:05:06.000Z",
      client: "198.51.100.1",
      method: "GET",
      host: "blog.test",
      path: "/a?b=c",
      protocol: "HTTP/1.1",
      status: 200,
      bytes: 1234,
      duration_ms: 13,
      route: "blog",
      referer: "https://a.test/",
      user_agent: "curl/8",
    });
  });
});

function openLogs(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "nodoff-access-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const logger = recordingLogger();
  const lines: string[] = [];
  const logs = createAccessLogs({ logger, out: (line) => void lines.push(line) });
  return { folder, logs, lines, logger };
}

describe("where the access log goes", () => {
  it("to standard output, and nowhere once it is off", async (t) => {
    const { logs, lines } = openLogs(t);
    deepEqual([logs.current], [null]);
    await logs.update({ path: null, format: "combined", maxBytes: 1, keep: 1 });
    logs.current?.note(entry);
    deepEqual(lines, [toCombinedLine(entry)]);
    await logs.update(null);
    deepEqual([logs.current], [null]);
    await logs.close();
  });

  it("to a file that is put aside when it is long enough, of which so many are kept", async (t) => {
    const { folder, logs, logger } = openLogs(t);
    const path = join(folder, "access.log");
    await logs.update({ path, format: "json", maxBytes: 10_000, keep: 2 });
    const count = 250;
    for (let i = 0; i < count; i++) {
      logs.current?.note({ ...entry, target: `/${i}` });
      if (i % 25 === 0) await new Promise(setImmediate);
    }
    await logs.close();
    const names = readdirSync(folder).filter((name) => name.startsWith("access.log"));
    deepEqual(names.sort(), ["access.log", "access.log.1", "access.log.2"]);
    const paths = ["access.log.2", "access.log.1", "access.log"].flatMap((name) =>
      readFileSync(join(folder, name), "utf8")
        .trimEnd()
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => (JSON.parse(line) as { path: string }).path),
    );
    // The last ones, each once and in order; older ones went with the files that are not kept.
    deepEqual(
      paths,
      Array.from({ length: paths.length }, (_, i) => `/${count - paths.length + i}`),
    );
    ok(paths.length > 40 && paths.length < count, String(paths.length));
    deepEqual(logger.lines, []);
  });

  it("says once that a file cannot be written, and lets traffic go on", async (t) => {
    const { folder, logs, logger } = openLogs(t);
    // A folder where the file should be: not even root can write that.
    await logs.update({ path: folder, format: "json", maxBytes: 10_000, keep: 2 });
    logs.current?.note(entry);
    while (logger.lines.length === 0) await new Promise(setImmediate);
    logs.current?.note(entry);
    await logs.close();
    equal(logger.lines.length, 1);
    match(logger.lines[0]?.message ?? "", /access log not written/);
  });
});
