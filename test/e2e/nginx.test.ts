import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { describeDoor } from "../support/e2e/acceptance.ts";
import { freePort } from "../support/e2e/child.ts";
import { ask, echo, navigation } from "../support/e2e/client.ts";
import { type App, openDocker } from "../support/e2e/docker.ts";
import { startNginx } from "../support/e2e/nginx.ts";
import { arrives } from "../support/e2e/requests.ts";
import { asleep, hostOf, openBrowser, openWorld, starts } from "../support/e2e/world.ts";

describeDoor("nginx with the kit, addresses of our own (site-compose.conf)", {
  open: (nodoff, sites) => startNginx({ hookPort: nodoff.port, variant: "compose", sites }),
});

describe("nginx on the host: the address comes from nodoff (site-host.conf)", () => {
  const world = openWorld({
    upstream: "container",
    open: (nodoff, sites) => startNginx({ hookPort: nodoff.port, variant: "host", sites }),
  });
  const browser = openBrowser();

  it("follows the container to whatever address it gets", async () => {
    const { apps, door } = world();
    const since = await asleep(world(), "blog", apps.blog);
    const addresses = new Set<string>();
    // Each neighbour that is up first takes the address the blog had.
    for (const neighbour of [null, apps.victim, apps.login]) {
      await neighbour?.start();
      const reply = await ask(door.port, { host: hostOf("blog"), path: "/moved?q=1" });
      assert.equal(reply.status, 200);
      assert.equal(await echo(door.port, { host: hostOf("blog"), path: "/socket" }, "here"), "here");
      addresses.add(await apps.blog.address());
      await asleep(world(), "blog", apps.blog);
    }
    assert.ok(addresses.size > 1 && !addresses.has(""), `it moved: ${[...addresses].join(", ")}`);
    assert.equal(await starts(apps.blog, since), 3);
  });

  it("brings a browser to its deep link", async () => {
    const { apps, door } = world();
    await asleep(world(), "blog", apps.blog);
    await arrives(browser(), { port: door.port, host: hostOf("blog"), path: "/deep?q=1" });
  });
});

describe("nginx, while nodoff is away", () => {
  let app: App;
  before(async () => {
    app = await (await openDocker()).createApp();
    await app.start();
    await app.listening();
  });
  after(() => app.remove());

  it("answers 500 with the kit as it is", async (t) => {
    const sites = [{ alias: "blog", host: hostOf("blog"), address: `127.0.0.1:${app.port}` }];
    const door = await startNginx({ hookPort: await freePort(), variant: "compose", sites });
    t.after(() => door.close());
    assert.equal((await ask(door.port, { host: hostOf("blog"), path: "/", headers: navigation })).status, 500);
  });

  it("lets requests through, bodies whole, with the fail-open lines", async (t) => {
    const sites = [{ alias: "blog", host: hostOf("blog"), address: `127.0.0.1:${app.port}` }];
    const door = await startNginx({ hookPort: await freePort(), variant: "guard", sites, failOpen: true });
    t.after(() => door.close());
    const body = Buffer.alloc(1_000_000, "x");
    const reply = await ask(door.port, { host: hostOf("blog"), path: "/upload", method: "POST", body });
    assert.equal(reply.status, 200);
    assert.equal((JSON.parse(reply.text) as { bytes: number }).bytes, body.length);
    assert.equal(await echo(door.port, { host: hostOf("blog"), path: "/socket" }, "open"), "open");
  });
});
