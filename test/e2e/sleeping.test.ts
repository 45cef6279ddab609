import assert from "node:assert/strict";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { Events, Problem, Savings } from "../../src/control/schema.ts";
import { web } from "../support/e2e/boxes.ts";
import { until } from "../support/e2e/child.ts";
import { createEnds } from "../support/e2e/ends.ts";
import { openHome, type Served } from "../support/e2e/home.ts";
import { callHook } from "../support/e2e/hook-caller.ts";
import { createAsker } from "../support/e2e/stack-ask.ts";
import { openFaultyEngine } from "../support/e2e/stack-engine.ts";
import { openStack } from "../support/e2e/stack.ts";
import { httpReceiver } from "../support/receivers.ts";

// When containers sleep besides by their idle time alone, on a real engine. All tests run at the same time, since each
// mostly waits: for the minute to be full, for a back-off, for the next tier.
const atEnd = createEnds();
const stack = await openStack(atEnd);
const { events } = stack;
const app = { cmd: web(), expose: ["80/tcp"] };
const names = [
  "refusing",
  "tiered",
  "morning",
  "night",
  "pinned",
  "dry",
  "busy",
  "asked",
  "rested",
  "idle",
  "kept",
  "frozen",
] as const;
const boxes = new Map(await Promise.all(names.map(async (name) => [name, await stack.box(name, app)] as const)));
const on = (name: (typeof names)[number], more = {}): Record<string, object> => ({
  [name]: { container: boxes.get(name)?.name, host: `${name}.test`, port: 80, ...more },
});

const home = await openHome(atEnd);
const socket = join(home.directory, "faulty.sock");
const engine = await openFaultyEngine(atEnd, socket);
const receiver = await httpReceiver({ after });

/** Cron fields of the next full minute that leaves time to begin, as they are in a zone far from UTC. */
const zone = "Asia/Kathmandu";
const opensAt = Math.ceil((Date.now() + 8_000) / 60_000) * 60_000;
const [hour, minute] = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit" })
  .format(opensAt)
  .split(":")
  .map(Number);
const opens = `${minute} ${hour} * * *`;

await home.write({
  providers: { local: { type: "docker", url: `unix://${socket}`, discover: false } },
  defaults: { idle_timeout: "1s", wake_timeout: "30s" },
  workloads: {
    ...on("refusing"),
    ...on("tiered", {
      tiers: [
        { after: "1s", do: "pause" },
        { after: "6s", do: "stop" },
      ],
    }),
    ...on("morning", { schedule: { timezone: zone, awake: [`${opens} for 4s`] } }),
    ...on("night", { idle_timeout: 0, min_awake: "1s", schedule: { timezone: zone, asleep: [`${opens} for 1h`] } }),
    ...on("pinned"),
    ...on("dry", { dry_run: true }),
    ...on("busy"),
    ...on("asked", { idle_timeout: "15m" }),
    ...on("rested", { min_awake: "4s" }),
  },
  notify: { ops: { type: "webhook", url: receiver.url, events: ["stop_failed"] } },
});
const nodoff = await home.serve();
const { when, post, get, workload } = createAsker(nodoff);

async function wake(alias: string, port = home.port): Promise<number> {
  const { status, text } = await callHook(port, "caddy", { host: `${alias}.test` });
  assert.equal(status, 200, text);
  return Date.now();
}
const asleep = (alias: string): Promise<unknown> => when(alias, "asleep", ({ state }) => state === "napping");

/** Resolves with the moment of the `nth` such event on the engine. */
function happens(since: number, text: string, nth = 1, patienceMs = 40_000): Promise<number> {
  const look = async (): Promise<number | undefined> =>
    events(since).filter((event) => event.text === text)[nth - 1]?.at;
  return until(`${text}, ${nth}.`, look, patienceMs);
}
const told = (since: number, name: string): readonly string[] => events(since, name).map(({ text }) => text);

async function messages(alias: string, from: typeof get = get): Promise<readonly string[]> {
  const { events: found } = await from(`/workloads/${alias}/events?limit=500`, Events);
  return found.map(({ message }) => message);
}

