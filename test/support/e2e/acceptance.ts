import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Browser } from "playwright-core";
import { startChromium } from "./chromium.ts";
import { ask, echo, navigation, program, type Question } from "./client.ts";
import { type App, openDocker } from "./docker.ts";
import type { Door, Site } from "./kit.ts";
import { type Nodoff, type NodoffConfig, startNodoff } from "./nodoff.ts";

/** The apps every door is tried with. Each sleeps after two seconds without use. */
export interface Apps {
  /** Listens 0.7 s after its start, so nobody gets through by luck. */
  readonly blog: App;
  /** Somebody else's: no request to another host may touch it. */
  readonly victim: App;
  /** Listens 5 s after its start; its published port accepts long before. */
  readonly slow: App;
  /** Answers 401 on `/`. */
  readonly login: App;
}

/** What a suite works with; filled in before its tests run. */
export interface World {
  readonly apps: Apps;
  readonly nodoff: Nodoff;
  readonly door: Door;
}

export interface DoorUnderTest {
  /** Added to nodoff's configuration. `proxyPort` of the result is where nodoff itself listens, for its own proxy. */
  readonly config?: NodoffConfig;
  /** Where nodoff says each app is: its published port (default), or its container's own address. */
  readonly upstream?: "published" | "container";
  open(nodoff: Nodoff, sites: readonly Site[]): Promise<Door>;
  readonly skip?: string | false;
}

const idleTimeoutMs = 2000;
const delays = { blog: "700", victim: "0", slow: "5000", login: "300" } as const;
type Name = keyof typeof delays;
const names = ["blog", "victim", "slow", "login"] as const satisfies readonly Name[];

/** Host of an app of these tests; browsers find `*.localhost` by themselves. */
export function hostOf(name: Name): string {
  return `${name}.localhost`;
}

/** The list of issue acceptance each door has to pass, then `more`, in one world. */
export function describeDoor(title: string, door: DoorUnderTest, more?: (world: () => World) => void): void {
  describe(title, { skip: door.skip ?? false }, () => {
    const world = openWorld(door);
    const browser = openBrowser();
    acceptance(world, browser);
    more?.(world);
  });
}

/** Creates the apps, nodoff and the door before the tests of a suite, and takes them away after. */
export function openWorld(door: DoorUnderTest): () => World {
  let world: World | undefined;
  const ends: (() => Promise<unknown>)[] = [];
  before(async () => {
    const { createApp } = await openDocker();
    const created = await Promise.all(
      names.map(async (name) => {
        const login = name === "login" ? { LOGIN: "1" } : {};
        const app = await createApp({ env: { LISTEN_DELAY_MS: delays[name], ...login } });
        ends.push(() => app.remove());
        return [name, app] as const;
      }),
    );
    const apps = Object.fromEntries(created) as unknown as Apps;
    const nodoff = await startNodoff(toConfig(apps, door));
    ends.push(() => nodoff.close());
    const sites = created.map(([name, app]) => ({ alias: name, host: hostOf(name), address: `127.0.0.1:${app.port}` }));
    const opened = await door.open(nodoff, sites);
    ends.push(() => opened.close());
    world = { apps, nodoff, door: opened };
  });
  after(async () => {
    for (const end of ends.reverse()) await end();
  });
  return () => {
    assert.ok(world !== undefined, "the world did not open");
    return world;
  };
}

function toConfig(apps: Apps, door: DoorUnderTest): NodoffConfig {
  const where = (app: App): object => (door.upstream === "container" ? { port: 8080 } : { upstream: app.url });
  const workloads = names.map((name) => [
    name,
    { container: apps[name].name, host: hostOf(name), ...where(apps[name]) },
  ]);
  return {
    providers: { local: { type: "docker", discover: false } },
    defaults: { idle_timeout: `${idleTimeoutMs}ms`, wake_timeout: "30s" },
    workloads: Object.fromEntries(workloads) as Record<string, unknown>,
    ...door.config,
  };
}

export function openBrowser(): () => Browser {
  let browser: Browser | undefined;
  before(async () => void (browser = await startChromium()));
  after(async () => browser?.close());
  return () => browser!;
}

/** Puts an app to sleep the quick way, by hand, and waits until nodoff knows. Returns the engine's time. */
export async function asleep({ nodoff }: World, name: Name, app: App): Promise<number> {
  if (await app.running()) await app.stop();
  await nodoff.inState(name, "napping");
  return app.now();
}

