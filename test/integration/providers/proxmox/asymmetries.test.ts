import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { recordWatch } from "../../../support/observer.ts";
import { openStage, rejection } from "../../../support/pve/stage.ts";
import type { Stage } from "../../../support/pve/stage.ts";

/**
 * Where errors surface: LXC refuses at once what QEMU says in a task, or does not mind. Each time the call was overtaken
 * by somebody else between our look and the node's work on it.
 */
const kinds = [
  { type: "lxc", ref: "lxc/100" },
  { type: "qemu", ref: "vm/100" },
] as const;
const stopping = (stage: Stage, timeoutMs: number | null = null) => ({ ...stage.io, stopSignal: null, timeoutMs });

/** Begins a call whose POST arrives only after `meanwhile` has happened. */
async function overtaken(stage: Stage, work: Promise<unknown>, meanwhile: () => void | Promise<void>): Promise<void> {
  const { pve, until, pass, drive } = stage;
  work.catch(() => undefined);
  await until("the POST", () => pve.posts().length > 0);
  const result = meanwhile();
  if (result !== undefined) await drive(result);
  await pass(10);
}
const late = (stage: Stage, ms = 8_000): void =>
  stage.pve.faults.add({ method: "POST", path: /status/, fault: { kind: "delay", ms } });