describe("sleeping", { concurrency: true }, () => {
  it("tries a stop again that the engine refuses, later each time, says so, and ends asleep", async () => {
    const id = (await boxes.get("refusing")!.container.inspect()).Id;
    let left = 3;
    engine.fail((call) => {
      if (!call.startsWith(`POST /containers/${id}/stop`) || left === 0) return null;
      left--;
      return { status: 500, message: "cannot stop container: the test says no" };
    });
    await asleep("refusing");
    const mark = nodoff.mark();
    await wake("refusing");
    const refused = await when("refusing", "refused", ({ reasons }) => reasons.some(({ signal }) => signal === "stop"));
    assert.equal(refused.state, "ready", "it still answers");
    const { text } = refused.reasons.find(({ signal }) => signal === "stop")!;
    assert.match(text, /refused to stop it, tried again later: .*the test says no/);
    assert.ok(Date.parse(refused.sleeps_at ?? "") > Date.now() + 2_000, "and when");
    await when("refusing", "asleep", ({ state }) => state === "napping", 60_000);
    assert.ok(!(await boxes.get("refusing")!.running()));
    const own = nodoff
      .log()
      .slice(mark)
      .filter(({ context }) => context?.["alias"] === "refusing");
    const waits = own.filter(({ message }) => message === "stop will be tried again");
    assert.deepEqual(
      waits.map(({ context }) => context?.["in_ms"]),
      [5_000, 10_000, 20_000],
    );
    assert.equal(own.filter(({ level, message }) => level === "error" && message === "stop failed").length, 3);
    const history = (await messages("refusing")).filter((message) => /^(?:stop failed|asleep)/.test(message));
    assert.deepEqual(
      history.map((message) => message.slice(0, 11)),
      ["stop failed", "stop failed", "stop failed", "asleep (sto"],
    );
    const metrics = (await nodoff.get("/metrics")).text;
    assert.match(metrics, /^nodoff_sleeps_total\{workload="refusing",method="stop",result="failed"\} 3$/m);
    assert.match(metrics, /^nodoff_sleeps_total\{workload="refusing",method="stop",result="ok"\} 1$/m);
    await receiver.until(1);
    const [notice, ...more] = receiver.received.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
    assert.deepEqual([notice?.["event"], notice?.["alias"]], ["stop_failed", "refusing"]);
    assert.match(String(notice?.["detail"]), /the test says no/);
    assert.deepEqual(more, [], "once for all three");
  });

  it("pauses first and stops later; a wake in between resumes, and begins anew", async () => {
    const since = await stack.now();
    await asleep("tiered");
    await wake("tiered");
    await happens(since, "pause tiered");
    await asleep("tiered");
    const usedAt = await wake("tiered");
    await happens(since, "pause tiered", 2);
    const endedAt = await happens(since, "die tiered");
    assert.deepEqual(
      told(since, "tiered").filter((text) => text !== "unpause tiered"),
      ["start tiered", "pause tiered", "pause tiered", "die tiered"],
    );
    assert.equal(told(since, "tiered").indexOf("unpause tiered"), 2, "resumed, not started");
    const late = endedAt - usedAt - 6_000;
    assert.ok(late > -200 && late < 5_000, `stopped ${late} ms after its time`);
    await asleep("tiered");
    assert.ok((await messages("tiered")).some((message) => message === "asleep (stop): tiers: not used for 6 s"));
    await wake("tiered");
  });

  it("wakes when a window opens, keeps awake while it is open, and lets go after it", async () => {
    const since = await stack.now();
    await asleep("morning");
    const startedAt = await happens(since, "start morning", 1, 75_000);
    const late = startedAt - opensAt;
    assert.ok(late >= 0 && late < 10_000, `started ${late} ms after the full minute`);
    const { reasons } = await when("morning", "awake", ({ state }) => state === "ready");
    assert.match(reasons.find(({ signal }) => signal === "schedule")?.text ?? "", /^scheduled to be awake until /);
    const endedAt = await happens(since, "die morning");
    assert.ok(endedAt >= opensAt + 4_000, "idle for longer than its idle time, but not before the end of the window");
    assert.deepEqual(told(since, "morning"), ["start morning", "die morning"]);
  });

  it("sleeps when a window wants it asleep, though it never would by itself, and wakes on request", async () => {
    const since = await stack.now();
    await asleep("night");
    assert.ok((await wake("night")) < opensAt, "woken before the window opens");
    const endedAt = await happens(since, "die night", 1, 75_000);
    const late = endedAt - opensAt;
    assert.ok(late >= 0 && late < 10_000, `ended ${late} ms after the full minute`);
    await asleep("night");
    await wake("night");
  });

  it("keeps awake what is pinned, until it is unpinned", async () => {
    const since = await stack.now();
    await asleep("pinned");
    const askedAt = Date.now();
    const pinned = await post("pinned", "pin", { for: "2h", reason: "a demo" });
    assert.equal(pinned.status, 202, pinned.text);
    const held = await when("pinned", "awake", ({ state }) => state === "ready");
    assert.ok(Math.abs(Date.parse(held.pinned_until ?? "") - askedAt - 7_200_000) < 10_000);
    const startedAt = await happens(since, "start pinned");
    // Others come and go in this time; it has three times its idle time.
    await until("idle for long enough", async () => (Date.now() - startedAt > 4_000 ? true : undefined));
    const { state, sleeps_at, reasons } = await workload("pinned");
    assert.deepEqual([state, sleeps_at, reasons[0]?.signal], ["ready", null, "pin"]);
    assert.equal((await post("pinned", "unpin")).status, 202);
    await happens(since, "die pinned");
    await asleep("pinned");
    assert.equal((await workload("pinned")).pinned_until, null);
    assert.ok((await messages("pinned")).includes("admin: pin asked for 2 h (reason: a demo)"));
  });

  it("only says when it would sleep in a dry run, and keeps the account of it", async () => {
    const since = await stack.now();
    await asleep("dry");
    await wake("dry");
    const would = (message: string): boolean => message.startsWith("dry run: would be asleep now: ");
    await until("would sleep", async () => ((await messages("dry")).some(would) ? true : undefined));
    const saved = await until("an account", async () => {
      const { workloads } = await get("/savings", Savings);
      const own = workloads.find(({ alias }) => alias === "dry");
      return own !== undefined && own.asleep_ms >= 1_000 ? own : undefined;
    });
    assert.equal(saved.dry_run, true);
    assert.ok(saved.awake_ms > 0);
    const { state, dry_run } = await workload("dry");
    assert.deepEqual([state, dry_run], ["ready", true]);
    await wake("dry");
    await until("would be awake again", async () =>
      (await messages("dry")).some((message) => message === "dry run: would be awake again now") ? true : undefined,
    );
    await until("would sleep again", async () =>
      (await messages("dry")).filter(would).length === 2 ? true : undefined,
    );
    assert.deepEqual(told(since, "dry"), ["start dry"]);
  });

  it("refuses to put to sleep what is in use, with the reasons, unless forced", async () => {
    const since = await stack.now();
    await asleep("busy");
    await wake("busy");
    const session = await boxes.get("busy")!.container.exec({ Cmd: ["sleep", "300"] });
    (await session.start({ Detach: true })).resume();
    const answer = await post("busy", "sleep", { reason: "tidying up" });
    assert.equal(answer.status, 409);
    const { code, reasons = [] } = Problem.parse(JSON.parse(answer.text));
    assert.equal(code, "IN_USE");
    assert.ok(
      reasons.some(({ signal, text }) => signal === "exec_sessions" && text === "1 command runs inside: sleep 300"),
      answer.text,
    );
    assert.ok(reasons.every(({ verdict }) => verdict === "in_use"));
    await when("busy", "in use", ({ reasons: now }) =>
      now.some(({ signal, verdict }) => signal === "exec_sessions" && verdict === "in_use"),
    );
    assert.equal((await post("busy", "sleep", { force: true })).status, 202);
    await happens(since, "die busy");
    await asleep("busy");
  });

  it("puts to sleep what is not in use when somebody asks, however long its idle time", async () => {
    await asleep("asked");
    await wake("asked");
    assert.equal((await post("asked", "sleep", { reason: "enough for today" })).status, 202);
    await asleep("asked");
    assert.ok(!(await boxes.get("asked")!.running()));
    assert.ok((await messages("asked")).includes("asleep (stop): asked: enough for today"));
  });

  it("stays awake for min_awake, whatever the idle time", async () => {
    const since = await stack.now();
    await asleep("rested");
    await wake("rested");
    const [startedAt, endedAt] = [await happens(since, "start rested"), await happens(since, "die rested")];
    assert.ok(endedAt - startedAt >= 4_000, `it ran for ${endedAt - startedAt} ms`);
  });

  it("goes on where it was after kill -9: idle time, pins, deeper sleep, history", async () => {
    const other = await openHome(atEnd, {
      providers: { local: { type: "docker", discover: false } },
      defaults: { wake_timeout: "30s", min_awake: "1s" },
      workloads: {
        ...on("idle", { idle_timeout: "20s" }),
        ...on("kept", { idle_timeout: "1s" }),
        ...on("frozen", {
          tiers: [
            { after: "1s", do: "pause" },
            { after: "20s", do: "stop" },
          ],
        }),
      },
    });
    const since = await stack.now();
    const first = await other.serve();
    const before = createAsker(first);
    for (const alias of ["idle", "kept", "frozen"]) await first.inState(alias, "napping");
    assert.equal((await before.post("kept", "pin", { for: "1h" })).status, 202);
    const [frozenAt, idleAt] = [await wake("frozen", first.port), await wake("idle", first.port)];
    await happens(since, "pause frozen");
    // What is saved is on disk within a second.
    await until("written down", async () => (Date.now() - idleAt > 2_500 ? true : undefined));
    const pinnedUntil = (await before.workload("kept")).pinned_until;
    const lastUsedAt = (await before.workload("idle")).last_used_at;
    const history = await messages("idle", before.get);
    await first.child.kill();

    const second: Served = await other.serve();
    const after = createAsker(second);
    await after.when("idle", "adopted", ({ state }) => state === "ready");
    assert.ok(
      Math.abs(Date.parse((await after.workload("idle")).last_used_at ?? "") - Date.parse(lastUsedAt ?? "")) < 2_000,
    );
    assert.deepEqual((await messages("idle", after.get)).slice(0, history.length), history);
    assert.ok(history.length > 0);
    await after.when(
      "kept",
      "pinned as before",
      ({ state, pinned_until }) => state === "ready" && pinned_until === pinnedUntil,
    );
    const frozen = await after.when("frozen", "napping", ({ state }) => state === "napping");
    assert.ok(frozen.eta_ms !== null, "how long a wake takes is known, too");
    const why = async (alias: string): Promise<string> => {
      await second.inState(alias, "napping");
      const { events: found } = await after.get(`/workloads/${alias}/events`, Events);
      return found.map(({ at, message }) => `${at} ${message}`).join("\n");
    };
    const idleMs = (await happens(since, "die idle")) - idleAt;
    assert.ok(idleMs > 18_000 && idleMs < 35_000, `it slept after ${idleMs} ms: ${await why("idle")}`);
    const frozenMs = (await happens(since, "die frozen")) - frozenAt;
    assert.ok(frozenMs > 18_000 && frozenMs < 35_000, `it was stopped after ${frozenMs} ms: ${await why("frozen")}`);
    // The engine thaws what it stops.
    assert.deepEqual(
      told(since, "frozen").filter((text) => text !== "unpause frozen"),
      ["start frozen", "pause frozen", "die frozen"],
    );
    assert.deepEqual(told(since, "kept"), ["start kept"]);
  });
});
