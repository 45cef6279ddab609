import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { freePort, until } from "../support/e2e/child.ts";
import { openBrowser } from "../support/e2e/chromium.ts";
import { ask, navigation } from "../support/e2e/client.ts";
import { startNginx } from "../support/e2e/nginx.ts";
import type { Door } from "../support/e2e/kit.ts";
import { startNodoff } from "../support/e2e/nodoff.ts";
import type { Nodoff } from "../support/e2e/nodoff.ts";
import { arrives } from "../support/e2e/requests.ts";
import { openPve } from "../support/pve/pve.ts";
import type { Pve } from "../support/pve/pve.ts";
import type { SimGuest } from "../support/pve/model.ts";
import { scaledClock } from "../support/pve/scaled-clock.ts";

/** The cluster's time; nodoff itself runs by the machine's. */
const speed = 4;
const names = ["ct", "vm", "ha", "browser", "disk", "tagged", "busy"] as const;
type Name = (typeof names)[number];
const hostOf = (name: Name): string => `${name}.localhost`;
/** Every guest has an address of its own: all of 127.0.0.0/8 is this machine. */
const addressOf = (name: Name): string => `127.77.0.${names.indexOf(name) + 1}`;

describe("nginx, nodoff and a simulated cluster", () => {
  let pve: Pve;
  let nodoff: Nodoff;
  let door: Door;
  let guests: Readonly<Record<Name, SimGuest>>;
  const browser = openBrowser();

  before(async () => {
    pve = await openPve({ clock: scaledClock(speed) });
    const port = await freePort();
    const listen = (name: Name) => ({ address: addressOf(name), listen: { host: addressOf(name), port } });
    guests = {
      ct: pve.cluster.add("lxc", 100, listen("ct")),
      vm: pve.cluster.add("qemu", 101, { ...listen("vm"), power: "running" }),
      ha: pve.cluster.add("lxc", 102, {
        ...listen("ha"),
        ha: { requested: "stopped", state: "stopped", placement: "pve2" },
      }),
      browser: pve.cluster.add("lxc", 103, { ...listen("browser"), name: "browser" }),
      disk: pve.cluster.add("qemu", 104, { ...listen("disk"), power: "running", timings: { vmServiceMs: 2_000 } }),
      busy: pve.cluster.add("lxc", 106, { ...listen("busy"), power: "running", traffic: 100_000 }),
      tagged: pve.cluster.add("lxc", 105, {
        ...listen("tagged"),
        name: "tagged",
        tags: `nodoff;nodoff-idle-3s;nodoff-port-${port};prod`,
        config: { description: `Somebody's notes.\n\nnodoff.host=${hostOf("tagged")}\n` },
      }),
    };
    nodoff = await startNodoff(
      {
        providers: {
          pve: {
            type: "proxmox",
            url: pve.origins[0],
            token_id: pve.token.id,
            token_secret: "${PVE_SECRET}",
            fingerprint: pve.certificate.fingerprint,
            discover: true,
          },
        },
        defaults: { idle_timeout: "3s", wake_timeout: "60s" },
        workloads: {
          ct: { lxc: 100, host: hostOf("ct"), port },
          vm: { vm: 101, host: hostOf("vm"), upstream: `http://${addressOf("vm")}:${port}`, stop_method: "pause" },
          busy: { lxc: 106, host: hostOf("busy"), port, idle_timeout: "20s" },
          ha: { lxc: 102, host: hostOf("ha"), port },
          disk: {
            vm: 104,
            host: hostOf("disk"),
            upstream: `http://${addressOf("disk")}:${port}`,
            stop_method: "suspend",
          },
          browser: { lxc: "browser", node: "pve1", host: hostOf("browser"), port },
        },
        routes: { ui: { host: "pve.localhost", node: "pve1", upstream: pve.origins[0] } },
      },
      { PVE_SECRET: pve.token.secret },
    );
    const sites = names.map((name) => ({ alias: name, host: hostOf(name), address: `${addressOf(name)}:${port}` }));
    door = await startNginx({ hookPort: nodoff.port, variant: "host", sites });
  });
  after(async () => {
    await door?.close();
    await nodoff?.close();
    await pve?.close();
  });

  it("starts nothing by itself", async () => {
    await nodoff.inState("ct", "napping");
    assert.deepEqual(
      pve.posts().filter(({ path }) => path.endsWith("/start")),
      [],
    );
  });

  it("a container: page, then app, one start for 100 requests, and a shutdown when nobody uses it", async () => {
    const page = await ask(door.port, { host: hostOf("ct"), path: "/", headers: navigation });
    assert.equal(page.status, 503);
    assert.match(String(page.headers["content-type"]), /^text\/html/);
    assert.equal(page.headers["x-nodoff-state"], "starting");
    const replies = await Promise.all(
      Array.from({ length: 100 }, (_, at) => ask(door.port, { host: hostOf("ct"), path: `/api/${at}` })),
    );
    assert.deepEqual(new Set(replies.map(({ status }) => status)), new Set([200]));
    assert.equal((JSON.parse(replies[7]?.text ?? "") as { url: string }).url, "/api/7");
    assert.equal((await ask(door.port, { host: hostOf("ct"), path: "/", headers: navigation })).status, 200);
    assert.equal(guests.ct.starts, 1);
    assert.equal(pve.starts().filter(({ path }) => path.includes("/lxc/100/")).length, 1);
    await nodoff.inState("ct", "napping");
    assert.equal(guests.ct.power, "stopped");
    assert.ok(pve.posts().some(({ path }) => path.endsWith("/lxc/100/status/shutdown")));
  });

  it("a VM: paused when idle, resumed by a request", async () => {
    await nodoff.inState("vm", "napping");
    assert.equal(guests.vm.power, "paused");
    const reply = await ask(door.port, { host: hostOf("vm"), path: "/api" });
    assert.equal(reply.status, 200);
    assert.equal(guests.vm.power, "running");
    assert.equal(guests.vm.starts, 0, "never started anew");
    await nodoff.inState("vm", "napping");
    assert.equal(guests.vm.power, "paused");
  });

  it("an HA-managed container comes up on the other node", async () => {
    const reply = await ask(door.port, { host: hostOf("ha"), path: "/api" });
    assert.equal(reply.status, 200);
    assert.equal((JSON.parse(reply.text) as { node: string }).node, "pve2");
    assert.equal(guests.ha.starts, 1);
    await nodoff.inState("ha", "napping");
    assert.equal(guests.ha.power, "stopped");
  });

  it("a VM suspended to disk goes on where it was", async () => {
    await nodoff.inState("disk", "napping");
    assert.deepEqual([guests.disk.power, guests.disk.lock], ["stopped", "suspended"]);
    assert.equal((await ask(door.port, { host: hostOf("disk"), path: "/api" })).status, 200);
    assert.deepEqual([guests.disk.power, guests.disk.lock], ["running", null]);
  });

  it("a container that says so by its tags and notes sleeps and wakes, and no other", async () => {
    await nodoff.inState("tagged", "napping");
    const workload = (await nodoff.api("/workloads/tagged")) as Readonly<Record<string, unknown>>;
    assert.deepEqual([workload["kind"], workload["ref"]], ["lxc", "lxc/105"]);
    assert.equal((await ask(door.port, { host: hostOf("tagged"), path: "/api" })).status, 200);
    await nodoff.inState("tagged", "napping");
    assert.equal(guests.tagged.power, "stopped");
    assert.equal(guests.tagged.starts, 1);
  });

  it("traffic nobody at a door saw keeps a container awake, until it ends", async () => {
    await nodoff.inState("busy", "ready");
    interface Shown {
      readonly last_used_at: string;
      readonly reasons: readonly { readonly signal: string }[];
    }
    const show = async (): Promise<Shown> => (await nodoff.api("/workloads/busy")) as Shown;
    const first = Date.parse((await show()).last_used_at);
    // Nobody asks for it: only the network can have used it later.
    const isUsedSince = ({ last_used_at: at, reasons }: Shown): boolean =>
      reasons.some(({ signal }) => signal === "network") && Date.parse(at) - first > 10_000;
    await until("a later use", async () => (isUsedSince(await show()) ? true : undefined), 60_000);
    assert.equal(await nodoff.state("busy"), "ready");
    guests.busy.traffic = 0;
    await until("its sleep", async () => ((await nodoff.state("busy")) === "napping" ? true : undefined), 90_000);
    assert.equal(guests.busy.power, "stopped");
  });

  it("brings a browser to its deep link", async () => {
    await nodoff.inState("browser", "napping");
    await arrives(browser(), { port: door.port, host: hostOf("browser"), path: "/deep?q=1" });
    assert.equal(guests.browser.starts, 1);
  });

  it("tells the API which machines routes lead to", async () => {
    const guestOf = async (alias: string): Promise<unknown> =>
      ((await nodoff.api(`/routes/${alias}`)) as { readonly guest: unknown }).guest;
    assert.deepEqual(await guestOf("ct"), { provider: "pve", node: "pve1", id: 100 });
    assert.deepEqual(await guestOf("ha"), { provider: "pve", node: "pve2", id: 102 });
    assert.deepEqual(await guestOf("ui"), { provider: "pve", node: "pve1", id: 0 });
  });

  it("with its token revoked a wake fails with the reason within 5 s, and works again once it is back", async () => {
    await nodoff.inState("ct", "napping");
    const token = pve.access.tokens.get(pve.token.id)!;
    pve.access.tokens.delete(pve.token.id);
    const posts = pve.posts().length;
    const from = performance.now();
    const reply = await ask(door.port, { host: hostOf("ct"), path: "/api" });
    const tookMs = performance.now() - from;
    assert.equal(reply.status, 503);
    assert.equal((JSON.parse(reply.text) as { code: string }).code, "PROVIDER_FORBIDDEN");
    assert.ok(tookMs < 5_000, `${tookMs} ms`);
    const { error } = (await nodoff.api("/workloads/ct")) as { readonly error: { readonly message: string } };
    assert.match(error.message, /refuses the token nodoff@pve!wake/);
    assert.equal(pve.posts().length, posts, "nothing was touched");
    pve.access.tokens.set(pve.token.id, token);
    await until("a wake that works", async () => {
      const again = await ask(door.port, { host: hostOf("ct"), path: "/api" });
      return again.status === 200 ? true : undefined;
    });
  });
});
