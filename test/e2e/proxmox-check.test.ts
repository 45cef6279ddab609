import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { createEnds } from "../support/e2e/ends.ts";
import { openHome, runNodoff } from "../support/e2e/home.ts";
import type { Home } from "../support/e2e/home.ts";
import { openPve } from "../support/pve/pve.ts";
import type { Pve } from "../support/pve/pve.ts";
import { realClock } from "../support/real-clock.ts";

const atEnd = createEnds();

describe("nodoff check of a first Proxmox VE configuration", () => {
  let pve: Pve;
  let home: Home;

  before(async () => {
    pve = await openPve({ clock: realClock });
    pve.cluster.add("lxc", 100, { name: "blog" });
    pve.cluster.add("lxc", 101, { name: "wiki" });
    for (const who of ["nodoff@pve", pve.token.id]) pve.access.grant(who, "/", ["Sys.Audit"]);
    home = await openHome(atEnd);
  });
  after(() => pve.close());

  async function check(provider: object, more: object = {}): Promise<{ code: unknown; text: string }> {
    const { origins, token, certificate } = pve;
    await home.write({
      providers: {
        pve: {
          type: "proxmox",
          url: origins[0],
          token_id: token.id,
          token_secret: token.secret,
          fingerprint: certificate.fingerprint,
          ...provider,
        },
      },
      workloads: { blog: { lxc: 100, host: "blog.example.com", port: 2368 } },
      ...more,
    });
    const { code, lines } = await runNodoff(["check", "--config", home.file]);
    return { code, text: lines.join("\n") };
  }

  it("is valid when all is well, and shows the machines behind routes", async () => {
    const { code, text } = await check(
      {},
      {
        routes: {
          ui: { host: "pve.example.com", node: "pve1", upstream: "https://10.99.0.1:8006" },
          nas: { host: "wiki.example.com", upstream: "http://wiki.lan:80" },
        },
      },
    );
    assert.equal(code, 0, text);
    assert.match(text, /workload blog: lxc lxc\/100 at pve, sleeps \(stop\) after 15 m/);
    assert.match(text, /route ui: .*which is node pve1/);
    assert.match(text, /route nas: .*which is guest 101 on pve1/);
  });

  it("names a wrong token", async () => {
    const { code, text } = await check({ token_secret: "wrong" });
    assert.equal(code, 4, text);
    assert.match(
      text,
      /:\d+:\d+ providers\.pve: .*refuses the token nodoff@pve!wake .*check token_id .* and token_secret/,
    );
  });

  it("names a wrong realm", async () => {
    const { code, text } = await check({ token_id: "nodoff@pev!wake" });
    assert.equal(code, 4, text);
    assert.match(text, /providers\.pve: there is no realm "pev" \(there: pam, pve\)/);
  });

  it("names a wrong port", async () => {
    const { code, text } = await check({ url: "https://127.0.0.1:9" });
    assert.equal(code, 4, text);
    assert.match(text, /nothing listens there; Proxmox VE listens on port 8006, not 9/);
  });

  it("names a self-signed certificate, and what to set", async () => {
    const { code, text } = await check({ fingerprint: undefined });
    assert.equal(code, 4, text);
    assert.ok(text.includes(`fingerprint: "${pve.certificate.fingerprint}"`), text);
    assert.match(text, /set `ca_file` to a copy of the cluster's \/etc\/pve\/pve-root-ca.pem/);
  });

  it("names a missing privilege, and the command that gives it", async () => {
    pve.access.revoke(pve.token.id);
    pve.access.grant(pve.token.id, "/vms", ["VM.Audit"]);
    const { code, text } = await check({});
    assert.equal(code, 3, text);
    assert.match(
      text,
      /workloads\.blog\.lxc: the token nodoff@pve!wake lacks VM\.PowerMgmt on \/vms\/100: `pveum acl modify \/vms\/100 --tokens 'nodoff@pve!wake' --roles nodoff`/,
    );
  });

  it("names a guest that is not there, or not to be seen, and an unknown node", async () => {
    const { code, text } = await check(
      {},
      {
        workloads: { blog: { lxc: 999, host: "blog.example.com", port: 2368 } },
        routes: { ui: { host: "pve.example.com", node: "pve9", upstream: "https://pve9:8006" } },
      },
    );
    assert.equal(code, 3, text);
    assert.match(text, /workloads\.blog\.lxc: pve has no lxc\/999, or the token nodoff@pve!wake lacks VM\.Audit on it/);
    assert.match(text, /routes\.ui\.node: there is no node "pve9"/);
  });
});
