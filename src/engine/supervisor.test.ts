import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Look } from "../core/provider.ts";
import { fakeClock, settle } from "../../test/support/fake-clock.ts";
import { fakeProber, fakeStore } from "../../test/support/fake-engine.ts";
import { fakeProvider } from "../../test/support/fake-provider.ts";
import { recordingLogger } from "../../test/support/logger.ts";
import { routeSpec, workloadSpec } from "../../test/support/specs.ts";
import { createJournal } from "./journal.ts";
import type { Discovered } from "./discovery.ts";
import { createSupervisor } from "./supervisor.ts";

/** Labels in tests: `on` declares a workload under that alias, `bad` is a wrong value. */
function readTestLabels(look: Look, taken: ReadonlySet<string>): Discovered {
  const { on, bad, host } = look.labels;
  const [ref = ""] = look.refs;
  if (bad !== undefined) {
    const errors = [{ source: `label ${ref}`, key: "nodoff.idle_timeout", message: bad }];
    const hosts = host === undefined ? [] : [host];
    return {
      kind: "invalid",
      errors,
      routes: hosts.map((name) => routeSpec({ alias: ref, hosts: [name], workload: null })),
    };
  }
  if (on === undefined) return { kind: "none" };
  const alias = taken.has(on) ? `project-${on}` : on;
  const routes = [routeSpec({ alias, hosts: [host ?? `${alias}.test`], source: "local" })];
  return { kind: "spec", workload: workloadSpec({ alias, ref, source: "local" }), routes };
}

function world() {
  const clock = fakeClock();
  const logger = recordingLogger();
  const provider = fakeProvider({ clock });
  let reads = 0;
  const supervisor = createSupervisor({
    clock,
    logger,
    journal: createJournal({ clock, logger }),
    prober: fakeProber(),
    store: fakeStore(),
    signals: [],
    defer: (run) => void setImmediate(run),
    shutdown: new AbortController().signal,
    discover(look, { taken }) {
      reads++;
      return readTestLabels(look, taken);
    },
  });
  return { clock, logger, provider, supervisor, reads: () => reads };
}

void describe("discovery", () => {
  void it("makes workloads of labelled containers, also of later ones, and forgets deleted ones", async () => {
    const { provider, supervisor, clock } = world();
    provider.add("a", { labels: { on: "a" } });
    provider.add("plain");
    supervisor.addProvider(provider);
    await settle();
    assert.deepEqual(
      [...supervisor.workloads()].map(({ spec }) => spec.alias),
      ["a"],
    );
    assert.equal(supervisor.registry.match("a.test", "/")?.workload?.state, "napping");
    provider.add("b", { labels: { on: "b" } });
    await settle();
    assert.ok(supervisor.workload("b"));
    provider.outside.delete("b");
    await settle();
    assert.equal(supervisor.workload("b")?.state, "gone");
    provider.relist();
    await settle();
    assert.equal(supervisor.registry.match("b.test", "/")?.workload?.state, "gone", "compose may be making it anew");
    provider.add("b", { labels: { on: "b" } });
    await settle();
    assert.equal(supervisor.workload("b")?.state, "napping");
    provider.outside.delete("b");
    provider.relist();
    clock.advance(300_000);
    provider.relist();
    await settle();
    assert.equal(supervisor.workload("b"), undefined);
    assert.equal(supervisor.registry.match("b.test", "/"), undefined);
  });

  void it("leaves out only the container with the wrong label, and says so once", async () => {
    const { provider, supervisor, logger } = world();
    provider.add("good", { labels: { on: "good" } });
    provider.add("wrong", { labels: { on: "wrong", host: "wrong.test", bad: '"x" is not a duration' } });
    supervisor.addProvider(provider);
    await settle();
    provider.relist();
    await settle();
    assert.equal(supervisor.workload("good")?.state, "napping");
    assert.equal(supervisor.workload("wrong"), undefined);
    assert.equal(supervisor.registry.match("wrong.test", "/")?.workload, null, "whoever wants to it is let through");
    assert.deepEqual(
      supervisor.problems().map(({ source }) => source),
      ["label wrong"],
    );
    assert.equal(logger.lines.filter(({ message }) => message === "left out of the configuration").length, 1);
    assert.equal(provider.count("stop") + provider.count("start"), 0);
  });

  void it("lets the file win over labels, by name, container and host", async () => {
    const { provider, supervisor } = world();
    provider.add("one", { labels: { on: "one" } });
    provider.add("two", { labels: { on: "two", host: "file.test" } });
    supervisor.addProvider(provider);
    supervisor.configure({
      workloads: [workloadSpec({ alias: "mine", ref: "one" })],
      routes: [routeSpec({ alias: "mine", hosts: ["file.test"] })],
    });
    await settle();
    assert.deepEqual(
      [...supervisor.workloads()].map(({ spec }) => spec.alias),
      ["mine"],
    );
    assert.deepEqual(
      supervisor
        .problems()
        .map(({ key }) => key)
        .sort(),
      ["nodoff.host"],
      "that the file wins over the labels of its own container is no problem",
    );
  });

  void it("leaves names and hosts to who had them first, through lists and reloads, until it leaves", async () => {
    const { provider, supervisor } = world();
    const refs = (): unknown => [...supervisor.workloads()].map(({ spec }) => [spec.alias, spec.ref]);
    provider.add("y-web", { labels: { on: "web", host: "web.test" } });
    supervisor.addProvider(provider);
    await settle();
    provider.add("x-web", { labels: { on: "web", host: "web.test" } });
    await settle();
    provider.relist();
    await settle();
    assert.deepEqual(refs(), [["web", "y-web"]]);
    supervisor.configure({ workloads: [], routes: [] });
    assert.deepEqual(refs(), [["web", "y-web"]]);
    assert.deepEqual(
      supervisor.problems().map(({ source, key }) => [source, key]),
      [["label x-web", "nodoff.host"]],
    );
    provider.outside.delete("y-web");
    provider.relist();
    await settle();
    assert.deepEqual(refs(), [["project-web", "x-web"]]);
  });

  void it("gives what containers of two engines want to the older one, however late its engine answers", async () => {
    const { clock, provider, supervisor } = world();
    const far = fakeProvider({ clock, name: "far" });
    provider.add("young", { labels: { on: "young", host: "web.test" }, createdAt: 2_000 });
    far.add("old", { labels: { on: "old", host: "web.test" }, createdAt: 1_000 });
    const served = (): string | undefined => supervisor.registry.match("web.test", "/")?.spec.alias;
    supervisor.addProvider(provider);
    await settle();
    assert.equal(served(), "young");
    supervisor.addProvider(far);
    await settle();
    assert.equal(served(), "old");
    assert.deepEqual(
      supervisor.problems().map(({ source, key }) => [source, key]),
      [["label young", "nodoff.host"]],
    );
    await supervisor.removeProvider("far");
    assert.deepEqual([served(), supervisor.problems()], ["young", []]);
  });

  void it("reads a wrong label again once another container has left: it may have had the name", async () => {
    const { provider, supervisor, reads } = world();
    provider.add("a", { labels: { on: "a" } });
    provider.add("wrong", { labels: { on: "wrong", bad: "taken" } });
    supervisor.addProvider(provider);
    await settle();
    provider.relist();
    await settle();
    assert.equal(reads(), 2);
    provider.outside.delete("a");
    provider.relist();
    await settle();
    assert.equal(reads(), 3);
  });

  void it("gives the later of two equal names its longer one", async () => {
    const { provider, supervisor } = world();
    provider.add("x-web", { labels: { on: "web" } });
    provider.add("y-web", { labels: { on: "web" } });
    supervisor.addProvider(provider);
    await settle();
    assert.deepEqual(
      [...supervisor.workloads()].map(({ spec }) => [spec.alias, spec.ref]),
      [
        ["web", "x-web"],
        ["project-web", "y-web"],
      ],
    );
  });

  void it("reads the labels of a container once, not at every list", async () => {
    const { provider, supervisor, reads } = world();
    for (let number = 0; number < 20; number++) provider.add(`c${number}`, { labels: { on: `c${number}` } });
    supervisor.addProvider(provider);
    await settle();
    const first = reads();
    provider.relist();
    await settle();
    assert.equal(reads(), first);
  });
});