/** How often the engine started the app since then. */
export async function starts(app: App, since: number): Promise<number> {
  return (await app.events(since)).filter((action) => action === "start").length;
}

function acceptance(world: () => World, browser: () => Browser): void {
  it("shows a browser the page and brings it to the deep link it asked for", async () => {
    const { apps, door } = world();
    await asleep(world(), "blog", apps.blog);
    await arrives(browser(), { port: door.port, host: hostOf("blog"), path: "/deep/link?q=1&r=%20two" });
    assert.equal((await apps.blog.stats()).requests["GET /deep/link?q=1&r=%20two"], 1, "one visit, not several");
  });

  it("holds an API GET until the app is there", async () => {
    const { apps, door } = world();
    const since = await asleep(world(), "blog", apps.blog);
    const reply = await ask(door.port, { host: hostOf("blog"), path: "/api/items?q=1" });
    assert.equal(reply.status, 200);
    assert.equal((JSON.parse(reply.text) as { url: string }).url, "/api/items?q=1");
    assert.equal((await apps.blog.stats()).requests["GET /api/items?q=1"], 1);
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

/** Opens the address while the app sleeps: the page first, then the app under the very same address, hash included. */
export async function arrives(
  browser: Browser,
  link: { readonly port: number; readonly host: string; readonly path: string },
): Promise<void> {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    const url = `http://${link.host}:${link.port}${link.path}#part-3`;
    const first = await page.goto(url, { waitUntil: "commit" });
    assert.equal(first?.status(), 503);
    assert.match(first.headers()["content-type"] ?? "", /^text\/html/);
    assert.ok(first.headers()["x-nodoff-state"] !== undefined, "the page is nodoff's");
    await page.waitForSelector("#app", { timeout: 20_000 });
    assert.equal(page.url(), url);
    assert.equal(await page.textContent("#url"), url);
  } finally {
    await context.close();
  }
}

async function mixedRequest(port: number, at: number): Promise<void> {
  const host = hostOf("blog");
  const path = `/mixed/held/${at}`;
  switch (at % 10) {
    case 0:
    case 1: {
      const { status, headers } = await ask(port, { host, path: `/mixed/page/${at}`, headers: navigation });
      assert.ok(status === 200 || (status === 503 && headers["x-nodoff-state"] !== undefined), `page: ${status}`);
      return;
    }
    case 2:
      assert.equal(await echo(port, { host, path: `/mixed/socket/${at}` }, `hello ${at}`), `hello ${at}`);
      return;
    case 3:
    case 4:
      assert.equal((await ask(port, { host, path, method: "POST", body: Buffer.alloc(10_000) })).status, 200);
      return;
    case 5: {
      const headers = { ...navigation, Accept: "*/*", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script" };
      assert.equal((await ask(port, { host, path, headers })).status, 200);
      return;
    }
    default:
      assert.equal((await ask(port, { host, path })).status, 200);
  }
}

/** Requests to the blog that try to be taken for requests to the victim. */
function forgeries(container: string): readonly Question[] {
  const host = hostOf("blog");
  const victim = hostOf("victim");
  const asked = { host, path: "/" };
  return [
    { host, path: "/?route=victim&via=docker" },
    { host, path: `/?route=${container}&container=${container}` },
    {
      ...asked,
      headers: { ...program, "X-Forwarded-Host": victim, "X-Forwarded-Uri": "/", "X-Forwarded-Method": "GET" },
    },
    { ...asked, headers: { ...program, "X-Original-Host": victim, "X-Original-URI": "/", "X-Original-Method": "GET" } },
    { ...asked, headers: { ...program, "X-Original-URI": `http://${victim}/`, "X-Rewrite-URL": "/" } },
    { ...asked, headers: { ...program, "X-Nodoff-Route": "victim", "X-Nodoff-Upstream": `http://${victim}` } },
    { ...asked, headers: { ...program, Forwarded: `host=${victim}`, "X-Host": victim, "X-Forwarded-Server": victim } },
    { host: container, path: "/" },
    { host, path: "/.nodoff/wait?route=victim&since=napping-not", headers: { ...program, "X-Forwarded-Host": victim } },
    { host, path: "/.nodoff/loading?route=victim&return=http%3A%2F%2Fvictim.localhost%2F" },
  ];
}
