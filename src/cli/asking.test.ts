import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { runLine } from "../../test/support/cli.ts";
import { fakeWorkload, startControl, token } from "../../test/support/control.ts";
import type { ControlDeps } from "../control/deps.ts";
import type { WorkloadHandle } from "../core/workload-handle.ts";

/** A control listener over fakes, and the command lines that ask it. */
async function start(t: TestContext, overrides: Partial<ControlDeps> = {}) {
  const control = await startControl(t, overrides);
  const env = { NODOFF_URL: control.url, NODOFF_TOKEN: token };
  const stop = new AbortController().signal;
  const run = (line: string, more: Readonly<Record<string, string>> = {}) =>
    runLine(line.split(" "), { env: { ...env, ...more }, stop });
  return { ...control, run, stop };
}

function only(workload: WorkloadHandle): Partial<ControlDeps> {
  return {
    workloads: () => [workload],
    workload: (alias) => (alias === workload.spec.alias ? workload : undefined),
  };
}

describe("status", () => {
  it("tells each workload's state with the reason, and what is wrong besides", async (t) => {
    const { run } = await start(t);
    const { code, out, err } = await run("status");
    assert.equal(code, 0);
    assert.match(out[0] ?? "", /^ALIAS +STATE +SLEEPS +WHY$/);
    assert.match(out[1] ?? "", /^blog +ready +(?:now|in .+) \(dry run\) +2 open requests through nodoff$/);
    assert.match(out[2] ?? "", /^wiki +error +- +exit 1/);
    assert.deepEqual(err, [
      "provider pve is not connected: no answer",
      "left out: label blog-web nodoff.port: not a port",
    ]);
  });

  it("passes on everything the API says as JSON", async (t) => {
    const { run, ask } = await start(t);
    const { out } = await run("status --json");
    const all = JSON.parse(out.join("\n")) as { readonly workloads: unknown };
    assert.deepEqual(all.workloads, (JSON.parse((await ask("/api/v1/workloads")).body) as typeof all).workloads);
  });

  it("shows text of others as text", async (t) => {
    const reasons = [{ signal: "x", verdict: "in_use" as const, text: "\u001b[2J\u001b]0;x\u0007evil\r\nline" }];
    const { run } = await start(t, only(fakeWorkload("blog", { view: { reasons } })));
    assert.match((await run("status")).out[1] ?? "", / - {2,}evil {2}line$/);
  });

  it("says which alias may have been meant", async (t) => {
    const { run } = await start(t);
    assert.deepEqual(await run("status blgo"), {
      code: 1,
      out: [],
      err: ['there is no workload "blgo" (did you mean "blog"?)'],
    });
  });
});

describe("asking", () => {
  it("asks each workload, with the reason, whether or not another one refuses", async (t) => {
    const { run, changes } = await start(t);
    const { code, out, err } = await run("wake blog nobody wiki");
    assert.equal(code, 1);
    assert.deepEqual(out, ["blog: ready", "wiki: error"]);
    assert.deepEqual(err, ['nobody: there is no workload "nobody"']);
    assert.equal((await run("sleep blog --reason backup --force")).code, 0);
    assert.equal((await run("pin blog --for 2h")).code, 0);
    assert.equal((await run("unpin blog")).code, 0);
    assert.equal((await run("restart blog")).code, 0);
    assert.deepEqual(
      changes.map((line) => line.replace(/ pin \d+/, " pin TIME")),
      [
        "blog wake person",
        "wiki wake person",
        "blog sleep force=true backup",
        "blog pin TIME null",
        "blog pin null null",
        "blog restart null",
      ],
    );
  });

  it("tells why sleep was refused", async (t) => {
    const reasons = [{ signal: "connections", verdict: "in_use" as const, text: "1 open connection" }];
    const { run } = await start(t, only(fakeWorkload("blog", { sleep: { kind: "in_use", reasons } })));
    const { code, err } = await run("sleep blog");
    assert.equal(code, 1);
    assert.match(err.join("\n"), /^blog: it is in use.*\n {2}1 open connection$/);
  });

  it("waits until it is done, or tells what came of it", async (t) => {
    const states = ["starting", "starting", "ready"] as const;
    let asked = 0;
    const stages = states.map((state) => fakeWorkload("blog", { view: { state } }));
    const last = stages.at(-1)!;
    const workload = (): WorkloadHandle => stages[asked++] ?? last;
    const { run } = await start(t, { workload });
    assert.deepEqual(await run("wake blog --wait"), { code: 0, out: ["blog: ready"], err: [] });
    assert.ok(asked >= states.length);
    const { run: other } = await start(t);
    assert.deepEqual(await other("wake wiki --wait"), { code: 1, out: [], err: ["wiki: exit 1"] });
  });

  it("wants to know for how long", async (t) => {
    const { run } = await start(t);
    const missing = await run("pin blog");
    assert.deepEqual(
      [missing.code, missing.err[0]?.split("\n")[0]],
      [2, "nodoff: pin needs --for TIME, such as --for 2h"],
    );
    assert.equal((await run("pin blog --for 2")).code, 2);
    const tooLong = await run("pin blog --for 90d");
    assert.deepEqual(
      [tooLong.code, tooLong.err],
      [1, ['blog: for: must be a duration from "1s" to "30d", such as "2h"']],
    );
  });
});

