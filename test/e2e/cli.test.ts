import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { freePort } from "../support/e2e/child.ts";
import { createEnds } from "../support/e2e/ends.ts";
import { adminToken, openHome, runNodoff } from "../support/e2e/home.ts";

// The commands as people type them, against a nodoff of its own process that really starts and stops something.
const atEnd = createEnds();
const port = await freePort();
const script = `console.log("listening on ${port}");
require("http").createServer((q, r) => r.end("awake")).listen(${port}, "127.0.0.1")`;
const home = await openHome(atEnd, {
  providers: { here: { type: "process" } },
  workloads: {
    app: {
      process: { command: [process.execPath, "-e", script] },
      host: "app.test",
      upstream: `http://127.0.0.1:${port}`,
      idle_timeout: "10m",
    },
    broken: {
      process: { command: [process.execPath, "-e", "process.exit(3)"] },
      host: "broken.test",
      upstream: "http://127.0.0.1:1",
    },
  },
});
const nodoff = await home.serve();

/** In another folder than the configuration's; where nodoff is comes from `--config`. */
async function run(
  ...args: readonly string[]
): Promise<{ readonly code: number | NodeJS.Signals; readonly text: string }> {
  const { code, lines } = await runNodoff([...args, "--config", home.file], { cwd: home.directory });
  return { code, text: lines.join("\n") };
}

describe("commands against a running nodoff", { concurrency: false }, () => {
  it("wakes, tells how it is, and shows what it writes", async () => {
    assert.deepEqual(await run("wake", "app", "--wait", "--reason", "a look"), { code: 0, text: "app: ready" });
    const { text } = await run("status");
    assert.match(text, /^ALIAS +STATE +SLEEPS +WHY\napp +ready +in \d/m);
    const one = await run("status", "app");
    assert.match(one.text, /^app: ready, process app at here$/m);
    assert.match(one.text, /audit +.*wake asked \(reason: a look\)/);
    assert.deepEqual(await run("logs", "app", "--lines", "5"), { code: 0, text: `listening on ${port}` });
    const { code, text: health } = await run("health", "check", "app");
    assert.equal(code, 0);
    assert.match(health, /^app: healthy.*200 OK/);
    const all = await run("health", "check");
    assert.equal(all.code, 0);
    assert.match(all.text, /^ALIAS .*\napp +healthy .*200 OK$/m);
  });

  it("keeps awake, restarts, and puts to sleep", async () => {
    assert.equal((await run("pin", "app", "--for", "1h")).code, 0);
    assert.match((await run("status", "app")).text, /pinned for (?:1 h|59 m)/);
    const refused = await run("sleep", "app");
    assert.equal(refused.code, 1);
    assert.match(refused.text, /^app: it is in use.*\n {2}kept awake/);
    assert.equal((await run("unpin", "app")).code, 0);
    assert.deepEqual(await run("restart", "app", "-w"), { code: 0, text: "app: ready" });
    assert.deepEqual(await run("sleep", "app", "--force", "--wait"), { code: 0, text: "app: napping" });
    assert.equal(await nodoff.state("app"), "napping");
  });

  it("says why a wake failed, in scripts too", async () => {
    const { code, text } = await run("wake", "broken", "--wait");
    assert.deepEqual([code, text], [1, "broken: it ended by itself with exit code 3"]);
    const { workloads } = JSON.parse((await run("status", "broken", "--json")).text) as {
      readonly workloads: readonly { readonly state: string; readonly error: { readonly code: string } }[];
    };
    assert.deepEqual(
      workloads.map(({ state, error }) => [state, error.code]),
      [["error", "EXITED"]],
    );
  });

  it("finds nodoff by URL and token as well, and ends with 4 where there is none", async () => {
    const there = { NODOFF_URL: `http://127.0.0.1:${home.port}`, NODOFF_TOKEN: adminToken };
    assert.equal((await runNodoff(["health"], { env: there })).code, 0);
    const wrong = await runNodoff(["health", "--token", "wrong"], { env: there });
    assert.deepEqual([wrong.code, wrong.lines], [1, ["the admin token is wrong (give it by --token or NODOFF_TOKEN)"]]);
    const away = await runNodoff(["health", "--url", `http://127.0.0.1:${await freePort()}`], { env: there });
    assert.equal(away.code, 4);
  });
});
