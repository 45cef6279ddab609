import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { settle } from "../../test/support/fake-clock.ts";
import { type AskedCheck, door, error, fail, healthWorld, pass, sleeper } from "../../test/support/health-world.ts";
import { phaseMs } from "../core/health.ts";
import { createMemoryHealthStore } from "../store/health-memory.ts";
import type { Finding } from "./checks/check.ts";

const interval = 30_000;

/** Checks that end when the test says so. */
function heldChecks() {
  const open: { readonly asked: AskedCheck; readonly end: (finding: Finding) => void }[] = [];
  return {
    open,
    answer: (asked: AskedCheck) =>
      new Promise<Finding>((resolve) => {
        open.push({ asked, end: resolve });
        // As every real check does.
        asked.signal.addEventListener("abort", () => resolve(error));
      }),
  };
}

describe("pace of the monitor", () => {
  it("checks at once, then at the route's own place of each interval", async () => {
    const world = healthWorld();
    world.use(door("nas"));
    world.monitor.start();
    await settle();
    assert.equal(world.status("nas"), "healthy");
    await world.clock.advanceAsync(4 * interval);
    const [first = 0, ...rest] = world.asked.map(({ at }) => at);
    assert.equal(first, 1_000_000);
    assert.ok(rest[0]! - first >= interval / 2);
    for (const at of rest) {
      const late = (at - phaseMs("nas", interval)) % interval;
      assert.ok(late >= 0 && late <= 50, `${late} ms off its place`);
    }
    assert.ok(rest.length >= 3 && rest.length <= 4);
  });

  it("checks ten thousand at once 64 at a time, then spread over the interval", async () => {
    const held = heldChecks();
    const world = healthWorld({ answer: held.answer });
    const specs = Array.from({ length: 10_000 }, (_, n) => door(`app${n}`));
    world.use(...specs);
    world.monitor.start();
    await settle();
    assert.equal(held.open.length, 64);
    assert.equal(world.monitor.inFlight, 64);
    while (held.open.length > 0) {
      for (const { end } of held.open.splice(0)) end(pass);
      await settle();
      assert.ok(world.monitor.inFlight <= 64);
    }
    assert.equal(world.asked.length, 10_000);
    assert.equal(world.peak, 64);
    world.answerWith(() => pass);
    await world.clock.advanceAsync(interval / 2);
    world.asked.length = 0;
    await world.clock.advanceAsync(interval);
    // Give or take what a tick gathers at either end.
    assert.ok(Math.abs(world.asked.length - 10_000) < 50, `${world.asked.length} in one interval`);
    const bySecond = Map.groupBy(world.asked, ({ at }) => Math.floor(at / 1_000));
    assert.ok(Math.max(...Array.from(bySecond.values(), (checks) => checks.length)) < 450);
  });

  it("never checks a route twice at a time, however slow it is", async () => {
    const held = heldChecks();
    const world = healthWorld({ answer: held.answer });
    world.use(door("nas"));
    world.monitor.start();
    await world.clock.advanceAsync(10 * interval);
    assert.equal(world.asked.length, 1);
    held.open[0]!.end(pass);
    await settle();
    await world.clock.advanceAsync(2 * interval);
    assert.equal(world.asked.length, 2);
  });

  it("keeps no timer for nothing", async () => {
    const world = healthWorld();
    world.monitor.start();
    await settle();
    assert.equal(world.clock.pending, 1, "the sweep of the history");
    world.use(door("nas"));
    await settle();
    assert.equal(world.clock.pending, 2);
    world.use();
    await world.clock.advanceAsync(2 * interval);
    assert.equal(world.clock.pending, 1);
    await world.monitor.stop();
    assert.equal(world.clock.pending, 0);
  });
});

