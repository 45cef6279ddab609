import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { fakeClock } from "../../../test/support/fake-clock.ts";
import type { Entry } from "./containers.ts";
import { createEventReader, createLineReader } from "./events.ts";
import { toLook } from "./look.ts";
import { createMarks } from "./marks.ts";
import type { RawContainer, RawEvent } from "./raw.ts";
import { createRecent } from "./recent.ts";

const id = "c".repeat(64);
const atMs = 1_795_256_019_945;
const event = (Action: string, attributes: Record<string, string> = {}): RawEvent => ({
  Type: "container",
  Action,
  Actor: { ID: id, Attributes: { name: "web", ...attributes } },
  timeNano: atMs * 1e6 + 123_456,
});

function reader(options: { raw?: Partial<RawContainer>; podman?: boolean; unknown?: boolean } = {}) {
  const clock = fakeClock();
  const marks = createMarks(clock);
  const raw: RawContainer = { Id: id, Name: "/web", ...options.raw };
  const look = toLook(raw, { ownId: null, alone: false, resumedWithin: () => false });
  const entry: Entry | undefined = options.unknown === true ? undefined : { look, raw };
  const read = createEventReader({ known: () => entry, marks, podman: options.podman ?? false });
  /** The changes in short: kind, and for an exit whether it was asked and whether it restarts. */
  const play = (...actions: readonly (string | RawEvent)[]): string[] =>
    actions.flatMap((action) => {
      const { change } = read(typeof action === "string" ? event(action) : action);
      if (change === null) return [];
      return change.kind === "exited" ? [`exited asked=${change.asked} again=${change.restarts}`] : [change.kind];
    });
  return { clock, marks, read, play };
}

const kill = (signal: string): RawEvent => event("kill", { signal });
const die = (exitCode = "1"): RawEvent => event("die", { exitCode });
const policy = (Name: string, MaximumRetryCount = 0): Partial<RawContainer> => ({
  HostConfig: { RestartPolicy: { Name, MaximumRetryCount } },
});

describe("container events", () => {
  it("tell the name, the moment and the code", () => {
    assert.deepEqual(reader().read(die("3")).change, {
      kind: "exited",
      refs: ["web"],
      at: atMs,
      asked: false,
      exitCode: 3,
      restarts: false,
    });
  });

  it("docker stop: asked", () =>
    assert.deepEqual(reader().play(kill("15"), die(), "stop"), ["exited asked=true again=false"]));
  it("docker kill: asked", () =>
    assert.deepEqual(reader().play(kill("9"), die("137")), ["exited asked=true again=false"]));
  it("a crash: not asked", () => assert.deepEqual(reader().play(die()), ["exited asked=false again=false"]));
  it("a signal that asks for nothing: not asked", () =>
    assert.deepEqual(reader().play(kill("10"), die()), ["exited asked=false again=false"]));
  it("its own stop signal: asked", () =>
    assert.deepEqual(reader({ raw: { Config: { StopSignal: "SIGUSR1" } } }).play(kill("10"), die()), [
      "exited asked=true again=false",
    ]));

  it("docker restart ends as running, and what comes later is a crash again", () => {
    const { play } = reader();
    assert.deepEqual(play(kill("15"), die(), "stop", "start", "restart"), ["exited asked=true again=false", "started"]);
    assert.deepEqual(play(die()), ["exited asked=false again=false"]);
  });

  it("stop of a paused one tells no return to life, but asks for a list", () => {
    const { play, read } = reader();
    play("pause", kill("15"));
    assert.deepEqual(read(event("unpause")), { change: null, relist: true });
    assert.deepEqual(play(die()), ["exited asked=true again=false"]);
  });

  it("pause and unpause", () => assert.deepEqual(reader().play("pause", "unpause"), ["paused", "resumed"]));

  it("create, rename and update ask for a list", () => {
    for (const action of ["create", "rename", "update"]) {
      assert.deepEqual(reader().read(event(action)), { change: null, relist: true });
    }
  });

  it("the start of one that is not known asks for a list too", () => {
    assert.equal(reader({ unknown: true }).read(event("start")).relist, true);
    assert.equal(reader().read(event("start")).relist, false);
  });

  it("everything else means nothing", () => {
    for (const action of ["exec_create: sh", "exec_start: sh", "exec_die", "attach", "oom", "top", "cleanup", "init"]) {
      assert.deepEqual(reader().read(event(action)), { change: null, relist: false });
    }
    assert.deepEqual(reader().read({ ...event("start"), Type: "network" }), { change: null, relist: false });
    assert.deepEqual(reader().read({ Type: "container", Action: "start" }), { change: null, relist: false });
  });

  it("restart policies: again unless it was asked, or used up its tries", () => {
    const crash = "exited asked=false again=";
    assert.deepEqual(reader({ raw: policy("always") }).play(die("0")), [`${crash}true`]);
    assert.deepEqual(reader({ raw: policy("always") }).play(kill("15"), die()), ["exited asked=true again=false"]);
    assert.deepEqual(reader({ raw: policy("on-failure") }).play(die("0")), [`${crash}false`]);
    assert.deepEqual(
      reader({ raw: policy("on-failure", 2) }).play(die(), "start", die(), "start", die(), "start", die()),
      [`${crash}true`, "started", `${crash}true`, "started", `${crash}false`, "started", `${crash}true`],
    );
  });

  it("health, but no `unhealthy` right after a thaw", () => {
    const { play, clock } = reader({ raw: { Config: { Healthcheck: { Interval: 5e9 } } } });
    assert.deepEqual(play("health_status: healthy", "health_status: unhealthy", "health_status: odd"), [
      "health",
      "health",
    ]);
    assert.deepEqual(play("unpause", "health_status: unhealthy", "health_status: healthy"), ["resumed", "health"]);
    clock.advance(5_000);
    assert.deepEqual(play("health_status: unhealthy"), ["health"]);
  });

  it("Podman: died, remove, and a health in the attributes", () => {
    const { play } = reader({ podman: true });
    const healthy = event("health_status", { health_status: "healthy" });
    assert.deepEqual(play("init", "start", healthy, event("died", { exitCode: "1" }), "cleanup", "remove"), [
      "started",
      "health",
      "exited asked=false again=false",
      "deleted",
    ]);
  });

  it("Podman sends no kill event: the exit code of a signal counts as asked", () => {
    assert.deepEqual(reader({ podman: true }).play(event("died", { exitCode: "137" })), [
      "exited asked=true again=false",
    ]);
    assert.deepEqual(reader().play(die("137")), ["exited asked=false again=false"]);
  });
});