describe("logs", () => {
  it("prints the last lines as text and ends; what somebody else wrote moves no cursor", async (t) => {
    const workload: WorkloadHandle = {
      ...fakeWorkload("blog"),
      async *follow() {
        yield "one";
        yield "\u001b[31mtwo\u001b[0m <b>";
        await new Promise(() => undefined);
      },
    };
    const { run } = await start(t, only(workload));
    assert.deepEqual(await run("logs blog"), { code: 0, out: ["one", "two <b>"], err: [] });
    const json = await run("logs blog --json --lines 2");
    assert.deepEqual(json.out.map((line) => JSON.parse(line) as unknown)[0], { line: "one" });
    assert.equal((await run("logs blgo")).err[0], 'there is no workload "blgo" (did you mean "blog"?)');
    assert.equal((await run("logs blog --lines many")).code, 2);
    assert.equal((await run("logs blog --lines 5000")).code, 1);
  });

  it("goes on with --follow until it is told to stop", async (t) => {
    const workload: WorkloadHandle = {
      ...fakeWorkload("blog"),
      async *follow() {
        yield "one";
        await new Promise(() => undefined);
      },
    };
    const { url } = await start(t, only(workload));
    const stop = new AbortController();
    const lines: string[] = [];
    const out = (line: string): void => {
      lines.push(line);
      stop.abort();
    };
    const { code } = await runLine(["logs", "blog", "-f", "--url", url, "--token", token], { out, stop: stop.signal });
    assert.deepEqual([code, lines], [0, ["one"]]);
  });
});

describe("health", () => {
  it("lists every route, one with its history", async (t) => {
    const { run } = await start(t);
    const all = await run("health");
    assert.match(all.out.join("\n"), /^ALIAS.*\nblog +healthy +1 m 1 s +1.25 ms +- +200 OK\nblog-api +unknown/);
    const one = await run("health blog --period 1d");
    assert.deepEqual(one.out, [
      "blog: healthy, for 1 m 1 s, answered within 1.25 ms, 200 OK",
      "  |",
      "  1d: healthy 99 % of the time awake, napping - of all time",
    ]);
    assert.equal((await run("health blog --period 2d")).err[0], "period must be one of 5m, 15m, 1h, 1d, 30d");
    assert.equal((await run("health blgo")).err[0], 'there is no route "blgo" (did you mean "blog"?)');
  });

  it("checks one now", async (t) => {
    const { run, changes } = await start(t);
    const { code, out } = await run("health check blog");
    assert.deepEqual([code, changes], [0, ["blog check"]]);
    assert.match(out[0] ?? "", /^blog: healthy/);
    assert.equal((await run("health check nas")).err[0], 'nobody watches "nas"');
    assert.equal((await run("health check blgo")).err[0], 'there is no route "blgo" (did you mean "blog"?)');
  });
});

describe("a nodoff that does not answer as it should", () => {
  it("is told apart: away, another token, something else", async (t) => {
    const { run, url, stop } = await start(t);
    const away = await run("status", { NODOFF_URL: "http://127.0.0.1:1" });
    assert.equal(away.code, 4);
    assert.match(away.err[0] ?? "", /^not reachable at http:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/);
    const wrong = await run("status", { NODOFF_TOKEN: "wrong" });
    assert.deepEqual(wrong.err, ["the admin token is wrong (give it by --token or NODOFF_TOKEN)"]);
    const config = await runLine(["status", "--config", "/nowhere/nodoff.yaml"], { stop });
    assert.deepEqual([config.code, config.err.length], [3, 1]);
    assert.match(config.err[0] ?? "", /^\/nowhere\/nodoff\.yaml:1:1 .*no such file/);
    const elsewhere = await runLine(["status", "--url", `${url}/nowhere/`, "--token", token], { stop });
    assert.equal(elsewhere.code, 1);
  });
});

describe("colours", () => {
  it("are for terminals, unless somebody does not want them", async (t) => {
    const { url, stop } = await start(t);
    const line = ["status", "--url", url, "--token", token];
    const shown = async (isTerminal: boolean, env = {}) =>
      (await runLine(line, { isTerminal, env, stop })).out.join("\n").includes("\u001b[");
    assert.equal(await shown(true), true);
    assert.equal(await shown(false), false);
    assert.equal(await shown(true, { NO_COLOR: "1" }), false);
    assert.equal(await shown(true, { TERM: "dumb" }), false);
  });
});