describe("what leads to no address", () => {
  it("is checked at once where it is a folder, and not given up where it is several upstreams", async () => {
    const world = healthWorld({ targets: ({ spec }) => spec.upstreams?.map(({ url }) => url) ?? [] });
    const nowhere = { upstream: null };
    const files = { root: "/srv/www", index: [], spa: false, dotfiles: false };
    world.use(
      door("files", {}, { ...nowhere, kind: "files", files }),
      door("lb", {}, { ...nowhere, upstreams: [{ url: "http://a", weight: 1 }] }),
      door("open", {}, nowhere),
    );
    world.monitor.start();
    await settle();
    assert.deepEqual(
      world.asked.map(({ address }) => address),
      [null, "http://a"],
    );
    assert.deepEqual(
      [world.status("files"), world.status("lb"), world.status("open")],
      ["healthy", "healthy", "unknown"],
    );
  });
});

describe("forced checks", () => {
  it("wait for the check under way instead of overlapping it", async () => {
    const held = heldChecks();
    const world = healthWorld({ answer: held.answer });
    world.use(door("nas"));
    world.monitor.start();
    await settle();
    const forced = [world.monitor.forceCheck("nas"), world.monitor.forceCheck("nas")];
    await settle();
    assert.equal(world.asked.length, 1);
    held.open[0]!.end(fail);
    for (const view of await Promise.all(forced)) {
      assert.deepEqual([view?.status, view?.consecutiveFailures], ["unhealthy", 1], "counted once");
    }
  });

  it("check at once what is not under way, with the cap, and go on as planned", async () => {
    const world = healthWorld();
    world.use(...Array.from({ length: 200 }, (_, n) => door(`app${n}`)));
    world.monitor.start();
    await settle();
    world.asked.length = 0;
    const before = world.clock.now();
    await world.monitor.checkAll();
    assert.equal(world.asked.length, 200);
    assert.equal(world.clock.now(), before);
    assert.ok(world.peak <= 64);
    world.answerWith(() => fail);
    assert.equal((await world.monitor.forceCheck("app0"))?.detail, "connection refused");
    world.asked.length = 0;
    await world.clock.advanceAsync(2 * interval);
    const own = world.asked.filter(({ address }) => address === "http://app0");
    assert.ok(own.length >= 1 && own.length <= 2);
  });

  it("never check what sleeps, and know no strangers", async () => {
    const world = healthWorld();
    world.workload("blog", "napping");
    world.use(sleeper("blog"));
    world.monitor.start();
    assert.equal((await world.monitor.forceCheck("blog"))?.status, "napping");
    assert.equal(await world.monitor.forceCheck("none"), undefined);
    assert.equal(world.asked.length, 0);
  });

  it("wait for the next where the one under way is for nobody any more", async () => {
    const held = heldChecks();
    const world = healthWorld();
    world.workload("blog", "ready");
    const late = Promise.withResolvers<Finding>();
    world.answerWith(() => late.promise);
    world.use(sleeper("blog"));
    world.monitor.start();
    await settle();
    world.enter("blog", "napping");
    world.enter("blog", "ready");
    const forced = world.monitor.forceCheck("blog");
    world.answerWith(held.answer);
    late.resolve(fail);
    await settle();
    held.open[0]!.end(pass);
    assert.equal((await forced)?.status, "healthy");
  });

  it("end when the route leaves", async () => {
    const held = heldChecks();
    const world = healthWorld({ answer: held.answer });
    world.use(door("nas"));
    world.monitor.start();
    await settle();
    const forced = world.monitor.forceCheck("nas");
    world.use();
    assert.equal((await forced)?.status, "stopped");
  });
});

