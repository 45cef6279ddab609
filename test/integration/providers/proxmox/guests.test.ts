import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LocateQuery } from "../../../../src/core/provider.ts";
import { recordWatch } from "../../../support/observer.ts";
import { openStage, rejection } from "../../../support/pve/stage.ts";

const managed = (more: object = {}) => ({ requested: "stopped", state: "stopped", placement: null, ...more }) as const;

describe("HA-managed guests", () => {
  for (const type of ["lxc", "qemu"] as const) {
    const ref = type === "lxc" ? "lxc/100" : "vm/100";
    it(`${type}: the task's OK is not the effect; the guest comes up on the other node`, async (t) => {
      const { pve, provider, drive, io, clock } = await openStage(t);
      const guest = pve.cluster.add(type, 100, { ha: { ...managed(), placement: "pve2" } });
      const from = clock.now();
      await drive(provider.start(ref, io));
      assert.ok(clock.now() - from > 2_000, "it took the HA manager's rounds");
      assert.deepEqual([guest.node, guest.power, guest.starts], ["pve2", "running", 1]);
      assert.equal(pve.starts().length, 1);
      assert.equal((await drive(provider.address(ref, { port: 80 }, io))).port, 80);
      await drive(provider.stop(ref, { ...io, stopSignal: null, timeoutMs: null }));
      assert.equal(guest.power, "stopped");
    });
  }

  it("in error it is not started, and the way out is named", async (t) => {
    const stage = await openStage(t);
    stage.pve.cluster.add("qemu", 100, { ha: { ...managed(), state: "error" } });
    const text = await rejection(stage, stage.provider.start("vm/100", stage.io), "ENGINE_ERROR");
    assert.match(text, /HA manager has it in state "error": `ha-manager set vm:100 --state disabled`/);
    assert.equal(stage.pve.posts().length, 0);
  });

  it("ignored is as unmanaged", async (t) => {
    const { pve, provider, drive, io } = await openStage(t);
    const guest = pve.cluster.add("lxc", 100, { ha: { requested: "ignored", state: "ignored", placement: null } });
    await drive(provider.start("lxc/100", io));
    assert.equal(guest.starts, 1);
    await drive(provider.kill("lxc/100", { ...io, stopSignal: null }));
    assert.equal(guest.power, "stopped");
  });

  it("cannot be suspended to disk, and is killed without overruling", async (t) => {
    const stage = await openStage(t);
    const { pve, provider, drive, io } = stage;
    const guest = pve.cluster.add("qemu", 100, {
      power: "running",
      ha: managed({ requested: "started", state: "started" }),
    });
    assert.match(
      await rejection(stage, provider.suspend!("vm/100", io), "REFUSED"),
      /use `stop_method: stop` or `pause`/,
    );
    await drive(provider.kill("vm/100", { ...io, stopSignal: null }));
    assert.equal(guest.power, "stopped");
    assert.deepEqual(
      pve.posts().map(({ params }) => params),
      [{}],
    );
  });
});

