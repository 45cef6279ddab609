import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Browser } from "playwright-core";
import { ask, echo } from "./client.ts";
import { arrives, forgeries, mixedRequest } from "./requests.ts";
import { asleep, type DoorUnderTest, hostOf, openBrowser, openWorld, starts, type World } from "./world.ts";

/** The list of issue acceptance each door has to pass, then `more`, in one world. */
export function describeDoor(title: string, door: DoorUnderTest, more?: (world: () => World) => void): void {
  describe(title, { skip: door.skip ?? false }, () => {
    const world = openWorld(door);
    const browser = openBrowser();
    acceptance(world, browser);
    more?.(world);
  });
}

function acceptance(world: () => World, browser: () => Browser): void {
  it("shows a browser the page and brings it to the deep link it asked for", async () => {
    const { apps, door } = world();
    await asleep(world(), "blog", apps.blog);
    await arrives(browser(), { port: door.port, host: hostOf("blog"), path: "/deep/link?q=1&r=%20two" });
    assert.equal((await apps.blog.stats()).requests["GET /deep/link?q=1&r=%20two"], 1, "one visit, not several");
  });

  it("holds an API GET until the app is there, whatever its query says to nodoff", async () => {
    const { apps, door } = world();
    const since = await asleep(world(), "blog", apps.blog);
    const path = "/api/items?q=1&via=docker&route=victim&dialect=nginx";
    const reply = await ask(door.port, { host: hostOf("blog"), path });
    assert.equal(reply.status, 200);
    assert.equal((JSON.parse(reply.text) as { url: string }).url, path);
    assert.equal((await apps.blog.stats()).requests[`GET ${path}`], 1);
    assert.equal(await starts(apps.blog, since), 1);
  });

  it("holds a POST with a 1 MB body and hands it over once and whole", async () => {
    const { apps, door } = world();
    await asleep(world(), "blog", apps.blog);
    const body = Buffer.alloc(1_000_000, "nodoff ");
    const reply = await ask(door.port, { host: hostOf("blog"), path: "/upload", method: "POST", body });
    assert.equal(reply.status, 200);
    const { bodies } = await apps.blog.stats();
    const sha256 = createHash("sha256").update(body).digest("hex");
    assert.deepEqual(bodies, [{ url: "/upload", bytes: body.length, sha256 }]);
  });

  it("connects a WebSocket to what was asleep", async () => {
    const { apps, door } = world();
    await asleep(world(), "blog", apps.blog);
    assert.equal(await echo(door.port, { host: hostOf("blog"), path: "/socket" }, "are you there"), "are you there");
  });

  it("answers 100 simultaneous mixed requests with one start", async () => {
    const { apps, door } = world();
    const since = await asleep(world(), "blog", apps.blog);
    await Promise.all(Array.from({ length: 100 }, (_, at) => mixedRequest(door.port, at)));
    assert.equal(await starts(apps.blog, since), 1);
    const { requests } = await apps.blog.stats();
    const held = Object.entries(requests).filter(([key]) => key.includes("/mixed/held/"));
    assert.equal(held.length, 70, "each held request reached the app");
    assert.ok(
      held.every(([, count]) => count === 1),
      "and reached it once",
    );
  });

  it("does not wake for an uptime monitor", async () => {
    const { apps, nodoff, door } = world();
    const since = await asleep(world(), "blog", apps.blog);
    const headers = { "User-Agent": "Uptime-Kuma/1.23.13", Accept: "text/html,*/*" };
    const reply = await ask(door.port, { host: hostOf("blog"), path: "/", headers });
    assert.equal(reply.status, 503);
    assert.ok(reply.headers["retry-after"] !== undefined);
    assert.equal(reply.headers["x-nodoff-state"], "napping");
    assert.equal(await nodoff.state("blog"), "napping");
    assert.equal(await starts(apps.blog, since), 0);
  });

  it("stops it after idle_timeout and says why", async () => {
    const { apps, nodoff, door } = world();
    const since = await asleep(world(), "blog", apps.blog);
    const before = nodoff.log().length;
    assert.equal((await ask(door.port, { host: hostOf("blog"), path: "/last" })).status, 200);
    await apps.blog.event("die", since);
    await nodoff.inState("blog", "napping");
    assert.equal(await apps.blog.running(), false);
    const said = nodoff
      .log()
      .slice(before)
      .find(({ message, context }) => /asleep/.test(message) && context?.["alias"] === "blog");
    assert.equal(said?.level, "info");
    assert.match(JSON.stringify(said.context?.["reasons"]), /requests/, "the reason names the signal");
  });

  it("lets nobody wake or keep awake another route", async () => {
    const { apps, nodoff, door } = world();
    const since = await asleep(world(), "victim", apps.victim);
    for (const forged of forgeries(apps.victim.name)) {
      const { status } = await ask(door.port, forged);
      assert.ok(status !== 502 && status !== 504, `${status} for ${JSON.stringify(forged)}`);
    }
    assert.equal(await nodoff.state("victim"), "napping");
    assert.equal(await starts(apps.victim, since), 0);

    assert.equal((await ask(door.port, { host: hostOf("victim"), path: "/" })).status, 200);
    await nodoff.inState("victim", "ready");
    // Somebody who keeps trying, well inside the idle time, until it sleeps in spite of it.
    const over = new AbortController();
    const slept = apps.victim.event("die", since).finally(() => over.abort());
    while (!over.signal.aborted) {
      await Promise.all(forgeries(apps.victim.name).map((forged) => ask(door.port, forged)));
      await delay(100, undefined, { signal: over.signal }).catch(() => undefined);
    }
    await slept;
  });

  it("never shows a held caller a 502 of an app that listens 5 s after its start", async () => {
    const { apps, door } = world();
    await asleep(world(), "slow", apps.slow);
    const host = hostOf("slow");
    const [got, posted, echoed] = await Promise.all([
      ask(door.port, { host, path: "/slow" }),
      ask(door.port, { host, path: "/slow", method: "POST", body: "hello" }),
      echo(door.port, { host, path: "/socket" }, "at last"),
    ]);
    assert.deepEqual([got.status, posted.status, echoed], [200, 200, "at last"]);
  });

  it("takes an app for ready that answers 401 on /, and leaves its 401 alone", async () => {
    const { apps, door } = world();
    await asleep(world(), "login", apps.login);
    const reply = await ask(door.port, { host: hostOf("login"), path: "/" });
    assert.equal(reply.status, 401);
    assert.equal(reply.text, "the app's own login");
    assert.equal(reply.headers["www-authenticate"], 'Basic realm="app"');
  });
}