describe("a workload's health", () => {
  it("is napping without a probe or an alarm, however long", async () => {
    const world = healthWorld({ answer: () => fail });
    world.workload("blog", "napping");
    world.use(sleeper("blog", { retries: -1 }));
    world.monitor.start();
    await world.clock.advanceAsync(3_600_000);
    assert.equal(world.status("blog"), "napping");
    assert.deepEqual([world.asked.length, world.notices.length], [0, 0]);
  });

  it("starts with the wake, is checked at once when ready, and sleeps again", async () => {
    const world = healthWorld();
    world.workload("blog", "napping");
    world.use(sleeper("blog"));
    world.monitor.start();
    world.enter("blog", "starting");
    await world.clock.advanceAsync(20_000);
    assert.deepEqual([world.status("blog"), world.asked.length], ["starting", 0]);
    world.enter("blog", "ready");
    await settle();
    assert.deepEqual([world.status("blog"), world.asked.length], ["healthy", 1]);
    await world.clock.advanceAsync(interval);
    assert.ok((world.monitor.view("blog")?.uptimeMs ?? 0) >= interval);
    world.enter("blog", "stopping");
    assert.equal(world.status("blog"), "napping");
    assert.equal(world.monitor.view("blog")?.uptimeMs, null);
    const asked = world.asked.length;
    world.enter("blog", "napping");
    await world.clock.advanceAsync(10 * interval);
    assert.equal(world.asked.length, asked);
    assert.deepEqual(world.notices, []);
  });

  it("has a grace after the wake, tried again and again with growing pauses", async () => {
    const world = healthWorld({ answer: () => fail });
    world.workload("blog", "starting");
    world.use(sleeper("blog", { retries: -1 }));
    world.monitor.start();
    world.enter("blog", "ready");
    const begun = world.clock.now();
    await world.clock.advanceAsync(9_000);
    assert.deepEqual(
      world.asked.map(({ at }) => at - begun),
      [0, 500, 1_500, 3_500, 7_500],
    );
    assert.deepEqual(
      world.retries.map(({ attempt, delayMs, detail }) => [attempt, delayMs, detail]),
      [500, 1_000, 2_000, 4_000, 8_000].map((delayMs, n) => [n + 1, delayMs, "connection refused"]),
      "each try is told",
    );
    assert.deepEqual([world.status("blog"), world.notices.length], ["starting", 0]);
    await world.clock.advanceAsync(7_000);
    assert.equal(world.asked.length, 6);
    assert.deepEqual([world.status("blog"), world.told()], ["unhealthy", ["health.down blog"]]);
    world.asked.length = 0;
    await world.clock.advanceAsync(4 * interval);
    assert.ok(world.asked.length <= 4, "then as usual");
  });

  it("ends the tries with the first pass", async () => {
    const findings = [fail, fail, pass];
    const world = healthWorld({ answer: () => findings.shift() ?? pass });
    world.workload("blog", "starting");
    world.use(sleeper("blog"));
    world.monitor.start();
    world.enter("blog", "ready");
    await world.clock.advanceAsync(1_500);
    assert.deepEqual([world.status("blog"), world.asked.length], ["healthy", 3]);
    await world.clock.advanceAsync(10_000);
    assert.equal(world.asked.length, 3);
  });

  it("counts no check that was under way when it left ready", async () => {
    const held = heldChecks();
    const world = healthWorld({ answer: held.answer });
    world.workload("blog", "ready");
    world.use(sleeper("blog", { retries: -1 }));
    world.monitor.start();
    await settle();
    world.enter("blog", "stopping");
    assert.equal(held.open[0]!.asked.signal.aborted, true);
    world.enter("blog", "starting");
    world.enter("blog", "ready");
    await settle();
    assert.equal(held.open.length, 2, "the next one waited for its end");
    assert.deepEqual([world.status("blog"), world.notices.length], ["starting", 0]);
    held.open[1]!.end(pass);
    await settle();
    assert.equal(world.status("blog"), "healthy");
  });

  it("is down when it ends by itself, and up after the next wake", async () => {
    const world = healthWorld();
    world.workload("blog", "ready");
    world.use(sleeper("blog"));
    world.monitor.start();
    await world.clock.advanceAsync(1_000);
    world.enter("blog", "error", { code: "EXITED", message: "exit code 137" });
    assert.equal(world.status("blog"), "error");
    const { detail, lastSeenAt } = world.notices[0]!;
    assert.deepEqual([world.told(), detail], [["health.down blog"], "exit code 137"]);
    assert.equal(lastSeenAt, world.clock.wall() - 1_000);
    world.enter("blog", "starting");
    world.enter("blog", "ready");
    await settle();
    assert.deepEqual(world.told(), ["health.down blog", "health.up blog"]);
    assert.equal(typeof world.notices[1]!.latencyMs, "number");
  });

  it("is an error without an alarm when a wake fails: that is told as such", async () => {
    const world = healthWorld();
    world.workload("blog", "starting");
    world.use(sleeper("blog"));
    world.monitor.start();
    world.enter("blog", "error", { code: "WAKE_TIMEOUT", message: "not ready within 120 s" });
    const view = world.monitor.view("blog");
    assert.deepEqual([view?.status, view?.detail, world.notices.length], ["error", "not ready within 120 s", 0]);
    world.enter("blog", "gone");
    assert.equal(world.status("blog"), "stopped");
  });

  it("is unknown, and not asked, until its engine was looked at", async () => {
    const world = healthWorld();
    world.workload("blog", "unknown");
    world.use(sleeper("blog"));
    world.monitor.start();
    await world.clock.advanceAsync(5_000);
    assert.deepEqual([world.status("blog"), world.asked.length], ["unknown", 0]);
    world.enter("blog", "ready");
    await settle();
    assert.equal(world.status("blog"), "healthy");
  });

  it("is checked again at once when its engine says something new", async () => {
    const world = healthWorld();
    world.workload("blog", "ready");
    world.workload("wiki", "napping");
    world.use(sleeper("blog"), sleeper("wiki"));
    world.monitor.start();
    await settle();
    world.answerWith(() => ({ outcome: { kind: "fail", decisive: true }, detail: "unhealthy by its own check" }));
    world.monitor.engineChanged("blog");
    world.monitor.engineChanged("wiki");
    await settle();
    assert.deepEqual([world.status("blog"), world.status("wiki")], ["unhealthy", "napping"]);
    assert.deepEqual(world.told(), ["health.down blog"]);
  });

  it("waits for an address that is being read, and calls it an error when the grace is over", async () => {
    const world = healthWorld();
    world.workload("blog", "ready");
    let origin: string | null = null;
    Object.assign(world.workloads.get("blog")!, { origin: () => origin });
    world.answerWith(({ address }) => (address === null ? error : pass));
    world.use(sleeper("blog"));
    world.monitor.start();
    await world.clock.advanceAsync(2_000);
    assert.deepEqual([world.status("blog"), world.asked.length], ["unknown", 0]);
    origin = "http://10.0.0.9:80";
    await world.clock.advanceAsync(1_000);
    assert.deepEqual([world.status("blog"), world.asked[0]?.address], ["healthy", origin]);
    origin = null;
    await world.clock.advanceAsync(2 * interval);
    assert.equal(world.status("blog"), "error");
  });
});

