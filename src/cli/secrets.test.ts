import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { runLine } from "../../test/support/cli.ts";
import { keepToken } from "../control/kept-token.ts";
import { isPassword } from "../control/password.ts";
import { parsePasswordHash } from "../core/password-hash.ts";

/** A configuration in a folder of its own; `admin` is one line of it. */
function home(t: TestContext, admin: string): { readonly state: string; readonly argv: readonly string[] } {
  const dir = mkdtempSync(join(tmpdir(), "nodoff-secrets-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const state = join(dir, "state");
  const file = join(dir, "nodoff.yaml");
  writeFileSync(file, `state_dir: ${state}\nproviders: {}\n${admin}\n`);
  return { state, argv: ["token", "--config", file] };
}

describe("nodoff token", () => {
  it("prints the configured token, else the one nodoff made", async (t) => {
    const given = home(t, "admin: { token: typed }");
    keepToken(given.state);
    assert.deepEqual(await runLine(given.argv), { code: 0, out: ["typed"], err: [] });
    const { state, argv } = home(t, "");
    const { token } = keepToken(state);
    assert.deepEqual(await runLine(argv), { code: 0, out: [token], err: [] });
  });

  it("says where there is none, and what is wrong with the file", async (t) => {
    const { code, out, err } = await runLine(home(t, "").argv);
    assert.deepEqual([code, out], [1, []]);
    assert.match(err[0] ?? "", /no admin token: start nodoff once/);
    const wrong = await runLine(home(t, "admin: { tokn: x }").argv);
    assert.equal(wrong.code, 3);
    assert.match(wrong.err[0] ?? "", /admin\.tokn: unknown key/);
  });
});

describe("nodoff hash-password", () => {
  it("makes what admin.users takes, of the first line", async () => {
    const { code, out } = await runLine(["hash-password"], { input: () => Promise.resolve("höchst geheim\r\nmore\n") });
    assert.equal(code, 0);
    const hash = parsePasswordHash(out[0] ?? "");
    assert.ok(hash !== null && (await isPassword("höchst geheim", hash)));
    assert.ok(!(await isPassword("höchst geheim\r", hash)));
  });

  it("asks for a password", async () => {
    const { code, err } = await runLine(["hash-password"], { input: () => Promise.resolve("\n") });
    assert.deepEqual([code, err], [2, ["write the password to standard input"]]);
  });
});