describe("event lines", () => {
  it("come out whole however they are cut", () => {
    const line = fc.record({ Action: fc.string(), timeNano: fc.nat() }, { noNullPrototype: true });
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat(200)), (events, cuts) => {
        const text = events.map((one) => `${JSON.stringify(one)}\n`).join("");
        const read: RawEvent[] = [];
        const feed = createLineReader((one) => void read.push(one));
        let at = 0;
        for (const cut of [...cuts, text.length]) {
          feed(text.slice(at, at + cut));
          at += cut;
        }
        feed(text.slice(at));
        assert.deepEqual(read, events);
      }),
    );
  });

  it("that are no JSON are left out", () => {
    const read: RawEvent[] = [];
    createLineReader((one) => void read.push(one))('\n<html>\n{"Action":"start"}\nnull\n7\n');
    assert.deepEqual(read, [{ Action: "start" }]);
  });
});

describe("replay", () => {
  it("knows what it has seen, and where to go on", () => {
    const recent = createRecent();
    assert.equal(recent.since(), undefined);
    assert.equal(recent.isNew(event("start")), true);
    assert.equal(recent.isNew(event("start")), false);
    assert.equal(recent.isNew(event("die")), true);
    const since = Number(recent.since());
    assert.ok(since * 1000 <= atMs && since * 1000 > atMs - 10, "a little before the last event");
    assert.match(recent.since() ?? "", /^\d{10}\.\d{9}$/);
  });

  it("begins at the wall clock only before the first event", () => {
    const recent = createRecent();
    recent.begin(1_700_000_000_500);
    assert.match(recent.since() ?? "", /^1700000000\.499000\d{3}$/);
    recent.isNew(event("start"));
    recent.begin(1);
    assert.ok(Number(recent.since()) > 1_795_000_000);
  });

  it("forgets the oldest", () => {
    const recent = createRecent();
    for (let index = 0; index < 3_000; index++) recent.isNew({ ...event("start"), timeNano: index });
    assert.equal(recent.isNew({ ...event("start"), timeNano: 2_999 }), false);
    assert.equal(recent.isNew({ ...event("start"), timeNano: 0 }), true);
  });
});