describe("routes that change", () => {
  it("are checked when they come, no longer when they go, and elsewhere when their address changes", async () => {
    const world = healthWorld();
    world.monitor.start();
    world.use(door("nas"));
    await settle();
    assert.equal(world.status("nas"), "healthy");
    world.use(door("nas", {}, { upstream: { kind: "url", url: "http://new" } }));
    await settle();
    assert.equal(world.asked.at(-1)?.address, "http://new");
    assert.equal(world.status("nas"), "healthy", "what is known of it stays");
    world.use();
    assert.equal(world.status("nas"), undefined);
    const asked = world.asked.length;
    await world.clock.advanceAsync(4 * interval);
    assert.equal(world.asked.length, asked);
  });

  it("keep their health when something else about them changes", async () => {
    const world = healthWorld();
    world.monitor.start();
    world.use(door("nas"));
    await world.clock.advanceAsync(interval);
    const before = world.monitor.view("nas")?.uptimeMs ?? 0;
    world.use(door("nas", {}, { stripPath: true }));
    assert.equal(world.monitor.view("nas")?.uptimeMs, before);
  });

  it("are not checked while disabled, excluded or leading nowhere", async () => {
    const world = healthWorld();
    world.monitor.start();
    const specs = [door("a", { disabled: true }), door("b", {}, { excluded: true }), door("c", {}, { upstream: null })];
    world.use(...specs);
    await world.clock.advanceAsync(interval);
    assert.equal(world.asked.length, 0);
    assert.deepEqual(["a", "b", "c"].map(world.status), ["unknown", "unknown", "unknown"]);
    world.use(door("a"), ...specs.slice(1));
    await settle();
    assert.equal(world.status("a"), "healthy");
    world.use(...specs);
    await world.clock.advanceAsync(2 * interval);
    assert.deepEqual([world.asked.length, world.status("a")], [1, "unknown"]);
  });
});

