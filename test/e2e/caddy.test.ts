import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { describeDoor } from "../support/e2e/acceptance.ts";
import { startCaddy } from "../support/e2e/caddy.ts";
import { freePort } from "../support/e2e/child.ts";
import { ask, echo, navigation } from "../support/e2e/client.ts";
import { type App, openDocker } from "../support/e2e/docker.ts";
import { hostOf } from "../support/e2e/world.ts";

describeDoor("Caddy with the kit", {
  open: (nodoff, sites) => startCaddy({ hookPort: nodoff.port, sites }),
});

describe("Caddy, while nodoff is away", () => {
  let app: App;
  before(async () => {
    app = await (await openDocker()).createApp();
    await app.start();
    await app.listening();
  });
  after(() => app.remove());

  it("answers 502 with the kit as it is", async (t) => {
    const sites = [{ alias: "blog", host: hostOf("blog"), address: `127.0.0.1:${app.port}` }];
    const door = await startCaddy({ hookPort: await freePort(), sites });
    t.after(() => door.close());
    assert.equal((await ask(door.port, { host: hostOf("blog"), path: "/", headers: navigation })).status, 502);
  });

  it("lets requests through, bodies whole, with the fail-open lines", async (t) => {
    const sites = [{ alias: "blog", host: hostOf("blog"), address: `127.0.0.1:${app.port}` }];
    const door = await startCaddy({ hookPort: await freePort(), sites, failOpen: true });
    t.after(() => door.close());
    const body = Buffer.alloc(1_000_000, "x");
    const reply = await ask(door.port, { host: hostOf("blog"), path: "/upload", method: "POST", body });
    assert.equal(reply.status, 200);
    assert.equal((JSON.parse(reply.text) as { bytes: number }).bytes, body.length);
    assert.equal(await echo(door.port, { host: hostOf("blog"), path: "/socket" }, "open"), "open");
  });
});
