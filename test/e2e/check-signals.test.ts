import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { z } from "zod";
import { type Box, web } from "../support/e2e/boxes.ts";
import { createEnds } from "../support/e2e/ends.ts";
import { openHome, runNodoff } from "../support/e2e/home.ts";
import { callHook } from "../support/e2e/hook-caller.ts";
import { createAsker } from "../support/e2e/stack-ask.ts";
import { openFaultyEngine } from "../support/e2e/stack-engine.ts";
import { openStack } from "../support/e2e/stack.ts";

// What nodoff can see of real containers, and what it says and does where it cannot: an engine behind a socket proxy
// that allows no exec, on a machine that shows no processes.
const atEnd = createEnds();
const stack = await openStack(atEnd);
const app = { cmd: web(), expose: ["80/tcp"] };
const [runs, rests, server, needed, optional] = await Promise.all([
  stack.box("runs", app),
  stack.box("rests", app),
  stack.service("media", "server", app),
  stack.box("needed", app),
  stack.box("optional", app),
]);
await Promise.all([runs.container.start(), server.container.start()]);

const home = await openHome(atEnd);
const nowhere = join(home.directory, "no-proc");
await mkdir(nowhere);
const socket = join(home.directory, "narrow.sock");
const engine = await openFaultyEngine(atEnd, socket);
const forbidExec = (): void =>
  engine.fail((call) => (call.endsWith("/exec") ? { status: 403, message: "Forbidden" } : null));

const wide = { providers: { local: { type: "docker", discover: false } } };
const narrow = {
  providers: { local: { type: "docker", url: `unix://${socket}`, discover: false } },
  signals: { netns: { proc: nowhere } },
};
const on = ({ name: container }: Box, name: string, more = {}): object => ({
  container,
  host: `${name}.test`,
  port: 80,
  ...more,
});
const checked = {
  runs: on(runs, "runs", { activity: { probe: { exec: ["test", "-f", "/tmp/busy"] } } }),
  rests: on(rests, "rests", { activity: { cpu: false } }),
  media: { compose: stack.projectOf("media"), host: "media.test", port: 80 },
};

const SignalLine = z.strictObject({ name: z.string(), live: z.boolean(), note: z.string().min(1) });
const Place = z.strictObject({
  file: z.string(),
  line: z.int(),
  column: z.int(),
  key: z.string(),
  message: z.string(),
});
const Report = z.strictObject({
  errors: z.array(Place),
  warnings: z.array(Place),
  routes: z.array(z.looseObject({ alias: z.string() })),
  workloads: z.array(
    z.strictObject({
      alias: z.string(),
      provider: z.string(),
      kind: z.string(),
      ref: z.string(),
      source: z.string(),
      idle_timeout_ms: z.number(),
      stop_method: z.string(),
      sleeps: z.boolean(),
      dry_run: z.boolean(),
      depends_on: z.array(z.string()),
      signals: z.array(SignalLine),
    }),
  ),
});

async function check(): Promise<z.infer<typeof Report>> {
  const { code, lines } = await runNodoff(["check", "--json", "--config", home.file]);
  assert.equal(code, 0, lines.join("\n"));
  return Report.parse(JSON.parse(lines.join("\n")));
}

/** `name: live` of each signal of one workload. */
function lights({ workloads }: z.infer<typeof Report>, alias: string): Readonly<Record<string, boolean>> {
  const signals = workloads.find((each) => each.alias === alias)?.signals ?? [];
  assert.equal(new Set(signals.map(({ name }) => name)).size, signals.length, "each is told once");
  return Object.fromEntries(signals.map(({ name, live }) => [name, live]));
}

const invisible = /^long connections \(WebSockets, downloads\) behind your proxy cannot be seen: /;

