import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { recordWatch } from "../../../support/observer.ts";
import { openStage, rejection } from "../../../support/pve/stage.ts";

const login = { kind: "login", username: "nodoff@pve", password: "secret" } as const;

describe("API token", () => {
  it("revoked: the wake fails within 5 s and says why, nothing is touched, and all is well once it is back", async (t) => {
    const stage = await openStage(t);
    const { pve, provider, until, drive, io, clock } = stage;
    const guest = pve.cluster.add("lxc", 100);
    pve.cluster.add("lxc", 101, { power: "running" });
    const watch = recordWatch(provider);
    await until("a list", () => watch.lists > 0);
    const token = pve.access.tokens.get(pve.token.id)!;
    pve.access.tokens.delete(pve.token.id);
    const from = clock.now();
    // As the engine does it: start, and after the failure one more look.
    const text = await rejection(stage, provider.start("lxc/100", io), "PROVIDER_FORBIDDEN");
    await rejection(stage, provider.inspect("lxc/100", io), "PROVIDER_FORBIDDEN");
    assert.ok(clock.now() - from <= 5_000, `${clock.now() - from} virtual ms`);
    assert.match(text, /refuses the token nodoff@pve!wake \(Authentication failed!\): check token_id/);
    await until("the loss", () => watch.links.length === 2);
    assert.equal(watch.links[1]?.code, "PROVIDER_FORBIDDEN");
    assert.deepEqual(watch.changes("lxc/101"), [], "what runs stays as it is known");
    assert.equal(pve.posts().length, 0);
    pve.access.tokens.set(pve.token.id, token);
    await until("it is back", () => watch.links.length === 3);
    await drive(provider.start("lxc/100", io));
    assert.equal(guest.starts, 1);
    await drive(watch.close());
  });

  it("expired is told as such by older versions", async (t) => {
    const stage = await openStage(t, { wording: "pve8" });
    stage.pve.cluster.add("lxc", 100);
    stage.pve.access.tokens.get(stage.pve.token.id)!.expire = 1;
    assert.match(await rejection(stage, stage.provider.list(stage.io), "PROVIDER_FORBIDDEN"), /\(token expired\)/);
  });

  it("of a realm that does not exist: names those that do", async (t) => {
    const stage = await openStage(t, {
      provider: { credentials: { kind: "token", id: "nodoff@pev!wake", secret: "x" } },
    });
    const text = await rejection(stage, stage.provider.list(stage.io), "PROVIDER_FORBIDDEN");
    assert.match(text, /^there is no realm "pev" \(there: pam, pve\)/);
  });

  it("refused for a moment (a burst of 401): the link is back by itself", async (t) => {
    const { pve, provider, until, drive } = await openStage(t);
    pve.cluster.add("lxc", 100);
    const watch = recordWatch(provider);
    await until("a list", () => watch.lists > 0);
    pve.faults.add({ path: /resources/, count: 2, fault: { kind: "unauthorized" } });
    await until("the loss", () => watch.links.length === 2);
    await until("it is back", () => watch.links.length === 3);
    await drive(watch.close());
  });

  it("never tells its secret", async (t) => {
    const stage = await openStage(t, {
      provider: { credentials: { kind: "token", id: "a@pve!b", secret: "hush-hush" } },
    });
    const text = await rejection(stage, stage.provider.list(stage.io), "PROVIDER_FORBIDDEN");
    assert.ok(!text.includes("hush") && !JSON.stringify(stage.lines).includes("hush"));
  });
});

describe("login by password", () => {
  it("happens once, with CSRF for what changes something", async (t) => {
    const { pve, provider, drive, io } = await openStage(t, { provider: { credentials: login } });
    const guest = pve.cluster.add("lxc", 100);
    await Promise.all([drive(provider.list(io)), drive(provider.list(io))]);
    await drive(provider.start("lxc/100", io));
    assert.equal(guest.starts, 1);
    assert.equal(pve.access.logins, 1);
  });

  it("is renewed by the old ticket before it runs out", async (t) => {
    const { pve, provider, drive, io, clock } = await openStage(t, { provider: { credentials: login } });
    pve.cluster.add("lxc", 100);
    await drive(provider.list(io));
    clock.advance(3_700_000);
    await drive(provider.list(io));
    assert.equal(pve.access.logins, 2);
    const used = pve.journal
      .filter(({ path }) => path === "/access/ticket")
      .map(({ params }) => params["password"] ?? "");
    assert.ok(used[1]?.startsWith("PVE:nodoff@pve:"), "by its ticket");
    assert.ok(!pve.journal.some(({ status }) => status === 401));
  });

  it("a ticket that expires in the middle of a wake: logs in again, the wake succeeds, one start", async (t) => {
    const { pve, provider, drive, io, until } = await openStage(t, { provider: { credentials: login } });
    const guest = pve.cluster.add("lxc", 100);
    const work = provider.start("lxc/100", io);
    await until("the POST", () => pve.starts().length === 1);
    pve.access.forgetTickets();
    await drive(work);
    assert.equal(guest.starts, 1);
    assert.equal(pve.access.logins, 2);
    pve.access.forgetTickets();
    await drive(provider.kill("lxc/100", { ...io, stopSignal: null }));
    pve.access.forgetTickets();
    await drive(provider.start("lxc/100", io));
    assert.equal(guest.starts, 2);
  });

  it("a wrong password names what to check", async (t) => {
    const stage = await openStage(t, { provider: { credentials: { ...login, password: "wrong" } } });
    const text = await rejection(stage, stage.provider.list(stage.io), "PROVIDER_FORBIDDEN");
    assert.match(text, /refuses the user nodoff@pve \(authentication failure\): check username with its realm/);
  });
});

