import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { serviceFilter } from "./compose.ts";
import { rowToLook, toLook } from "./look.ts";
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

  describe("its surroundings", () => {
    const dependsOn = (text: string) => look(compose({ "com.docker.compose.depends_on": text })).compose?.dependsOn;

    it("are left out where there are none", () => {
      const found = Object.keys(look());
      for (const key of ["compose", "sharesNetworkWith", "ports"]) assert.ok(!found.includes(key), key);
    });

    it("are its place in a compose project", () => {
      assert.deepEqual(look(compose()).compose, { project: "blog", service: "web", dependsOn: [] });
      assert.deepEqual(look(compose(), { alone: false }).compose?.service, "web");
      assert.equal(look(compose({ "com.docker.compose.oneoff": "True" })).compose, undefined);
    });

    it("are what it depends on, as every version of compose writes it", () => {
      assert.deepEqual(dependsOn(""), []);
      assert.deepEqual(dependsOn("db:service_healthy:false,cache:service_started:true"), [
        { service: "db", condition: "healthy" },
        { service: "cache", condition: "started" },
      ]);
      assert.deepEqual(dependsOn("init:service_completed_successfully:false"), [
        { service: "init", condition: "completed" },
      ]);
      assert.deepEqual(dependsOn("db,cache:new_condition:true"), [
        { service: "db", condition: "started" },
        { service: "cache", condition: "started" },
      ]);
    });

    it("are the network it uses instead of its own", () => {
      const owner = "b".repeat(64);
      assert.equal(look({ HostConfig: { NetworkMode: `container:${owner}` } }).sharesNetworkWith, owner);
      assert.equal(look({ HostConfig: { NetworkMode: "host" } }).sharesNetworkWith, undefined);
    });

    it("are the TCP ports that image, creation or network name, each once", () => {
      const found = look({
        Config: { ExposedPorts: { "8080/tcp": {}, "53/udp": {}, "443/tcp": {} } },
        HostConfig: { PortBindings: { "9000/tcp": [{ HostPort: "80" }] } },
        NetworkSettings: { Ports: { "443/tcp": [{ HostPort: "8443" }], "7/tcp": null } },
      });
      assert.deepEqual(found.ports, [7, 443, 8080, 9000]);
    });
  });

  it("makes do with a row of the list", () => {
    const row = {
      Id: id,
      Names: ["/other/alias", "/web"],
      State: "running",
      Status: "Up 3 seconds (unhealthy)",
      ...compose({ "com.docker.compose.depends_on": "db" }).Config,
      HostConfig: { NetworkMode: "container:x" },
      Ports: [
        { PrivatePort: 80, Type: "tcp" },
        { PrivatePort: 80, Type: "tcp" },
        { PrivatePort: 53, Type: "udp" },
      ],
    };
    const rough = rowToLook(row, context);
    assert.deepEqual([rough.refs, rough.power, rough.health], [["web", "blog/web"], "running", "unhealthy"]);
    assert.deepEqual([rough.compose?.dependsOn.length, rough.sharesNetworkWith, rough.ports], [1, "x", [80]]);
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
