import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { fakeClock } from "../../test/support/fake-clock.ts";
import { keepToken, readKeptToken } from "./kept-token.ts";
import { createLoginCode } from "./login-code.ts";

function folder(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "nodoff-token-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

describe("the token nodoff makes for itself", () => {
  it("is the same at each start, and only its owner may read it", (t) => {
    const dir = join(folder(t), "state");
    assert.equal(readKeptToken(dir), null);
    const first = keepToken(dir);
    assert.match(first.token, /^[\w-]{43}$/);
    assert.deepEqual(keepToken(dir), first);
    assert.equal(readKeptToken(dir), first.token);
    assert.equal(statSync(join(dir, "admin-token")).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(dir), ["admin-token"]);
  });

  it("is made anew where the file is empty", (t) => {
    const dir = folder(t);
    writeFileSync(join(dir, "admin-token"), "\n");
    assert.equal(keepToken(dir).token, readKeptToken(dir));
    assert.equal(statSync(join(dir, "admin-token")).mode & 0o777, 0o600);
  });

  it("is another one each time where it cannot be kept, and says why", (t) => {
    const dir = folder(t);
    // A file where the folder should be: that stops root as well.
    const path = join(dir, "state");
    writeFileSync(path, "");
    chmodSync(path, 0o600);
    const [first, second] = [keepToken(path), keepToken(path)];
    assert.match(first.problem ?? "", /EEXIST|ENOTDIR/);
    assert.notEqual(first.token, second.token);
  });
});

describe("the login code", () => {
  it("is right once, however it is typed", () => {
    const code = createLoginCode(fakeClock());
    assert.match(code.text, /^[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}$/);
    assert.ok(!code.take("0000-0000-0000") && !code.take(""));
    assert.ok(code.take(` ${code.text.toLowerCase()} `));
    assert.ok(!code.take(code.text));
  });

  it("is right for 15 minutes", () => {
    const clock = fakeClock();
    const [early, late] = [createLoginCode(clock), createLoginCode(clock)];
    clock.advance(15 * 60_000 - 1);
    assert.ok(early.take(early.text));
    clock.advance(1);
    assert.ok(!late.take(late.text));
  });
});