describe("certificates and addresses", () => {
  it("nobody's CA: tells the fingerprint to compare and to pin", async (t) => {
    const stage = await openStage(t, { provider: { trust: { kind: "system" } } });
    const text = await rejection(stage, stage.provider.list(stage.io), "PROVIDER_UNAVAILABLE");
    assert.match(text, /signed by a CA nobody here knows: set `ca_file` .*pvenode cert info/);
    assert.ok(text.includes(`fingerprint: "${stage.pve.certificate.fingerprint}"`));
  });

  it("a pinned fingerprint is enough, and no other certificate is", async (t) => {
    const stage = await openStage(t, {
      provider: { trust: { kind: "fingerprint", fingerprint: Array(32).fill("AA").join(":") } },
    });
    const text = await rejection(stage, stage.provider.list(stage.io), "PROVIDER_UNAVAILABLE");
    assert.match(text, /another certificate than the pinned one/);
    const { fingerprint } = stage.pve.certificate;
    const pinned = await openStage(t, { trustCertificate: true });
    pinned.pve.cluster.add("lxc", 100);
    assert.equal((await pinned.drive(pinned.provider.list(pinned.io))).length, 1);
    assert.notEqual(pinned.pve.certificate.fingerprint, fingerprint);
  });

  it("insecure asks no questions", async (t) => {
    const { pve, provider, drive, io } = await openStage(t, { provider: { trust: { kind: "insecure" } } });
    pve.cluster.add("lxc", 100);
    assert.equal((await drive(provider.list(io))).length, 1);
  });

  it("a port where nothing listens, or something else does, is named with the right one", async (t) => {
    const nobody = await openStage(t, { provider: { origins: ["https://127.0.0.1:9"] } });
    assert.match(
      await rejection(nobody, nobody.provider.list(nobody.io), "PROVIDER_UNAVAILABLE"),
      /nothing listens there; Proxmox VE listens on port 8006, not 9/,
    );
    const plain = createServer((_, response) => response.end("hello"));
    await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", resolve));
    t.after(() => plain.close());
    const { port } = plain.address() as AddressInfo;
    const http = await openStage(t, { provider: { origins: [`https://127.0.0.1:${port}`] } });
    assert.match(await rejection(http, http.provider.list(http.io), "PROVIDER_UNAVAILABLE"), /port 8006, not/);
  });

  it("what is no Proxmox VE says so", async (t) => {
    const stage = await openStage(t);
    const fault = { kind: "reply", status: 404, reason: "Not Found", html: true } as const;
    stage.pve.faults.add({ count: 4, fault });
    assert.match(
      await rejection(stage, stage.provider.list(stage.io), "PROVIDER_UNAVAILABLE"),
      /answered 404 to GET .* as no Proxmox VE API does \(Proxmox VE listens on port 8006/,
    );
  });
});

describe("how many calls at once", () => {
  it("never more than 2 to one node", async (t) => {
    const { pve, provider, drive, io } = await openStage(t);
    for (let vmid = 100; vmid < 120; vmid++) pve.cluster.add("lxc", vmid, { node: vmid % 2 === 0 ? "pve1" : "pve2" });
    await drive(provider.list(io));
    const most = { parked: 0 };
    const watchParked = (): void => {
      most.parked = Math.max(most.parked, pve.parked.count);
      if (most.parked >= 0) pve.cluster.clock.after(1, watchParked);
    };
    watchParked();
    const refs = Array.from({ length: 20 }, (_, at) => `lxc/${100 + at}`);
    await drive(Promise.all(refs.map((ref) => provider.start(ref, io))));
    assert.ok(most.parked >= 3 && most.parked <= 4, `${most.parked} at once to two nodes`);
    most.parked = -1;
  });
});