describe("addresses", () => {
  it("of a container: once it has one, without lo and link-local ones", async (t) => {
    const { pve, provider, drive, io, clock } = await openStage(t);
    pve.cluster.add("lxc", 100, { address: "10.0.0.5", timings: { lxcAddressMs: 5_000 } });
    await drive(provider.start("lxc/100", io));
    const from = clock.now();
    assert.deepEqual(await drive(provider.address("lxc/100", { port: 3000 }, io)), { host: "10.0.0.5", port: 3000 });
    assert.ok(clock.now() - from > 2_000, "it was waited for");
  });

  it("of a VM: from its agent, which begins long after the start", async (t) => {
    const { pve, provider, drive, io } = await openStage(t);
    pve.cluster.add("qemu", 101, { address: "10.0.0.6" });
    await drive(provider.start("vm/101", io));
    assert.deepEqual(await drive(provider.address("vm/101", { port: 80 }, io)), { host: "10.0.0.6", port: 80 });
  });

  it("fixed in the configuration: known before the guest says it", async (t) => {
    const { pve, provider, drive, io } = await openStage(t);
    const net0 = "name=eth0,bridge=vmbr0,ip=10.0.0.7/24,gw=10.0.0.1,ip6=fd00::7/64";
    pve.cluster.add("lxc", 100, { address: null, config: { net0 } });
    pve.cluster.add("qemu", 101, { agent: "off", config: { ipconfig0: "ip=10.0.0.8/24,gw=10.0.0.1" } });
    await drive(provider.start("lxc/100", io));
    await drive(provider.start("vm/101", io));
    assert.equal((await drive(provider.address("lxc/100", { port: 80 }, io))).host, "10.0.0.7");
    assert.equal((await drive(provider.address("vm/101", { port: 80 }, io))).host, "10.0.0.8");
  });

  it("that cannot be known say what to do: no agent, none installed, no right, no DHCP", async (t) => {
    const stage = await openStage(t);
    const { pve, provider, drive, io } = stage;
    pve.cluster.add("qemu", 101, { power: "running", agent: "off" });
    const off = await rejection(stage, provider.address("vm/101", { port: 80 }, io), "ENGINE_ERROR");
    assert.match(off, /No QEMU guest agent configured: install and enable the QEMU guest agent, or set `upstream`/);
    pve.cluster.add("qemu", 102, { power: "running", agent: "absent" });
    const absent = await rejection(stage, provider.address("vm/102", { port: 80 }, io), "ENGINE_ERROR");
    assert.match(absent, /QEMU guest agent is not running: install/);
    pve.cluster.add("lxc", 103, { power: "running", address: null, config: { net0: "name=eth0,ip=dhcp" } });
    const dhcp = await rejection(stage, provider.address("lxc/103", { port: 80 }, io), "ENGINE_ERROR");
    assert.match(dhcp, /it runs, but has no address: set `upstream`/);
    pve.access.revoke(pve.token.id);
    pve.access.grant(pve.token.id, "/vms", ["VM.Audit", "VM.PowerMgmt"]);
    pve.cluster.add("qemu", 104, { power: "running" });
    const right = await rejection(stage, provider.address("vm/104", { port: 80 }, io), "PROVIDER_FORBIDDEN");
    assert.match(right, /lacks VM.GuestAgent.Audit or VM.GuestAgent.Unrestricted on \/vms\/104/);
    pve.cluster.add("lxc", 105);
    assert.match(await rejection(stage, provider.address("lxc/105", { port: 80 }, io), "ENGINE_ERROR"), /does not run/);
    await drive(provider.list(io));
  });
});

describe("discovery by tags and notes", () => {
  it("reads both, as labels; a change of either is taken over", async (t) => {
    const { pve, provider, until, drive, pass } = await openStage(t, { provider: { discover: true } });
    const guest = pve.cluster.add("lxc", 100, {
      name: "web",
      tags: "nodoff;nodoff-idle-15m;prod",
      config: { description: "Ann's blog\nnodoff.host=blog.example.com\n", onboot: 1 },
    });
    pve.cluster.add("lxc", 101, { tags: "prod", config: { description: "nodoff.host=x.example.com" } });
    assert.equal(provider.capabilities.discovers, true);
    const watch = recordWatch(provider);
    await until("a list", () => watch.lists > 0);
    const of = (ref: string) => watch.looks.find(({ refs }) => refs[0] === ref);
    assert.deepEqual(of("lxc/100")?.labels, {
      "nodoff.enable": "true",
      "nodoff.idle_timeout": "15m",
      "nodoff.host": "blog.example.com",
    });
    assert.match(of("lxc/100")?.warnings.join() ?? "", /onboot/);
    assert.deepEqual(of("lxc/101")?.labels, {});
    const before = of("lxc/100")?.id;
    guest.tags = "nodoff;nodoff-idle-5m";
    await until("the new tag", () => of("lxc/100")?.labels["nodoff.idle_timeout"] === "5m");
    assert.notEqual(of("lxc/100")?.id, before, "labels are read once per id");
    guest.config["description"] = "nodoff.host=other.example.com";
    await until("the new notes", () => of("lxc/100")?.labels["nodoff.host"] === "other.example.com", 400_000);
    guest.tags = "";
    await until("opted out", () => Object.keys(of("lxc/100")?.labels ?? { a: 1 }).length === 0);
    await pass(10);
    await drive(watch.close());
  });

  it("reads nothing where it is off, and never writes a configuration or starts a guest", async (t) => {
    const { pve, provider, until, drive, pass } = await openStage(t);
    pve.cluster.add("lxc", 100, { tags: "nodoff", config: { description: "nodoff.host=x.example.com" } });
    assert.equal(provider.capabilities.discovers, false);
    const watch = recordWatch(provider);
    await until("a list", () => watch.lists > 0);
    await pass(120_000);
    assert.deepEqual(watch.looks[0]?.labels, {});
    assert.ok(pve.journal.every(({ method }) => method === "GET"));
    assert.ok(!pve.journal.some(({ path }) => path.endsWith("/config")));
    await drive(watch.close());
  });
});

