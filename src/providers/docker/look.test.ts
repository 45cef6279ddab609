import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { rowToLook, serviceFilter, toLook } from "./look.ts";
import type { LookContext } from "./look.ts";
import type { RawContainer } from "./raw.ts";

const id = "a".repeat(64);
const context: LookContext = { ownId: null, alone: true, resumedWithin: () => false };
const never = "0001-01-01T00:00:00Z";
const running = { Running: true, ExitCode: 0, StartedAt: "2026-01-01T00:00:01.5Z" };
const raw = (more: Partial<RawContainer> = {}): RawContainer => ({ Id: id, Name: "/web", State: running, ...more });
const look = (more: Partial<RawContainer> = {}, changed: Partial<LookContext> = {}) =>
  toLook(raw(more), { ...context, ...changed });
const compose = (more: Record<string, string> = {}) => ({
  Config: { Labels: { "com.docker.compose.project": "blog", "com.docker.compose.service": "web", ...more } },
});

describe("docker look", () => {
  for (const [state, power] of [
    [{ ...running }, "running"],
    [{ ...running, Paused: true }, "paused"],
    [{ ...running, Restarting: true }, "restarting"],
    [{ Running: false, ExitCode: 0 }, "stopped"],
    [{}, "stopped"],
  ] as const) {
    it(`${JSON.stringify(state)} is ${power}`, () => assert.equal(look({ State: state }).power, power));
  }

  it("has the service as a second name only while the service is this one container", () => {
    assert.deepEqual(look(compose()).refs, ["web", "blog/web"]);
    assert.deepEqual(look(compose(), { alone: false }).refs, ["web"]);
    assert.deepEqual(look(compose({ "com.docker.compose.oneoff": "True" })).refs, ["web"]);
    assert.deepEqual(look().refs, ["web"]);
  });

  it("knows when it started, and year 1 as never", () => {
    assert.equal(look().startedAt, Date.UTC(2026, 0, 1, 0, 0, 1, 500));
    assert.equal(look({ State: { Running: false, StartedAt: never } }).startedAt, null);
    assert.equal(look({ Created: "2025-12-31T00:00:00.5Z" }).createdAt, Date.UTC(2025, 11, 31, 0, 0, 0, 500));
    assert.equal(look().createdAt, undefined);
  });

  it("has an exit code only of a run that ended", () => {
    const ended = { Running: false, ExitCode: 0, StartedAt: running.StartedAt };
    assert.equal(look().exitCode, null);
    assert.equal(look({ State: ended }).exitCode, 0);
    assert.equal(look({ State: { ...ended, ExitCode: 137 } }).exitCode, 137);
    assert.equal(look({ State: { Running: false, ExitCode: 0, StartedAt: never } }).exitCode, null);
    // A start that failed: it never ran, yet the engine noted why.
    assert.equal(look({ State: { Running: false, ExitCode: 127, StartedAt: never } }).exitCode, 127);
  });

  it("says why it failed, or that the memory ran out", () => {
    assert.equal(look({ State: { Running: false, Error: "no such network" } }).error, "no such network");
    assert.equal(look({ State: { Running: false, OOMKilled: true, Error: "" } }).error, "killed: out of memory");
    assert.equal(look({ State: { ...running, OOMKilled: true } }).error, null);
  });

  it("believes its health only while it runs", () => {
    const health = (Status: string, more = {}) => look({ State: { ...running, ...more, Health: { Status } } }).health;
    assert.equal(look().health, "none");
    assert.equal(health("none"), "none");
    assert.equal(health("healthy"), "healthy");
    assert.equal(health("unhealthy"), "unhealthy");
    assert.equal(health("healthy", { Running: false }), "starting");
    assert.equal(health("unhealthy", { Paused: true }), "starting");
  });

  it("does not believe `unhealthy` for one interval after it was thawed", () => {
    const asked: number[] = [];
    const resumedWithin = (_id: string, ms: number) => asked.push(ms) > 0;
    const state = { ...running, Health: { Status: "unhealthy" } };
    assert.equal(look({ State: state }, { resumedWithin }).health, "starting");
    assert.equal(
      look({ State: state, Config: { Healthcheck: { Interval: 2e9 } } }, { resumedWithin }).health,
      "starting",
    );
    assert.deepEqual(asked, [30_000, 2_000]);
  });

  for (const [why, more] of [
    ["Swarm", { Config: { Labels: { "com.docker.swarm.task.id": "x" } } }],
    ["one-off", { Config: { Labels: { "com.docker.compose.oneoff": "True" } } }],
    ["--rm", { HostConfig: { AutoRemove: true } }],
  ] as const) {
    it(`refuses ${why}`, () => assert.match(look(more).refusal ?? "", new RegExp(why)));
  }

  it("refuses nodoff itself, by its full or its short id", () => {
    assert.match(look({}, { ownId: id }).refusal ?? "", /itself/);
    assert.match(look({}, { ownId: id.slice(0, 12) }).refusal ?? "", /itself/);
    assert.equal(look({}, { ownId: "b".repeat(12) }).refusal, null);
    assert.equal(look(compose({ "com.docker.compose.oneoff": "False" })).refusal, null);
  });

  it("warns about restart: always alone", () => {
    const warnings = (Name: string) => look({ HostConfig: { RestartPolicy: { Name } } }).warnings;
    assert.equal(warnings("always").length, 1);
    assert.equal(warnings("unless-stopped").length, 0);
  });

  it("makes do with a row of the list", () => {
    const row = {
      Id: id,
      Names: ["/other/alias", "/web"],
      State: "running",
      Status: "Up 3 seconds (unhealthy)",
      ...compose().Config,
    };
    const rough = rowToLook(row, context);
    assert.deepEqual([rough.refs, rough.power, rough.health], [["web", "blog/web"], "running", "unhealthy"]);
    const ended = rowToLook({ Id: id, Names: ["/web"], State: "exited", Status: "Exited (3) 2 days ago" }, context);
    assert.deepEqual([ended.power, ended.exitCode], ["stopped", 3]);
  });
});

describe("service names", () => {
  it("are project/service and nothing else", () => {
    assert.deepEqual(serviceFilter("blog/web"), ["com.docker.compose.project=blog", "com.docker.compose.service=web"]);
    for (const ref of ["web", "/web", "blog/", "a/b/c", ""]) assert.equal(serviceFilter(ref), undefined);
  });
});
