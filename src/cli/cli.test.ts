import assert from "node:assert/strict";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { it } from "node:test";
import { run } from "./cli.ts";

/** One command line; what it wrote and how it ended. */
async function runLine(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await run({
    argv,
    env,
    out: (line) => void out.push(line),
    err: (line) => void err.push(line),
    isTerminal: false,
    stop: AbortSignal.abort(),
    execPath: "node",
    kill: () => undefined,
  });
  return { code, out, err };
}

it("says in one line what a user can mend, whichever command met it", async (t) => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  t.after(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  const { code, err } = await runLine(["demo"], { PORT: String(port) });
  assert.equal(code, 1);
  assert.deepEqual(err, [`cannot listen on 127.0.0.1:${port}: another program listens there already`]);
});

it("ends with 2 for what is no command line", async () => {
  for (const argv of [["nonsense"], ["--nonsense"], ["serve", "more"]]) {
    const { code, err } = await runLine(argv);
    assert.equal(code, 2, argv.join(" "));
    assert.match(err[0] ?? "", /^nodoff: /);
  }
});
