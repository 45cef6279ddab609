import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { assertProblem, fakeWorkload, read, startControl, visitFrom } from "../../test/support/control.ts";
import { Workload } from "./schema.ts";
import type { AskOptions, Reply } from "../../test/support/control.ts";
import type { SleepAnswer } from "../core/workload-handle.ts";
import type { WorkloadSpec } from "../core/spec.ts";

type World = Awaited<ReturnType<typeof startControl>>;

function post(world: World, path: string, options: AskOptions = {}): Promise<Reply> {
  return world.ask(`/api/v1/workloads/${path}`, { method: "POST", ...options });
}

function audits({ journal }: World): readonly string[] {
  const asked = journal.since(0).filter(({ alias }) => alias !== null);
  return asked.map(({ type, alias, message }) => `${type} ${alias}: ${message}`);
}

const actions = ["wake", "sleep", "pin", "unpin", "restart"] as const;
const bodyOf = (action: string, rest: object = {}): object => (action === "pin" ? { for: "2h", ...rest } : rest);

describe("asking for something", () => {
  const asked = [
    ["wake", undefined, "wake person", "wake asked"],
    ["wake", { reason: "demo" }, "wake person", "wake asked (reason: demo)"],
    ["sleep", undefined, "sleep force=false null", "sleep asked"],
    ["sleep", { force: false, reason: "night" }, "sleep force=false night", "sleep asked (reason: night)"],
    ["sleep", { force: true }, "sleep force=true null", "sleep asked with force"],
    ["restart", { reason: "stuck" }, "restart stuck", "restart asked (reason: stuck)"],
    ["unpin", {}, "pin null null", "unpin asked"],
    ["pin", { for: "1s" }, "pin 1767226601000 null", "pin asked for 1 s"],
    ["pin", { for: "1h30m", reason: "film" }, "pin 1767232000000 film", "pin asked for 1 h 30 m (reason: film)"],
    ["pin", { for: "30d" }, "pin 1769818600000 null", "pin asked for 30 d"],
  ] as const;
  for (const [action, body, change, audit] of asked) {
    it(`${action} ${JSON.stringify(body) ?? "without a body"}`, async (t) => {
      const world = await startControl(t);
      const reply = await post(world, `blog/${action}`, { body });
      const workload = read(Workload, reply, 202);
      assert.equal(workload.alias, "blog");
      assert.deepEqual(world.changes, [`blog ${change}`]);
      assert.deepEqual(audits(world), [`audit blog: admin: ${audit}`]);
    });
  }

  it("answers with the workload as it is afterwards", async (t) => {
    const world = await startControl(t);
    const pinned = read(Workload, await post(world, "blog/pin", { body: { for: "2h" } }), 202);
    assert.equal(pinned.pinned_until, "2026-01-01T02:16:40.000Z");
    assert.deepEqual(pinned.routes, ["blog", "blog-api"]);
    assert.equal(pinned.signals.length, 1);
    assert.equal(read(Workload, await post(world, "blog/unpin"), 202).pinned_until, null);
  });

  it("takes no body in each way clients send none", async (t) => {
    const world = await startControl(t);
    const json = { "content-type": "application/json" };
    const ways: readonly AskOptions[] = [
      {},
      { headers: { "content-length": "0" } },
      { headers: { ...json, "content-length": "0" } },
      { body: "", headers: json },
      { body: {}, headers: { "content-type": "application/json; charset=utf-8" } },
    ];
    for (const options of ways) assert.equal((await post(world, "blog/wake", options)).status, 202);
    assert.equal(world.changes.length, ways.length);
  });

  it("tells the log who asked", async (t) => {
    const world = await startControl(t, { visit: visitFrom("192.0.2.7") });
    await post(world, "blog/wake", { body: { reason: "demo" } });
    assert.deepEqual(
      world.logger.lines.map(({ level, context }) => [level, context]),
      [["info", { alias: "blog", message: "admin: wake asked (reason: demo)", client: "192.0.2.7" }]],
    );
  });

  it("keeps what could forge a line or turn text around out of reasons", async (t) => {
    const world = await startControl(t);
    const reason = " a\r\nb\u001b[2J\u202ec\u2028d\u200b ";
    await post(world, "blog/restart", { body: { reason } });
    assert.deepEqual(world.changes, ["blog restart a b [2J c d"]);
    assert.deepEqual(audits(world), ["audit blog: admin: restart asked (reason: a b [2J c d)"]);
    await post(world, "blog/restart", { body: { reason: "\n" } });
    assert.equal(audits(world).at(-1), "audit blog: admin: restart asked");
  });
});

describe("what is in use", () => {
  const reasons: SleepAnswer = {
    kind: "in_use",
    reasons: [{ signal: "connections", verdict: "in_use", text: "1 open connection through Caddy" }],
  };

  it("is not put to sleep: 409 with the reasons", async (t) => {
    const world = await startControl(t, { workload: (alias) => fakeWorkload(alias, { sleep: reasons }) });
    const problem = assertProblem(await post(world, "blog/sleep"), 409, "IN_USE");
    assert.deepEqual(problem.reasons, reasons.reasons);
    assert.deepEqual(audits(world), [
      "audit blog: admin: sleep asked",
      "audit blog: admin: sleep refused: it is in use",
    ]);
  });

  it("tells of a defect while it is asked", async (t) => {
    const workload = { ...fakeWorkload("blog"), sleep: () => Promise.reject(new Error("secret")) };
    const world = await startControl(t, { workload: () => workload });
    const reply = await post(world, "blog/sleep");
    assertProblem(reply, 500, "INTERNAL");
    assert.doesNotMatch(reply.body, /secret/);
  });
});