describe("check errors", () => {
  it("slow a monitor down from the fifth in a row on, said once, and it recovers alone", async () => {
    const world = healthWorld({ answer: () => error });
    world.use(door("nas", { retries: -1 }));
    world.monitor.start();
    await world.clock.advanceAsync(5 * interval);
    assert.equal(world.status("nas"), "error");
    assert.deepEqual(world.told(), ["health.down nas"]);
    const slowed = () => world.logger.lines.filter(({ message }) => message.startsWith("monitor slowed"));
    assert.equal(slowed().length, 1);
    assert.equal(slowed()[0]?.level, "error");
    const before = world.asked.length;
    await world.clock.advanceAsync(40 * interval);
    const more = world.asked.length - before;
    assert.ok(more >= 3 && more <= 7, `${more} checks in 20 minutes`);
    assert.equal(slowed().length, 1);
    world.answerWith(() => pass);
    await world.clock.advanceAsync(11 * interval);
    assert.equal(world.status("nas"), "healthy");
    assert.deepEqual(world.told(), ["health.down nas", "health.up nas"]);
    assert.ok(world.logger.lines.some(({ message }) => message === "monitor back at its pace"));
    world.asked.length = 0;
    await world.clock.advanceAsync(4 * interval);
    assert.equal(world.asked.length, 4);
  });

  it("are forgotten as soon as the address is another one", async () => {
    const world = healthWorld({ answer: ({ address }) => (address === "http://right" ? pass : error) });
    world.use(door("nas"));
    world.monitor.start();
    await world.clock.advanceAsync(10 * interval);
    world.use(door("nas", {}, { upstream: { kind: "url", url: "http://right" } }));
    await settle();
    assert.equal(world.status("nas"), "healthy");
  });

  it("are forgotten as soon as the engine itself says something", async () => {
    const world = healthWorld({ answer: () => error });
    world.workload("blog", "ready");
    world.use(sleeper("blog"));
    world.monitor.start();
    await world.clock.advanceAsync(10 * interval);
    world.answerWith(() => pass);
    world.monitor.engineChanged("blog");
    await settle();
    assert.equal(world.status("blog"), "healthy");
  });

  it("are what a check that throws comes to", async () => {
    const world = healthWorld({ answer: () => Promise.reject(new Error("defect")) });
    world.use(door("nas"));
    world.monitor.start();
    await settle();
    const view = world.monitor.view("nas");
    assert.deepEqual([view?.status, view?.detail, view?.latencyMs], ["error", "defect", null]);
  });
});