describe("what a route leads to", () => {
  const query = (more: Partial<LocateQuery>): LocateQuery => ({
    ref: null,
    hostname: null,
    ip: null,
    alias: null,
    ...more,
  });

  it("is a node before a guest, by address, host name and alias", async (t) => {
    const { pve, provider, drive, io } = await openStage(t);
    for (const who of ["nodoff@pve", pve.token.id]) pve.access.grant(who, "/", ["Sys.Audit"]);
    pve.cluster.add("lxc", 100, { name: "pve1" });
    pve.cluster.add("lxc", 101, { name: "web", power: "running", address: "10.0.0.5" });
    pve.cluster.add("qemu", 102, { name: "db.example.com", agent: "off", config: { ipconfig0: "ip=10.0.0.6/24" } });
    const find = (more: Partial<LocateQuery>) => drive(provider.locate!(query(more), io));
    assert.deepEqual(await find({ hostname: "PVE1.example.com" }), { node: "pve1", id: 0, ref: null });
    assert.deepEqual(await find({ ip: "10.99.0.2" }), { node: "pve2", id: 0, ref: null });
    assert.deepEqual(await find({ ip: "10.0.0.5" }), { node: "pve1", id: 101, ref: "lxc/101" });
    assert.deepEqual(await find({ ip: "10.0.0.6" }), { node: "pve1", id: 102, ref: "vm/102" });
    assert.deepEqual(await find({ hostname: "web.example.com" }), { node: "pve1", id: 101, ref: "lxc/101" });
    assert.deepEqual(await find({ ip: "192.0.2.1", alias: "db" }), { node: "pve1", id: 102, ref: "vm/102" });
    assert.deepEqual(await find({ ref: "lxc/web" }), { node: "pve1", id: 101, ref: "lxc/101" });
    assert.equal(await find({ hostname: "nobody.example.com", ip: "192.0.2.1", alias: "none" }), null);
  });

  it("without Sys.Audit nodes are found by name alone", async (t) => {
    const { provider, drive, io } = await openStage(t);
    assert.equal(await drive(provider.locate!(query({ ip: "10.99.0.2" }), io)), null);
    assert.equal((await drive(provider.locate!(query({ alias: "pve2" }), io)))?.node, "pve2");
  });

  it("lists the candidates where several fit", async (t) => {
    const stage = await openStage(t);
    const { pve, provider, io } = stage;
    pve.cluster.add("lxc", 100, { name: "web" });
    pve.cluster.add("qemu", 101, { name: "web.lan", node: "pve2" });
    const text = await rejection(stage, provider.locate!(query({ hostname: "web.x" }), io), "REFUSED");
    assert.match(text, /"web" may be several guests: lxc\/100 \(web\) on pve1, vm\/101 \(web.lan\) on pve2/);
  });
});