it("never stops what did not opt in, with force neither", async (t) => {
  const changes: string[] = [];
  const spec: Partial<WorkloadSpec> = { sleeps: false };
  const world = await startControl(t, { workload: (alias) => fakeWorkload(alias, { spec, changes }) });
  for (const [action, body] of [["sleep", { force: true }] as const, ["sleep", {}] as const, ["restart", {}] as const])
    assertProblem(await post(world, `db/${action}`, { body }), 409, "REFUSED");
  assert.deepEqual(changes, []);
  for (const action of ["wake", "pin", "unpin"])
    assert.equal((await post(world, `db/${action}`, { body: bodyOf(action) })).status, 202);
  assert.equal(changes.length, 3);
});

describe("what is refused", () => {
  const wrong: readonly (readonly [action: string, body: unknown, detail: RegExp])[] = [
    ["pin", undefined, /^for: must be a duration/],
    ["pin", {}, /^for: must be a duration/],
    ["pin", { for: "5" }, /^for: /],
    ["pin", { for: 5 }, /^for: /],
    ["pin", { for: "0" }, /^for: /],
    ["pin", { for: "999ms" }, /^for: /],
    ["pin", { for: "30d1ms" }, /^for: /],
    ["pin", { for: "99999999999999999999d" }, /^for: /],
    ["pin", { for: "2h", until: "x" }, /^until: unknown field/],
    ["pin", { for: ["2h"] }, /^for: /],
    ["sleep", { force: "yes" }, /^force: must be true or false/],
    ["sleep", { force: null }, /^force: /],
    ["wake", { force: true }, /^force: unknown field/],
    ["wake", { reason: 1 }, /^reason: must be text/],
    ["wake", { reason: "x".repeat(201) }, /^reason: must have at most 200 characters/],
    ["wake", { [`<${"x".repeat(300)}\n`]: 1 }, /^"<x{49}…": unknown field$/],
    ["restart", [], /^the body must be a JSON object/],
    ["restart", "[1]", /^the body must be a JSON object/],
    ["restart", "null", /^the body is not valid JSON/],
    ["unpin", "{", /^the body is not valid JSON/],
    ["unpin", '{"__proto__": {"x": 1}}', /^__proto__: unknown field/],
  ];
  for (const [action, body, detail] of wrong) {
    const shown = (JSON.stringify(body) ?? "no body").slice(0, 60);
    it(`${action} with ${shown}`, async (t) => {
      const world = await startControl(t);
      const problem = assertProblem(await post(world, `blog/${action}`, { body }), 400, "BAD_REQUEST");
      assert.match(problem.detail ?? "", detail);
      assert.deepEqual([world.changes, audits(world), world.logger.lines], [[], [], []]);
    });
  }

  it("a reason as long as it may be is none of it", async (t) => {
    const world = await startControl(t);
    assert.equal((await post(world, "blog/wake", { body: { reason: "x".repeat(200) } })).status, 202);
  });

  for (const action of actions) {
    it(`${action}: strangers, unknown names, other methods, other types, long bodies`, async (t) => {
      const world = await startControl(t);
      const body = bodyOf(action);
      assertProblem(await post(world, `blog/${action}`, { body, bearer: null }), 401, "UNAUTHORIZED");
      assertProblem(await post(world, `blog/${action}`, { body, bearer: "wrong" }), 401, "UNAUTHORIZED");
      for (const alias of ["none", "..%2Fblog", "__proto__", "%00"])
        assertProblem(await post(world, `${alias}/${action}`, { body }), 404, "NOT_FOUND");
      for (const method of ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"]) {
        const reply = await world.ask(`/api/v1/workloads/blog/${action}`, { method });
        assert.deepEqual([reply.status, reply.headers.allow], [405, "POST"], method);
      }
      for (const type of ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data", "nonsense", ""]) {
        const headers = { "content-type": type };
        const problem = assertProblem(await post(world, `blog/${action}`, { body, headers }), 400, "BAD_REQUEST");
        assert.match(problem.detail ?? "", /application\/json/);
      }
      for (const headers of [{ "content-encoding": "gzip" }, { "content-type": "application/json; charset=latin1" }])
        assertProblem(await post(world, `blog/${action}`, { body, headers }), 400, "BAD_REQUEST");
      const long = bodyOf(action, { reason: "x".repeat(16_000) });
      assertProblem(await post(world, `blog/${action}`, { body: long }), 413, "BODY_TOO_BIG");
      const chunked = { "transfer-encoding": "chunked" };
      assertProblem(await post(world, `blog/${action}`, { body: long, headers: chunked }), 413, "BODY_TOO_BIG");
      assert.deepEqual([world.changes, audits(world)], [[], []]);
      assert.deepEqual(
        world.logger.lines.map(({ message }) => message),
        ["login failed"],
      );
    });
  }
});