void describe("reload", () => {
  void it("keeps what stayed the same: state, counters, and the very objects", async () => {
    const { provider, supervisor, clock } = world();
    provider.add("a");
    provider.add("b");
    supervisor.addProvider(provider);
    const a = workloadSpec({ alias: "a" });
    const routeA = routeSpec({ alias: "a" });
    supervisor.configure({ workloads: [a, workloadSpec({ alias: "b" })], routes: [routeA] });
    await settle();
    const before = supervisor.workload("a");
    before?.wake("request");
    await clock.advanceAsync(500);
    const route = supervisor.registry.get("a");
    // A reload reads everything anew.
    supervisor.configure({ workloads: [workloadSpec({ alias: "a" })], routes: [routeSpec({ alias: "a" })] });
    assert.equal(supervisor.workload("a"), before);
    assert.equal(supervisor.registry.get("a"), route);
    assert.equal(supervisor.workload("b"), undefined);
    supervisor.configure({ workloads: [workloadSpec({ alias: "a", idleTimeoutMs: 60_000 })], routes: [routeA] });
    assert.equal(supervisor.workload("a"), before);
    assert.equal(before?.spec.idleTimeoutMs, 60_000);
    assert.equal(before?.state, "ready");
  });

  void it("answers the waiters of a workload that is no longer configured", async () => {
    const { provider, supervisor } = world();
    provider.add("a");
    supervisor.addProvider(provider);
    supervisor.configure({ workloads: [workloadSpec({ alias: "a" })], routes: [] });
    await settle();
    const workload = supervisor.workload("a");
    const hang = provider.hang("start");
    workload?.wake("request");
    const outcome = workload?.settled(new AbortController().signal);
    await hang.begun;
    supervisor.configure({ workloads: [], routes: [] });
    assert.equal((await outcome)?.kind, "failed");
  });

  void it("looks at once at what a reload added", async () => {
    const { provider, supervisor } = world();
    provider.add("a", { power: "running", startedAt: 0 });
    supervisor.addProvider(provider);
    await settle();
    supervisor.configure({ workloads: [workloadSpec({ alias: "a" })], routes: [] });
    assert.equal(supervisor.workload("a")?.state, "ready");
  });
});

void it("shows providers as they are", async () => {
  const { provider, supervisor } = world();
  provider.lose();
  supervisor.addProvider(provider);
  await settle();
  const [view] = [...supervisor.providers()];
  assert.deepEqual([view?.connected, view?.looked, view?.failure?.code], [false, false, "PROVIDER_UNAVAILABLE"]);
  provider.back();
  await settle();
  const [after] = [...supervisor.providers()];
  assert.deepEqual([after?.connected, after?.looked, after?.failure], [true, true, null]);
});
