import assert from "node:assert/strict";
import { it } from "node:test";
import { describeDoor } from "../support/e2e/acceptance.ts";
import { freePort } from "../support/e2e/child.ts";
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
