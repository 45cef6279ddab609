import assert from "node:assert/strict";
import { it } from "node:test";
import { describeDoor } from "../support/e2e/acceptance.ts";
import { freePort } from "../support/e2e/child.ts";
import { adminToken } from "../support/e2e/nodoff.ts";
import { ask } from "../support/e2e/client.ts";
import { asleep, hostOf } from "../support/e2e/world.ts";

const proxyPort = await freePort();

describeDoor(
  "nodoff's own proxy",
  {
    config: { listen: { proxy: `127.0.0.1:${proxyPort}` } },
    upstream: "container",
    // nodoff is the door: it closes itself.
    open: () => Promise.resolve({ port: proxyPort, close: () => Promise.resolve() }),
  },
  (world) => {
    it("answers at docker-gateway's and GoDoxy's addresses, and wakes by them for operators alone", async () => {
      const { apps, nodoff } = world();
      await asleep(world(), "blog", apps.blog);
      const get = (path: string, options: { readonly method?: string; readonly token?: boolean } = {}) =>
        ask(proxyPort, {
          host: hostOf("blog"),
          path,
          method: options.method ?? "GET",
          headers: options.token === true ? { authorization: `Bearer ${adminToken}` } : {},
        });
      const asleepNow = await get("/_health?container=blog");
      assert.deepEqual([asleepNow.status, JSON.parse(asleepNow.text)], [200, { status: "starting" }]);
      assert.deepEqual(JSON.parse((await get("/_logs?container=blog")).text), { lines: [] });
      assert.equal((await get("/$godoxy/loading")).status, 503);
      assert.equal((await get("/_status/wake?container=blog", { method: "POST" })).status, 401);
      assert.equal(await nodoff.state("blog"), "napping");
      assert.equal((await get("/_status/wake?container=blog", { method: "POST", token: true })).status, 202);
      await nodoff.inState("blog", "ready");
      const all = JSON.parse((await get("/_status/api", { token: true })).text) as { alias: string; status: string }[];
      assert.equal(all.find(({ alias }) => alias === "blog")?.status, "running");
      assert.match((await get("/_metrics", { token: true })).text, /^nodoff_workload_state/m);
    });

    it("does not cut a request that stays open longer than idle_timeout", async () => {
      const { apps, nodoff } = world();
      const since = await asleep(world(), "blog", apps.blog);
      const reply = await ask(proxyPort, { host: hostOf("blog"), path: "/stream?ms=5000" });
      assert.equal(reply.status, 200);
      assert.match(reply.text, /^begin\n(\.\n)+end\n$/);
      assert.ok(!(await apps.blog.events(since)).includes("die"), "it ran all the time");
      await apps.blog.event("die", since);
      await nodoff.inState("blog", "napping");
    });
  },
);