// One file for all: one after the other.
describe("check, of signals", () => {
  it("says of each workload which are live, and warns of nothing where all is to be seen", async () => {
    await home.write({ ...wide, workloads: checked });
    const report = await check();
    assert.deepEqual(report.warnings, []);
    const all = { requests: true, proxy: false, connections: true, network: true, cpu: true, exec_sessions: true };
    assert.deepEqual(lights(report, "runs"), { ...all, probe: true });
    assert.deepEqual(lights(report, "rests"), { ...all, cpu: false, probe: false });
    assert.deepEqual(lights(report, "server"), { ...all, probe: false });
    assert.equal(lights(report, "media")["connections"], true, "its members are asked");
    const human = await runNodoff(["check", "--config", home.file]);
    assert.equal(human.code, 0);
    for (const line of [
      "  signal connections: live (no open connection)",
      "  signal connections: live (not tried: it does not run)",
      "  signal connections: live (its members are asked)",
      "  signal proxy: not live (missing: listen.proxy is not set)",
      "  signal cpu: not live (off: no activity.cpu)",
    ])
      assert.ok(human.lines.includes(line), `${line}\nnot in\n${human.lines.join("\n")}`);
    assert.ok(!(await rests.running()), "it starts nothing");
  });

  it("warns where long connections cannot be seen, and names the right and the way around it", async () => {
    forbidExec();
    await home.write({ ...narrow, workloads: checked });
    const report = await check();
    assert.deepEqual(
      report.warnings.map(({ key }) => key),
      ["workloads.runs.activity.connections", "workloads.media.activity.connections"],
    );
    const [own, ofMember] = report.warnings;
    for (const { message } of report.warnings) {
      assert.match(message, invisible);
      assert.match(message, /narrow\.sock refuses POST \/containers\/\{id\}\/exec/);
      assert.match(message, /pid: host/);
      assert.match(message, /signals\.caddy/);
    }
    assert.ok(own!.line > 1 && own!.file === home.file, "with its place in the file");
    assert.match(ofMember!.message, /seen: server: /);
    assert.equal(lights(report, "runs")["connections"], false);
    assert.equal(lights(report, "runs")["probe"], false, "a command cannot be run either");
    assert.equal(lights(report, "runs")["cpu"], true, "what needs no exec is live");
    const human = await runNodoff(["check", "--config", home.file]);
    assert.match(
      human.lines.join("\n"),
      /^warning: .*nodoff\.yaml:\d+:\d+ workloads\.runs\.activity\.connections: long /m,
    );
  });

  it("is quiet about it where nodoff is the proxy itself", async () => {
    await home.write({ ...narrow, listen: { proxy: "127.0.0.1:0" }, workloads: checked });
    const report = await check();
    assert.deepEqual(report.warnings, []);
    assert.equal(lights(report, "runs")["proxy"], true);
  });

  it("keeps awake what a required signal cannot be read of, says so, and lets it sleep once it can", async () => {
    forbidExec();
    const since = await stack.now();
    await home.write({
      ...narrow,
      defaults: { idle_timeout: "1s", wake_timeout: "30s" },
      workloads: {
        needed: on(needed, "needed", { activity: { connections: { required: true } } }),
        optional: on(optional, "optional"),
      },
    });
    const nodoff = await home.serve();
    const { when } = createAsker(nodoff);
    for (const alias of ["needed", "optional"]) {
      await nodoff.inState(alias, "napping");
      assert.equal((await callHook(home.port, "caddy", { host: `${alias}.test` })).status, 200);
    }
    const isBlind = ({ reasons }: Awaited<ReturnType<typeof when>>, effect: string): boolean =>
      reasons.some(
        ({ signal, verdict, text }) =>
          signal === "connections" && verdict === "unreadable" && text.startsWith(`cannot be read, ${effect}: `),
      );
    await when("optional", "asleep without it", ({ state }) => state === "napping");
    const kept = await when("needed", "kept awake", (now) => isBlind(now, "counts as in use"));
    assert.deepEqual([kept.state, kept.sleeps_at], ["ready", null]);
    const { live, needs } = kept.signals.find(({ name }) => name === "connections")!;
    assert.deepEqual([live, needs], [false, "host /proc or exec"]);
    assert.match(
      (await nodoff.get("/metrics")).text,
      /^nodoff_signal_live\{workload="needed",signal="connections"\} 0$/m,
    );
    assert.ok(isBlind(await when("optional", "told", () => true), "does not protect"), "its sleep says what it lacked");
    engine.fail(() => null);
    await when("needed", "asleep", ({ state }) => state === "napping");
    assert.deepEqual(
      stack.events(since, "needed").map(({ text }) => text),
      ["start needed", "die needed"],
    );
  });
});