for (const { type, ref } of kinds) {
  describe(`${type}: overtaken by somebody else`, () => {
    it("start while running is success, and one start", async (t) => {
      const stage = await openStage(t);
      const guest = stage.pve.cluster.add(type, 100);
      late(stage);
      const work = stage.provider.start(ref, stage.io);
      await overtaken(stage, work, () => stage.pve.byHand("start", 100));
      await stage.drive(work);
      assert.equal(guest.starts, 1);
    });

    it("stop while stopped is success", async (t) => {
      const stage = await openStage(t);
      const guest = stage.pve.cluster.add(type, 100, { power: "running" });
      late(stage);
      const work = stage.provider.stop(ref, stopping(stage));
      await overtaken(stage, work, () => stage.pve.byHand("stop", 100));
      await stage.drive(work);
      assert.equal(guest.power, "stopped");
    });

    it("a guest that moved is started where it is now", async (t) => {
      const stage = await openStage(t);
      const guest = stage.pve.cluster.add(type, 100);
      late(stage);
      const work = stage.provider.start(ref, stage.io);
      await overtaken(stage, work, () => stage.pve.cluster.migrate(100, "pve2"));
      await stage.drive(work);
      assert.deepEqual([guest.node, guest.starts], ["pve2", 1]);
      assert.deepEqual(
        stage.pve.starts().map(({ node }) => node),
        ["pve1", "pve2"],
      );
    });

    it("a guest that moved is not taken for stopped where it was", async (t) => {
      const stage = await openStage(t);
      const guest = stage.pve.cluster.add(type, 100, { power: "running" });
      late(stage);
      const work = stage.provider.stop(ref, stopping(stage));
      await overtaken(stage, work, () => stage.pve.cluster.migrate(100, "pve2"));
      await stage.drive(work);
      assert.deepEqual([guest.node, guest.power], ["pve2", "stopped"]);
    });

    it("a look at a guest that moved follows it", async (t) => {
      const stage = await openStage(t);
      const { pve, provider, drive, io } = stage;
      pve.cluster.add(type, 100, { power: "running" });
      assert.equal((await drive(provider.inspect(ref, io)))?.power, "running");
      await drive(pve.cluster.migrate(100, "pve2"));
      assert.equal((await drive(provider.inspect(ref, io)))?.power, "running");
    });

    it("deleted is GONE, and says that it may be a right that is missing", async (t) => {
      const stage = await openStage(t);
      const { pve, provider, drive, io } = stage;
      pve.cluster.add(type, 100);
      await drive(provider.list(io));
      await drive(pve.cluster.remove(100));
      assert.match(await rejection(stage, provider.start(ref, io), "GONE"), /was deleted|lacks VM.Audit/);
      assert.match(await rejection(stage, provider.start(ref, io), "GONE"), /has no .*lacks VM.Audit/);
      assert.equal(await drive(provider.inspect(ref, io)), undefined);
    });
  });

  describe(`${type}: refusals`, () => {
    it("a lock fails the start and says until when", async (t) => {
      const stage = await openStage(t);
      const guest = stage.pve.cluster.add(type, 100, { lock: "backup" });
      const text = await rejection(stage, stage.provider.start(ref, stage.io), "ENGINE_ERROR");
      assert.match(text, /is locked \(backup\): wait until that task has ended/);
      const look = await stage.drive(stage.provider.inspect(ref, stage.io));
      assert.match(look?.error ?? "", /is locked \(backup\)/, "the look keeps the reason");
      guest.lock = null;
      await stage.drive(stage.provider.start(ref, stage.io));
      assert.equal((await stage.drive(stage.provider.inspect(ref, stage.io)))?.error, null);
    });

    it("another task at work: waits up to 10 s, then says so", async (t) => {
      const stage = await openStage(t);
      const guest = stage.pve.cluster.add(type, 100, { fates: [{ kind: "slow_lock", ms: 5_000 }] });
      await stage.drive(stage.provider.start(ref, stage.io));
      assert.equal(guest.starts, 1);
      await stage.drive(stage.provider.kill(ref, { ...stage.io, stopSignal: null }));
      guest.fates.push({ kind: "slow_lock", ms: 20_000 });
      const text = await rejection(stage, stage.provider.start(ref, stage.io), "ENGINE_ERROR");
      assert.match(text, /can't lock file .* got timeout: another task of this guest/);
    });

    it("a template is refused without a call", async (t) => {
      const stage = await openStage(t);
      stage.pve.cluster.add(type, 100, { template: true });
      assert.match(await rejection(stage, stage.provider.start(ref, stage.io), "REFUSED"), /template/);
      assert.equal(stage.pve.posts().length, 0);
    });

    it("a shutdown that is ignored fails, and names the way out", async (t) => {
      const stage = await openStage(t);
      const guest = stage.pve.cluster.add(type, 100, { power: "running", ignoresShutdown: true });
      const text = await rejection(stage, stage.provider.stop(ref, stopping(stage, 20_000)), "ENGINE_ERROR");
      assert.match(text, /it ignores the shutdown; `stop_method: kill`/);
      assert.equal(guest.power, "running");
      assert.equal(stage.pve.posts()[0]?.params["forceStop"], undefined);
    });

    it("kill with a time asks for a shutdown first, then ends it", async (t) => {
      const stage = await openStage(t);
      const { pve, provider, clock, drive, io } = stage;
      const guest = pve.cluster.add(type, 100, { power: "running", ignoresShutdown: true });
      const from = clock.now();
      await drive(provider.kill(ref, { ...io, stopSignal: null, timeoutMs: 20_000 }));
      assert.ok(clock.now() - from >= 20_000);
      assert.equal(guest.power, "stopped");
      assert.deepEqual(
        pve.posts().map(({ path, params }) => [path.split("/").at(-1), params["timeout"], params["forceStop"]]),
        [["shutdown", "20", "1"]],
      );
    });

    it("no quorum: says that nothing can be started", async (t) => {
      const stage = await openStage(t);
      stage.pve.cluster.add(type, 100);
      stage.pve.cluster.quorum = false;
      const text = await rejection(stage, stage.provider.start(ref, stage.io), "ENGINE_ERROR");
      assert.match(text, /no quorum.*until most nodes of the cluster see each other/);
      stage.pve.cluster.quorum = true;
      await stage.drive(stage.provider.start(ref, stage.io));
    });
  });
}

describe("what only containers do", () => {
  it("the lock `mounted` does not keep one from starting", async (t) => {
    const stage = await openStage(t);
    const guest = stage.pve.cluster.add("lxc", 100, { lock: "mounted" });
    await stage.drive(stage.provider.start("lxc/100", stage.io));
    assert.equal(guest.starts, 1);
  });

  it("moved by stop and start, it was not stopped by anybody", async (t) => {
    const stage = await openStage(t);
    const { pve, provider, until, drive, pass } = stage;
    pve.cluster.add("lxc", 100, { power: "running", timings: { migrateMs: 40_000 } });
    const watch = recordWatch(provider);
    await until("a list", () => watch.lists > 0);
    await drive(pve.cluster.migrate(100, "pve2"));
    await pass(60_000);
    assert.deepEqual(
      watch.changes("lxc/100").map(({ kind }) => kind),
      ["started"],
      "it runs anew, and never was told as ended",
    );
    await drive(watch.close());
  });

  it("a wake during a move waits for its end", async (t) => {
    const stage = await openStage(t);
    const { pve, provider, io, drive, pass } = stage;
    const guest = pve.cluster.add("lxc", 100);
    const moving = pve.cluster.migrate(100, "pve2");
    const work = provider.start("lxc/100", io);
    await pass(1_000);
    assert.equal(pve.posts().length, 0);
    await drive(moving);
    await drive(work);
    assert.deepEqual([guest.node, guest.starts], ["pve2", 1]);
  });
});

describe("what only VMs do", () => {
  it("pause while stopped is refused at once", async (t) => {
    const stage = await openStage(t);
    stage.pve.cluster.add("qemu", 100, { power: "running" });
    late(stage);
    const work = stage.provider.pause("vm/100", stage.io);
    await overtaken(stage, work, () => stage.pve.byHand("stop", 100));
    assert.match(await rejection(stage, work, "ENGINE_ERROR"), /not running/);
  });

  it("start while paused fails; resume is what helps", async (t) => {
    const stage = await openStage(t);
    const { pve, provider, io, drive } = stage;
    const guest = pve.cluster.add("qemu", 100);
    late(stage);
    const work = provider.start("vm/100", io);
    await overtaken(stage, work, async () => {
      pve.byHand("start", 100);
      const { promise, resolve } = Promise.withResolvers<void>();
      stage.clock.after(3_000, resolve);
      await promise;
      pve.byHand("suspend", 100);
    });
    assert.match(await rejection(stage, work, "ENGINE_ERROR"), /already running/);
    assert.equal((await drive(provider.inspect("vm/100", io)))?.power, "paused");
    await drive(provider.resume("vm/100", io));
    assert.equal(guest.power, "running");
  });

  it("a paused one is thawed to be shut down, and ended by force only where that is wanted", async (t) => {
    const stage = await openStage(t);
    const { pve, provider, drive } = stage;
    const guest = pve.cluster.add("qemu", 100, { power: "running" });
    await drive(provider.pause("vm/100", stage.io));
    await drive(provider.stop("vm/100", stopping(stage)));
    assert.equal(guest.power, "stopped");
    assert.deepEqual(
      pve.posts().map(({ path }) => path.split("/").at(-1)),
      ["suspend", "resume", "shutdown"],
    );
  });

  it("shutdown of one that was paused meanwhile is refused, and said so", async (t) => {
    const stage = await openStage(t);
    const guest = stage.pve.cluster.add("qemu", 100, { power: "running" });
    late(stage);
    const work = stage.provider.stop("vm/100", stopping(stage));
    await overtaken(stage, work, () => stage.pve.byHand("suspend", 100));
    assert.match(await rejection(stage, work, "ENGINE_ERROR"), /VM is paused - cannot shutdown/);
    await stage.drive(stage.provider.stop("vm/100", stopping(stage)));
    assert.equal(guest.power, "stopped");
  });

  it("suspended to disk it is off, and its start goes on", async (t) => {
    const stage = await openStage(t);
    const { pve, provider, drive, io } = stage;
    const guest = pve.cluster.add("qemu", 100, { power: "running" });
    await drive(provider.suspend!("vm/100", io));
    assert.deepEqual([guest.power, guest.lock], ["stopped", "suspended"]);
    assert.equal((await drive(provider.inspect("vm/100", io)))?.power, "stopped");
    await drive(provider.suspend!("vm/100", io));
    await drive(provider.start("vm/100", io));
    assert.deepEqual([guest.power, guest.lock], ["running", null]);
  });

  it("a container can be neither paused nor suspended", async (t) => {
    const stage = await openStage(t);
    stage.pve.cluster.add("lxc", 100, { power: "running" });
    assert.match(await rejection(stage, stage.provider.pause("lxc/100", stage.io), "ENGINE_ERROR"), /cannot be paused/);
    assert.match(await rejection(stage, stage.provider.suspend!("lxc/100", stage.io), "ENGINE_ERROR"), /suspended/);
    assert.equal(stage.pve.posts().length, 0);
  });

  it("a stop before Proxmox VE 8.2 knows no overruling", async (t) => {
    const stage = await openStage(t);
    const guest = stage.pve.cluster.add("qemu", 100, { power: "running" });
    const body = JSON.stringify({ data: null, errors: { "overrule-shutdown": "property is not defined in schema" } });
    const fault = { kind: "reply", status: 400, reason: "Parameter verification failed.", body } as const;
    stage.pve.faults.add({ method: "POST", path: /stop$/, fault });
    await stage.drive(stage.provider.kill("vm/100", { ...stage.io, stopSignal: null }));
    assert.equal(guest.power, "stopped");
  });
});