describe("what is told", () => {
  it("is a line and an event per outage, none for beginning, sleeping and waking", async () => {
    const world = healthWorld();
    world.use(door("nas", { retries: 2 }));
    world.monitor.start();
    await settle();
    const levels = () => world.logger.lines.filter(({ level }) => level !== "debug").map(({ message }) => message);
    assert.deepEqual(levels(), []);
    world.answerWith(() => fail);
    for (let n = 0; n < 4; n++) await world.monitor.forceCheck("nas");
    world.answerWith(() => pass);
    await world.monitor.forceCheck("nas");
    assert.deepEqual(levels(), ["health down", "health up"]);
    const events = world.journal.since(0).map(({ type, alias, message }) => `${type} ${alias} ${message}`);
    assert.deepEqual(events, [
      "health nas healthy → unhealthy: connection refused",
      "health nas unhealthy → healthy: 200 OK",
    ]);
    assert.deepEqual(world.told(), ["health.down nas", "health.up nas"]);
  });

  it("pairs survive a restart", async () => {
    const store = createMemoryHealthStore();
    const first = healthWorld({ store, answer: () => fail });
    first.use(door("nas"));
    first.monitor.start();
    await first.clock.advanceAsync(4 * interval);
    assert.deepEqual(first.told(), ["health.down nas"]);
    await first.monitor.stop();
    const still = healthWorld({ store, answer: () => fail });
    still.use(door("nas"));
    still.monitor.start();
    await still.clock.advanceAsync(4 * interval);
    assert.deepEqual(still.told(), [], "it is known already");
    await still.monitor.stop();
    const second = healthWorld({ store });
    second.use(door("nas"));
    second.monitor.start();
    await settle();
    assert.deepEqual(second.told(), ["health.up nas"]);
  });
});

describe("several targets", () => {
  const lb = (...targets: string[]) => {
    let now = targets;
    const sick = new Set<string>();
    const world = healthWorld({
      targets: () => now,
      answer: ({ address }) => (sick.has(address ?? "") ? fail : pass),
    });
    const told: string[] = [];
    world.monitor.onHealthyTargets((alias, healthy) => told.push(`${alias}: ${healthy.join(" ")}`));
    return { world, sick, told, use: (...next: string[]) => void (now = next) };
  };

  it("are each checked in a round; the route is up as long as one is", async () => {
    const { world, sick, told } = lb("http://a", "http://b");
    world.use(door("lb", { fall: 2, retries: 2 }));
    world.monitor.start();
    await settle();
    assert.deepEqual(told, ["lb: http://a http://b"]);
    sick.add("http://a");
    for (let n = 0; n < 3; n++) await world.monitor.forceCheck("lb");
    assert.deepEqual(told.slice(1), ["lb: http://b"]);
    const view = world.monitor.view("lb");
    assert.deepEqual([view?.status, view?.detail], ["healthy", "1 of 2 targets answer"]);
    sick.add("http://b");
    for (let n = 0; n < 2; n++) await world.monitor.forceCheck("lb");
    assert.deepEqual([world.status("lb"), told.at(-1)], ["unhealthy", "lb: "]);
    sick.clear();
    await world.monitor.forceCheck("lb");
    assert.deepEqual([world.status("lb"), told.at(-1)], ["healthy", "lb: http://a http://b"]);
  });

  it("are kept from traffic while they are sick, as long as somebody watches", async () => {
    const { world, sick, use } = lb("http://a", "http://b");
    world.workload("pair", "ready");
    world.use(sleeper("pair", { fall: 1 }));
    const takes = (...targets: string[]) => targets.map((target) => world.monitor.takesTraffic("pair", target));
    assert.deepEqual(takes("http://a"), [true]);
    world.monitor.start();
    sick.add("http://a");
    await world.monitor.forceCheck("pair");
    await world.monitor.forceCheck("pair");
    assert.deepEqual(takes("http://a", "http://b", "http://new"), [false, true, true]);
    use("http://b", "http://c");
    await world.monitor.forceCheck("pair");
    assert.deepEqual(takes("http://a", "http://b", "http://c"), [true, true, true]);
    assert.equal(world.monitor.takesTraffic("nobody", "http://a"), true);
  });

  it("tell of the set itself, also when it is emptied or the route goes", async () => {
    const { world, told, use } = lb("http://a", "http://b");
    world.use(door("lb"));
    world.monitor.start();
    await settle();
    use("http://b", "http://c");
    await world.monitor.forceCheck("lb");
    assert.equal(told.at(-1), "lb: http://b http://c");
    use("http://c");
    await world.monitor.forceCheck("lb");
    assert.equal(told.at(-1), "lb: http://c");
    world.use();
    assert.equal(told.at(-1), "lb: ");
  });
});

