import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { recordWatch } from "../../../support/observer.ts";
import { openStage, rejection } from "../../../support/pve/stage.ts";
import type { Stage } from "../../../support/pve/stage.ts";

const current = /status\/current$/;
const startPath = /status\/start$/;
const stopping = (stage: Stage) => ({ ...stage.io, stopSignal: null, timeoutMs: null });

describe("calls that go wrong", () => {
  it("a refusal in words is told with them", async (t) => {
    const stage = await openStage(t);
    stage.pve.cluster.add("lxc", 100);
    const fault = { kind: "reply", status: 500, reason: "storage 'nfs' is not online" } as const;
    stage.pve.faults.add({ method: "POST", path: startPath, fault });
    const text = await rejection(stage, stage.provider.start("lxc/100", stage.io), "ENGINE_ERROR");
    assert.equal(text, "lxc/100: could not start: storage 'nfs' is not online");
    assert.equal(stage.pve.posts().length, 1, "said no: not asked again");
  });

  it("a connection reset before the answer of a read is tried again", async (t) => {
    const { pve, provider, drive, io } = await openStage(t);
    pve.cluster.add("lxc", 100);
    pve.faults.add({ path: current, fault: { kind: "reset" } });
    assert.equal((await drive(provider.inspect("lxc/100", io)))?.power, "stopped");
  });

  it("a connection reset before a start arrived is found out, and the start sent again", async (t) => {
    const { pve, provider, drive, io } = await openStage(t);
    const guest = pve.cluster.add("lxc", 100);
    pve.faults.add({ method: "POST", path: startPath, fault: { kind: "reset" } });
    await drive(provider.start("lxc/100", io));
    assert.equal(guest.starts, 1);
    assert.equal(pve.starts().length, 2);
  });

  it("a connection reset after a start was accepted: exactly one start", async (t) => {
    const { pve, provider, drive, io } = await openStage(t);
    for (const [type, ref, vmid] of [
      ["lxc", "lxc/100", 100],
      ["qemu", "vm/101", 101],
    ] as const) {
      const guest = pve.cluster.add(type, vmid);
      const before = pve.starts().length;
      pve.faults.add({ method: "POST", path: startPath, fault: { kind: "reset", after: true } });
      await drive(provider.start(ref, io));
      assert.equal(guest.starts, 1);
      assert.equal(pve.starts().length - before, 1, `one POST for ${ref}`);
    }
  });

  it("a stop whose answer was lost is one stop too", async (t) => {
    const stage = await openStage(t);
    const guest = stage.pve.cluster.add("lxc", 100, { power: "running" });
    stage.pve.faults.add({ method: "POST", path: /shutdown$/, fault: { kind: "reset", after: true } });
    await stage.drive(stage.provider.stop("lxc/100", stopping(stage)));
    assert.equal(guest.power, "stopped");
    assert.equal(stage.pve.posts().length, 1);
  });

  it("an answer that is late is waited for, and given up after its limit", async (t) => {
    const stage = await openStage(t);
    const { pve, provider, drive, io } = stage;
    pve.cluster.add("lxc", 100);
    await drive(provider.list(io));
    pve.faults.add({ path: current, fault: { kind: "delay", ms: 5_000 } });
    assert.equal((await drive(provider.inspect("lxc/100", io)))?.power, "stopped");
    pve.faults.add({ path: current, fault: { kind: "delay", ms: 15_000 } });
    const from = stage.clock.now();
    const text = await rejection(stage, provider.inspect("lxc/100", io), "PROVIDER_UNAVAILABLE");
    assert.match(text, /did not answer GET .*status\/current within 10 s/);
    assert.ok(stage.clock.now() - from < 11_000);
  });

  it("half an answer is none: a read is tried again", async (t) => {
    const { pve, provider, drive, io } = await openStage(t);
    pve.cluster.add("lxc", 100);
    pve.faults.add({ path: current, fault: { kind: "truncate" } });
    assert.equal((await drive(provider.inspect("lxc/100", io)))?.power, "stopped");
  });

  it("an accepted start with half an answer is one start", async (t) => {
    const { pve, provider, drive, io } = await openStage(t);
    const guest = pve.cluster.add("lxc", 100);
    pve.faults.add({ method: "POST", path: startPath, fault: { kind: "truncate" } });
    await drive(provider.start("lxc/100", io));
    assert.deepEqual([guest.starts, pve.starts().length], [1, 1]);
  });

  it("a page of a proxy in front is no answer", async (t) => {
    const stage = await openStage(t);
    stage.pve.cluster.add("lxc", 100);
    const fault = { kind: "reply", status: 502, reason: "Bad Gateway", html: true } as const;
    stage.pve.faults.add({ path: current, count: 2, fault });
    const text = await rejection(stage, stage.provider.inspect("lxc/100", stage.io), "PROVIDER_UNAVAILABLE");
    assert.match(text, /answered 502 to GET .*: what is behind it is away/);
  });

  it("a right that is missing is named with the command that gives it", async (t) => {
    const stage = await openStage(t);
    const { pve, provider, io, drive } = stage;
    pve.cluster.add("lxc", 100);
    pve.access.revoke(pve.token.id);
    pve.access.grant(pve.token.id, "/vms", ["VM.Audit"]);
    const text = await rejection(stage, provider.start("lxc/100", io), "PROVIDER_FORBIDDEN");
    assert.match(text, /token nodoff@pve!wake lacks VM.PowerMgmt on \/vms\/100: `pveum acl modify \/vms\/100 --tokens/);
    pve.access.grant(pve.token.id, "/vms/100", ["VM.PowerMgmt"]);
    await drive(provider.start("lxc/100", io));
  });

  it("a right lost for one guest makes that one vanish, and it comes back", async (t) => {
    const { pve, provider, until, drive, lines } = await openStage(t);
    pve.cluster.add("lxc", 100);
    pve.cluster.add("lxc", 101);
    provider.expect(new Set(["lxc/100", "lxc/101"]));
    const watch = recordWatch(provider);
    await until("both", () => watch.looks.length === 2);
    pve.access.revoke(pve.token.id);
    pve.access.grant(pve.token.id, "/vms/101", ["VM.Audit", "VM.PowerMgmt"]);
    await until("the loss", () => watch.changes("lxc/100").some(({ kind }) => kind === "deleted"));
    await until("a list without it", () => watch.looks.length === 1);
    const warned = lines.filter(({ message }) => message === "guest not found");
    assert.deepEqual(
      warned.map(({ context }) => context["ref"]),
      ["lxc/100"],
    );
    assert.match(String(warned[0]?.context["error"]), /lacks VM.Audit/);
    pve.access.grant(pve.token.id, "/vms/100", ["VM.Audit"]);
    await until("it is back", () => watch.looks.length === 2);
    await drive(watch.close());
  });
});

describe("nodes that go away", () => {
  it("another address of the cluster is asked instead, also to change something", async (t) => {
    const { pve, provider, drive, io } = await openStage(t, { firstOrigins: ["https://127.0.0.1:1"] });
    const guest = pve.cluster.add("lxc", 100, { node: "pve2" });
    await drive(provider.start("lxc/100", io));
    assert.equal(guest.starts, 1);
  });

  for (const [downAs, status] of [
    ["refused", 595],
    ["silent", 596],
  ] as const) {
    it(`a guest whose node does not answer (${status}) keeps its state, and its wake says why it fails`, async (t) => {
      const stage = await openStage(t);
      const { pve, provider, until, io, drive, pass } = stage;
      pve.cluster.add("lxc", 100, { power: "running", node: "pve2" });
      const watch = recordWatch(provider);
      await until("a list", () => watch.lists > 0);
      const node = pve.cluster.node("pve2");
      node.downAs = downAs;
      node.downAt = stage.clock.now();
      // Not known to be down yet: the peer's answer counts.
      const text = await rejection(stage, provider.inspect("lxc/100", io), "PROVIDER_UNAVAILABLE");
      assert.match(
        text,
        downAs === "refused" ? /node pve2 does not answer the node that was asked/ : /did not answer|does not answer/,
      );
      await pass(400_000);
      assert.equal(watch.looks[0]?.power, "running", "nobody knows better, also after its last word expired");
      assert.deepEqual(watch.looks[0]?.refs.includes("lxc/lxc100"), true, "and it keeps its name");
      assert.deepEqual(watch.changes("lxc/100"), []);
      const from = stage.clock.now();
      assert.match(
        await rejection(stage, provider.start("lxc/100", io), "PROVIDER_UNAVAILABLE"),
        /node pve2 is offline/,
      );
      assert.ok(stage.clock.now() - from < 1_000, "at once");
      node.downAt = null;
      await until("it answers again", () => pve.cluster.snapshot(pve.cluster.guests.get("100")!) !== undefined);
      await pass(20_000);
      assert.equal((await drive(provider.inspect("lxc/100", io)))?.power, "running");
      await drive(watch.close());
    });
  }

  it("connections refused: told once, and once back a list follows", async (t) => {
    const { pve, provider, until, drive, pass } = await openStage(t);
    pve.cluster.add("lxc", 100, { power: "running" });
    const watch = recordWatch(provider);
    await until("a list", () => watch.lists > 0);
    await pve.lose();
    await until("the loss", () => watch.links.length === 2);
    assert.match(watch.links[1]?.message ?? "", /is not reachable: nothing listens there/);
    await pass(30_000);
    assert.equal(watch.links.length, 2);
    pve.byHand("stop", 100);
    await pass(2_000);
    await pve.restore();
    await until("it is back", () => watch.links.length === 3);
    await until("the exit it missed", () => watch.looks[0]?.power === "stopped");
    await drive(watch.close());
  });

  it("a changed certificate is refused, and its fingerprint told", async (t) => {
    const { pve, provider, until, drive, pass } = await openStage(t);
    pve.cluster.add("lxc", 100);
    const watch = recordWatch(provider);
    await until("a list", () => watch.lists > 0);
    await pve.renewCertificate();
    await until("the refusal", () => watch.links.length === 2, 60_000);
    assert.ok((watch.links[1]?.message ?? "").includes(pve.certificate.fingerprint));
    await pass(1_000);
    assert.equal(pve.posts().length, 0);
    await drive(watch.close());
  });
});

describe("tasks that go wrong", () => {
  it("WARNINGS is success", async (t) => {
    const { pve, provider, drive, io } = await openStage(t);
    const guest = pve.cluster.add("lxc", 100, { fates: [{ kind: "warnings", count: 2 }] });
    await drive(provider.start("lxc/100", io));
    assert.equal(guest.power, "running");
  });

  it("an error that was none is success: the guest runs", async (t) => {
    const { pve, provider, drive, io } = await openStage(t);
    for (const kind of ["died", "late_line", "vanished"] as const) {
      const guest = pve.cluster.add("lxc", 100, { fates: [{ kind }] });
      await drive(provider.start("lxc/100", io));
      assert.equal(guest.starts, 1, kind);
      await drive(pve.cluster.remove(100));
    }
  });

  it("an error is told in the task's own words", async (t) => {
    const stage = await openStage(t);
    stage.pve.cluster.add("lxc", 100, { fates: [{ kind: "error", text: "startup for container '100' failed" }] });
    const text = await rejection(stage, stage.provider.start("lxc/100", stage.io), "ENGINE_ERROR");
    assert.equal(text, "lxc/100: could not start: startup for container '100' failed");
  });

  it("OK without effect is a failure that says so", async (t) => {
    const stage = await openStage(t);
    stage.pve.cluster.add("lxc", 100, { fates: [{ kind: "ok_but_stopped" }] });
    const text = await rejection(stage, stage.provider.start("lxc/100", stage.io), "ENGINE_ERROR");
    assert.match(text, /the task said OK, but nothing changed/);
  });

  it("a task that never ends is given up: by the caller, else after the guest's time and a minute", async (t) => {
    const stage = await openStage(t);
    const { pve, provider, clock } = stage;
    pve.cluster.add("lxc", 100, { fates: [{ kind: "never" }] });
    const controller = new AbortController();
    clock.after(20_000, () => controller.abort(new Error("wake_timeout")));
    const from = clock.now();
    await rejection(stage, provider.start("lxc/100", { signal: controller.signal }), "PROVIDER_UNAVAILABLE");
    assert.ok(clock.now() - from < 20_100);
    pve.cluster.add("lxc", 101, { power: "running", fates: [{ kind: "never" }] });
    const stop = { ...stopping(stage), timeoutMs: 5_000 };
    assert.match(
      await rejection(stage, provider.stop("lxc/101", stop), "ENGINE_ERROR"),
      /its task does not end \(UPID:/,
    );
    assert.ok(clock.now() - from < 90_000);
  });
});

describe("guests that do not do what they should", () => {
  it("one that ends by itself while it starts is told as such where the token sees all tasks", async (t) => {
    const { pve, provider, until, drive, io, pass } = await openStage(t);
    for (const who of ["nodoff@pve", pve.token.id]) pve.access.grant(who, "/nodes", ["Sys.Audit"]);
    pve.cluster.add("lxc", 100, { crashAfterMs: 5_000 });
    const watch = recordWatch(provider);
    await until("a list", () => watch.lists > 0);
    await drive(provider.start("lxc/100", io));
    await until("its end", () => watch.changes("lxc/100").some(({ kind }) => kind === "exited"));
    const exit = watch.changes("lxc/100").find(({ kind }) => kind === "exited");
    assert.equal(exit?.kind === "exited" && exit.asked, false);
    await pass(1_000);
    await drive(watch.close());
  });

  it("without Sys.Audit an end is not called a crash: the next list shows it", async (t) => {
    const { pve, provider, until, drive, io } = await openStage(t);
    pve.cluster.add("lxc", 100, { crashAfterMs: 5_000 });
    const watch = recordWatch(provider);
    await until("a list", () => watch.lists > 0);
    await drive(provider.start("lxc/100", io));
    const lists = watch.lists;
    await until("a list that shows it", () => watch.lists > lists && watch.looks[0]?.power === "stopped");
    assert.deepEqual(
      watch.changes("lxc/100").map(({ kind }) => kind),
      ["started"],
    );
    await drive(watch.close());
  });

  it("an id used again by the other kind is another guest", async (t) => {
    const stage = await openStage(t);
    const { pve, provider, until, drive, io } = stage;
    pve.cluster.add("lxc", 100);
    const watch = recordWatch(provider);
    await until("a list", () => watch.lists > 0);
    await drive(pve.cluster.remove(100));
    const vm = pve.cluster.add("qemu", 100);
    await rejection(stage, provider.start("lxc/100", io), "GONE");
    assert.equal(vm.starts, 0);
    await until("the new one", () => watch.looks.some(({ refs }) => refs[0] === "vm/100"));
    assert.ok(watch.changes("lxc/100").some(({ kind }) => kind === "deleted"));
    await drive(watch.close());
  });

  it("a name of two guests is refused with both of them, not taken for either", async (t) => {
    const stage = await openStage(t);
    const { pve, provider, drive, io } = stage;
    const first = pve.cluster.add("lxc", 100, { name: "web" });
    const second = pve.cluster.add("lxc", 101, { name: "web", node: "pve2" });
    const text = await rejection(stage, provider.start("lxc/web", io), "REFUSED");
    assert.match(text, /"web" is the name of several guests: lxc\/100 \(web\) on pve1, lxc\/101 \(web\) on pve2/);
    assert.match((await drive(provider.inspect("lxc/web", io)))?.refusal ?? "", /several guests/);
    assert.ok((await drive(provider.list(io))).some(({ refs, refusal }) => refs[0] === "lxc/web" && refusal !== null));
    await drive(provider.start("lxc/web@pve2", io));
    assert.deepEqual([first.starts, second.starts], [0, 1]);
  });

  it("a cluster status that has come to a halt changes nothing we know better", async (t) => {
    const { pve, provider, until, drive, io, pass } = await openStage(t);
    pve.cluster.add("lxc", 100);
    const watch = recordWatch(provider);
    await until("a list", () => watch.lists > 0);
    for (const node of pve.cluster.nodes) node.frozen = true;
    await drive(provider.start("lxc/100", io));
    const before = pve.journal.length;
    await pass(180_000);
    assert.deepEqual(
      watch.changes("lxc/100").map(({ kind }) => kind),
      ["started"],
    );
    assert.equal(watch.looks[0]?.power, "running");
    const calls = pve.journal.slice(before).filter(({ path }) => path.endsWith("current")).length;
    assert.ok(calls <= 14, `${calls} live looks in 3 minutes`);
    await drive(watch.close());
  });

  it("a stale row after our own stop is not taken for a start by somebody", async (t) => {
    const stage = await openStage(t);
    const { pve, provider, until, drive, pass } = stage;
    pve.cluster.add("lxc", 100, { power: "running" });
    const watch = recordWatch(provider);
    await until("a list", () => watch.lists > 0);
    await drive(provider.stop("lxc/100", stopping(stage)));
    await pass(60_000);
    assert.deepEqual(
      watch.changes("lxc/100").map(({ kind }) => kind),
      ["exited"],
    );
    await drive(watch.close());
  });

  it("another node's clock says nothing about ours", async (t) => {
    const stage = await openStage(t);
    const { pve, provider, drive, io } = stage;
    for (const node of pve.cluster.nodes) node.skewMs = -3_600_000;
    const guest = pve.cluster.add("lxc", 100);
    pve.faults.add({ method: "POST", path: startPath, fault: { kind: "reset", after: true } });
    await drive(provider.start("lxc/100", io));
    assert.equal(guest.starts, 1);
    const look = await drive(provider.inspect("lxc/100", io));
    assert.ok(Math.abs((look?.startedAt ?? 0) - stage.clock.wall()) < 5_000);
  });

  it("a VM paused by somebody is seen, although its row says running", async (t) => {
    const { pve, provider, until, drive, pass } = await openStage(t);
    pve.cluster.add("qemu", 100, { power: "running" });
    const watch = recordWatch(provider);
    await until("a list", () => watch.lists > 0);
    await pass(30_000);
    pve.byHand("suspend", 100);
    await until("the pause", () => watch.changes("vm/100").some(({ kind }) => kind === "paused"), 60_000);
    pve.byHand("resume", 100);
    await until("its end", () => watch.changes("vm/100").some(({ kind }) => kind === "resumed"), 60_000);
    await drive(watch.close());
  });

  it("a reboot by somebody is told as a start", async (t) => {
    const { pve, provider, until, drive } = await openStage(t);
    pve.cluster.add("lxc", 100, { power: "running", timings: { vzshutdownMs: 100 } });
    const watch = recordWatch(provider);
    await until("a list", () => watch.lists > 0);
    pve.byHand("reboot", 100);
    await until("the start", () => watch.changes("lxc/100").some(({ kind }) => kind === "started"));
    await drive(watch.close());
  });

  it("numbers as text, errors without words and old lists of interfaces are understood", async (t) => {
    const stage = await openStage(t, { textNumbers: true, plainErrors: true, oldInterfaces: true });
    const { pve, provider, drive, io } = stage;
    pve.cluster.add("lxc", 100, { address: "10.0.0.7", lock: "backup" });
    assert.match(await rejection(stage, provider.start("lxc/100", io), "ENGINE_ERROR"), /is locked \(backup\)/);
    const fault = { kind: "reply", status: 500, reason: "got no worker upid - start worker failed" } as const;
    pve.faults.add({ method: "POST", path: startPath, fault });
    assert.match(await rejection(stage, provider.start("lxc/100", io), "ENGINE_ERROR"), /start worker failed/);
    pve.cluster.guests.get("100")!.lock = null;
    await drive(provider.start("lxc/100", io));
    assert.deepEqual(await drive(provider.address("lxc/100", { port: 80 }, io)), { host: "10.0.0.7", port: 80 });
  });
});