describe("what would keep a guest from sleeping or waking", () => {
  it("is named with the mend: rights, templates, HA, agents, unknown and ambiguous names", async (t) => {
    const { pve, provider, drive, io } = await openStage(t);
    const add = pve.cluster.add;
    pve.access.revoke(pve.token.id);
    pve.access.grant(pve.token.id, "/vms", ["VM.Audit", "VM.PowerMgmt", "VM.GuestAgent.Audit", "VM.Config.Disk"]);
    add("lxc", 100);
    add("lxc", 101, { template: true });
    add("qemu", 102, { agent: "off" });
    add("qemu", 103, { ha: managed() });
    add("lxc", 104, { name: "two" });
    add("lxc", 105, { name: "two" });
    add("lxc", 106);
    pve.access.revoke(pve.token.id, "/vms/106");
    const need = (ref: string, more: object = {}) => ({
      ref,
      stopMethod: "stop",
      needsAddress: true,
      wakeTimeoutMs: 120_000,
      ...more,
    });
    const needs = [
      need("lxc/100"),
      need("lxc/101"),
      need("vm/102"),
      need("vm/103", { stopMethod: "suspend", wakeTimeoutMs: 30_000 }),
      need("lxc/two"),
      need("lxc/999"),
    ];
    const found = await drive(provider.examine!(needs, io));
    const of = (ref: string) =>
      found.filter((each) => each.ref === ref).map(({ level, message }) => `${level}: ${message}`);
    assert.deepEqual(of("lxc/100"), []);
    assert.match(of("lxc/101").join(), /^error: .*is a template/);
    assert.match(of("vm/102").join(), /^error: its address cannot be known: enable the QEMU guest agent/);
    assert.match(of("vm/103").join(), /error: an HA-managed VM cannot be suspended.*warning: .*wake_timeout of 60s/);
    assert.match(of("lxc/two").join(), /several guests: lxc\/104 .*lxc\/105/);
    assert.match(
      of("lxc/999").join(),
      /pve has no lxc\/999, or the token nodoff@pve!wake lacks VM.Audit on it: `pveum acl/,
    );
    const twice = await drive(provider.examine!([need("lxc/100"), need("lxc/lxc100")], io));
    assert.deepEqual(
      twice.map(({ message }) => message),
      ["it is the same guest as lxc/100"],
    );
    pve.access.revoke(pve.token.id);
    pve.access.grant(pve.token.id, "/vms", ["VM.Audit"]);
    const [lacking] = await drive(provider.examine!([need("lxc/100")], io));
    assert.match(
      lacking?.message ?? "",
      /token nodoff@pve!wake lacks VM.PowerMgmt on \/vms\/100: `pveum acl modify \/vms\/100/,
    );
  });
});

describe("counters and logs", () => {
  it("rise with what the guest does, begin anew with a start, and cost no call of their own", async (t) => {
    const { pve, provider, until, drive, io, pass } = await openStage(t);
    pve.cluster.add("lxc", 100, { power: "running", traffic: 1_000, load: 0.25 });
    const watch = recordWatch(provider);
    await until("a list", () => watch.lists > 0);
    await pass(20_000);
    const first = await drive(provider.counters("lxc/100", io));
    await pass(60_000);
    const before = pve.journal.length;
    const second = await drive(provider.counters("lxc/100", io));
    assert.ok(pve.journal.length - before <= 1, "at most one poll");
    assert.equal(second.memoryBytes, 268_435_456);
    const risen = (second.rxBytes ?? 0) - (first.rxBytes ?? 0);
    assert.ok(risen >= 45_000 && risen <= 75_000, `${risen} bytes in 60 s of 1000 B/s`);
    const cpuMs = (second.cpuMs ?? 0) - (first.cpuMs ?? 0);
    assert.ok(cpuMs >= 20_000 && cpuMs <= 40_000, `${cpuMs} ms in 60 s of half a core`);
    await drive(provider.kill("lxc/100", { ...io, stopSignal: null }));
    assert.deepEqual(await drive(provider.counters("lxc/100", io)), {});
    await drive(provider.start("lxc/100", io));
    await pass(30_000);
    assert.ok(((await drive(provider.counters("lxc/100", io))).rxBytes ?? 0) < 40_000);
    await drive(watch.close());
  });

  it("logs are those of our own tasks, none from before", async (t) => {
    const stage = await openStage(t);
    const { pve, provider, drive, io, clock } = stage;
    pve.cluster.add("lxc", 100, { startLog: ["hello"], fates: [{ kind: "error", text: "no space left" }] });
    assert.deepEqual(await drive(provider.logs("lxc/100", { ...io, lines: 10 })), []);
    await rejection(stage, provider.start("lxc/100", io), "ENGINE_ERROR");
    assert.deepEqual(await drive(provider.logs("lxc/100", { ...io, lines: 10 })), ["TASK ERROR: no space left"]);
    await drive(provider.start("lxc/100", io));
    assert.deepEqual(await drive(provider.logs("lxc/100", { ...io, lines: 10 })), ["hello"]);
    const since = clock.wall() + 60_000;
    assert.deepEqual(await drive(provider.logs("lxc/100", { ...io, lines: 10, since })), []);
  });
});