describe("history", () => {
  it("has the share of each state, and survives a restart", async () => {
    const store = createMemoryHealthStore();
    const world = healthWorld({ store });
    world.workload("blog", "ready");
    world.use(sleeper("blog", { fall: 1 }));
    world.monitor.start();
    await world.clock.advanceAsync(120_000);
    world.answerWith(() => fail);
    await world.monitor.forceCheck("blog");
    await world.monitor.forceCheck("blog");
    await world.clock.advanceAsync(60_000);
    world.enter("blog", "napping");
    await world.clock.advanceAsync(120_000);
    const { samples, healthy, napping } = world.monitor.history("blog", "5m")!;
    assert.ok(Math.abs((healthy ?? 0) - 2 / 3) < 0.06, `healthy ${healthy}`);
    assert.ok(Math.abs((napping ?? 0) - 2 / 5) < 0.1, `napping ${napping}`);
    assert.ok(samples.length >= 5 && samples.length <= 6);
    assert.ok(
      ["healthy", "unhealthy", "napping"].every((status) => samples.some((sample) => sample.status === status)),
    );
    assert.ok(samples.some(({ latencyMs }) => latencyMs !== null));
    const before = world.monitor.history("blog", "1h");
    await world.monitor.stop();
    const again = healthWorld({ store });
    again.workload("blog", "napping");
    again.use(sleeper("blog"));
    again.monitor.start();
    again.clock.advance(world.clock.now() - again.clock.now());
    const { healthy: after, samples: kept } = again.monitor.history("blog", "1h")!;
    assert.deepEqual([after, kept.length], [before?.healthy, before?.samples.length]);
    assert.equal(again.monitor.history("none", "1h"), undefined);
  });

  it("is handed over once a minute for each route, whether it is checked or sleeps", async () => {
    const store = createMemoryHealthStore();
    const handed = new Map<string, number>();
    const add: typeof store.add = (alias, changes) => {
      const short = changes.filter(({ widthMs }) => widthMs === 60_000);
      handed.set(alias, (handed.get(alias) ?? 0) + short.length);
      store.add(alias, changes);
    };
    const world = healthWorld({ store: { ...store, add } });
    world.workload("blog", "napping");
    world.use(door("nas"), door("slow", { intervalMs: 300_000 }), sleeper("blog"));
    world.monitor.start();
    await world.clock.advanceAsync(14 * 60_000);
    for (const [alias, rows] of handed) assert.ok(rows >= 13 && rows <= 15, `${alias}: ${rows}`);
    assert.deepEqual([...handed.keys()].sort(), ["blog", "nas", "slow"]);
  });
});

describe("start and stop", () => {
  it("may be called again and again; stop waits for what is under way, and nothing is asked after it", async () => {
    const held = heldChecks();
    const world = healthWorld({ answer: held.answer });
    world.use(door("nas"));
    world.monitor.start();
    world.monitor.start();
    await settle();
    assert.equal(world.asked.length, 1);
    // One that takes its time even after the abort.
    let end = (): void => undefined;
    world.answerWith(() => new Promise((resolve) => (end = () => resolve(pass))));
    held.open[0]!.end(pass);
    await world.clock.advanceAsync(2 * interval);
    assert.equal(world.asked.length, 2);
    let stopped = false;
    const stopping = world.monitor.stop().then(() => (stopped = true));
    void world.monitor.stop();
    await settle();
    assert.equal(stopped, false);
    end();
    await stopping;
    await world.clock.advanceAsync(10 * interval);
    assert.equal(world.asked.length, 2);
    assert.deepEqual([...world.monitor.views()], []);
    assert.equal(world.clock.pending, 0);
    assert.deepEqual(world.notices, []);
  });

  it("stops what was never started", async () => {
    const world = healthWorld();
    await world.monitor.stop();
    await world.monitor.stop();
  });
});
