import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { TestContext } from "node:test";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { createExams } from "../../src/core/exams.ts";
import type { Journal, WakeStep } from "../../src/core/journal.ts";
import type { Need, WorkloadView } from "../../src/core/workload-handle.ts";
import { toProblem } from "../../src/core/problem.ts";
import { createJournal } from "../../src/engine/journal.ts";
import { systemClock } from "../../src/system-clock.ts";
import { createHook } from "../../src/hook/hook.ts";
import { toPageModel } from "../../src/core/page-model.ts";
import { createPages } from "../../src/pages/pages.ts";
import { startChromium } from "../support/e2e/chromium.ts";
import { engineFailure, fakeGate, fakeHandle, fakeRegistry, fakeRoute } from "../support/fake-doors.ts";
import type { FakeHandle } from "../support/fake-doors.ts";
import { askAt, listening } from "../support/hook-world.ts";
import { silentLogger } from "../support/logger.ts";
import { routeSpec, workloadSpec } from "../support/specs.ts";

/** A request that reached the service. */
interface Visit {
  readonly method: string;
  readonly url: string;
}

interface World {
  readonly blog: FakeHandle;
  readonly journal: Journal;
  readonly origin: string;
  /** Requests of navigations that got as far as the hook while the service was not there. */
  readonly turnedAway: readonly Visit[];
  readonly visits: readonly Visit[];
  /** What the proxy's own channel router does: `direct` to nodoff, or none, so that all goes through the hook. */
  channel: "direct" | "none";
  /** The status the proxy answers by itself for what the hook allowed; 0 = the service answers. */
  proxyError: number;
}

/** Traefik without an address for the service says exactly this. */
const bodyOf = (status: number): string => (status === 500 ? "Internal Server Error" : "proxy error");

let browser: Browser;
before(async () => {
  browser = await startChromium();
});
after(() => browser.close());

/** A service behind a proxy with forward auth, as Traefik and Caddy do it, and our hook with a fake engine. */
async function openWorld(t: TestContext): Promise<World> {
  const clock = systemClock;
  const journal = createJournal({ clock, logger: silentLogger });
  const spec = workloadSpec({ alias: "blog", displayName: "My blog" });
  const blog = fakeHandle({ ...spec, loading: { ...spec.loading, icon: "ghost", showLogs: true } }, journal);
  const route = fakeRoute(routeSpec({ alias: "blog", workload: "blog", hosts: ["127.0.0.1", "localhost"] }), blog);
  const pages = createPages({ dir: join(import.meta.dirname, "../../templates"), brands: null });
  const gate = fakeGate();
  const turnedAway: Visit[] = [];
  gate.onAdmit = ({ facts }) => {
    if (blog.allow) return { kind: "allow", decision: "allow" };
    if (facts.probe) return { kind: "reply", decision: "asleep", ...toProblem({ code: "WAKING", state: blog.state }) };
    turnedAway.push({ method: facts.method, url: facts.path + facts.query });
    if (blog.state === "napping") blog.become("starting", { since: clock.wall(), etaMs: 2_000 });
    const isBackOff = (blog.view().nextTryAt ?? 0) > clock.wall();
    if (blog.state === "error" && !isBackOff) blog.become("starting", { since: clock.wall(), etaMs: 2_000 });
    const asked = { link: facts.path + facts.query, language: undefined, replayable: facts.method === "GET" };
    const model = toPageModel(asked, { route, workload: blog, now: clock.wall() });
    return { kind: "reply", decision: "page", ...pages.render(model) };
  };
  const limit = { count: 1_000, perMs: 1_000 };
  const hook = createHook({
    registry: fakeRegistry([route]),
    gate,
    journal,
    pages,
    exams: createExams(clock),
    clock,
    logger: silentLogger,
    isTrusted: () => true,
    proxyHops: 1,
    unknownHost: "allow",
    limits: { statusPerClient: limit, logsPerClient: limit },
    publicUrl: null,
  });
  const hookServer = createServer((req, res) => void hook.serve(req, res));
  const hookPort = await listening(hookServer);
  const visits: Visit[] = [];
  const serve = (req: IncomingMessage, res: ServerResponse): void => {
    if (req.headers["x-nodoff-probe"] === undefined) visits.push({ method: req.method ?? "", url: req.url ?? "" });
    asHtml(res).end("<title>Service</title><h1>The service</h1>");
  };
  const world = { blog, journal, origin: "", turnedAway, visits, channel: "none" as World["channel"], proxyError: 0 };
  const proxy = createServer((req, res) => {
    if (req.url === "/favicon.ico") return void res.writeHead(204).end();
    if (req.url === "/frame") return void asHtml(res).end('<title>Frame</title><iframe src="/inner?a=1"></iframe>');
    if (req.url === "/sandbox") return void asHtml(res).end('<iframe sandbox="allow-scripts" src="/inner"></iframe>');
    if (req.url === "/form")
      return void asHtml(res).end('<form method="post" action="/send?a=1#b"><button>Send</button></form>');
    if (world.channel === "direct" && req.url?.startsWith("/.nodoff/") === true) return void hook.serve(req, res);
    const headers = {
      "x-forwarded-method": req.method ?? "",
      "x-forwarded-host": req.headers.host ?? "",
      "x-forwarded-uri": req.url ?? "",
      "x-forwarded-for": "10.1.1.1",
      ...(req.headers["x-nodoff-probe"] === "1" ? { "x-nodoff-probe": "1" } : {}),
    };
    req.resume();
    const answered = askAt(hookPort, "/auth/traefik", { headers }).then((told) => {
      if (told.status !== 200) return void res.writeHead(told.status, told.headers).end(told.text);
      if (world.proxyError !== 0) return void res.writeHead(world.proxyError).end(bodyOf(world.proxyError));
      serve(req, res);
    });
    answered.catch(() => res.writeHead(500).end());
  });
  const port = await listening(proxy);
  t.after(() => {
    hook.close();
    for (const server of [proxy, hookServer]) {
      server.closeAllConnections();
      server.close();
    }
  });
  world.origin = `http://127.0.0.1:${port}`;
  return world;
}

const asHtml = (res: ServerResponse) => res.writeHead(200, { "content-type": "text/html" });

async function openPage(t: TestContext, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ reducedMotion: "reduce", ...options });
  t.after(() => context.close());
  context.setDefaultTimeout(20_000);
  return context.newPage();
}

const heading = (page: Page) => page.locator("h1");
const arrived = (page: Page) => page.waitForSelector("text=The service");

/** The wake goes on, and says so, as the engine does. */
function reach({ blog, journal }: World, view: Partial<WorkloadView> & { readonly step: WakeStep }): void {
  blog.become("starting", view);
  journal.publish({ type: "wake", alias: "blog", message: "db-1", step: view.step });
}

const rows = (page: Page) => page.locator(".steps li").allTextContents();

/** A database by its name, and two that have none for people. */
function needsOf(database: boolean, others: number): readonly Need[] {
  return [
    { alias: "db", displayName: "Database", state: database ? "ready" : "starting", done: database },
    ...["cache-1", "cache-2"].map((alias, at): Need => {
      const done = at < others;
      return { alias, displayName: alias, state: done ? "ready" : "starting", done };
    }),
  ];
}

/** Adds up what moves on the page without anybody having asked for it. */
async function watchShifts(page: Page): Promise<void> {
  await page.addInitScript(`
    window.shifts = 0;
    new PerformanceObserver((list) => {
      for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) window.shifts += value;
    }).observe({ type: "layout-shift", buffered: true });
  `);
}
const shifts = (page: Page) => page.evaluate<number>("window.shifts");

/** For looking at the page: NODOFF_SCREENSHOTS names a folder. */
async function shoot(page: Page, name: string): Promise<void> {
  const folder = process.env.NODOFF_SCREENSHOTS;
  if (folder !== undefined) await page.screenshot({ path: join(folder, `${name}.png`) });
}

const deepLink = "/posts/42?q=a%20b&x=//y#part-2";
const sent = "/posts/42?q=a%20b&x=//y";

describe("waiting", () => {
  for (const channel of ["none", "direct"] as const) {
    it(`arrives at the deep link, query and hash kept (channel: ${channel})`, async (t) => {
      const world = await openWorld(t);
      world.channel = channel;
      const page = await openPage(t);
      const problems: string[] = [];
      page.on("pageerror", (error) => problems.push(String(error)));
      page.on("console", (line) => /Content Security/.test(line.text()) && problems.push(line.text()));
      world.blog.become("napping", { needs: needsOf(false, 0) });
      await watchShifts(page);
      const first = await page.goto(world.origin + deepLink);
      equal(first?.status(), 503);
      equal(await heading(page).textContent(), "My blog is waking up");
      reach(world, { step: "waking_dependency", needs: needsOf(false, 1) });
      await page.waitForSelector(".steps li:nth-child(2)[data-state=now] >> text=1 of 2");
      deepEqual(await rows(page), [
        "Database in progress",
        "What it needs: 1 of 2 in progress",
        "Starting to come",
        "Waiting for its first answer to come",
        "Opening to come",
      ]);
      reach(world, { step: "waiting_ready", needs: needsOf(true, 2) });
      await page.waitForSelector(".steps li:nth-child(4)[data-state=now]");
      deepEqual(await rows(page), [
        "Database done",
        "What it needs: 2 of 2 done",
        "Starting done",
        "Waiting for its first answer in progress",
        "Opening to come",
      ]);
      // Nothing but the seconds at the end of their line.
      ok((await shifts(page)) < 0.001, `${await shifts(page)}`);
      match((await page.locator("[data-nodoff=elapsed]").textContent()) ?? "", /^\d+ s$/);
      match(
        (await page.locator("[data-nodoff=left]").textContent()) ?? "",
        /^(?:about \d+ s left|any moment now|a little longer than usual)$/,
      );
      await shoot(page, `loading-${channel}`);
      world.blog.become("ready");
      await arrived(page);
      equal(page.url(), world.origin + deepLink);
      deepEqual(world.visits, [{ method: "GET", url: sent }]);
      deepEqual(world.turnedAway, [{ method: "GET", url: sent }]);
      deepEqual(problems, []);
    });
  }

  it("does not leave before a request gets through the proxy", async (t) => {
    const world = await openWorld(t);
    const page = await openPage(t);
    await page.goto(`${world.origin}/a`);
    let probe = page.waitForResponse((answer) => answer.status() === 502);
    world.proxyError = 502;
    world.blog.become("ready");
    for (const status of [502, 500]) {
      await probe;
      probe = page.waitForResponse((answer) => answer.status() === status);
      world.proxyError = status;
      await probe;
      equal(await heading(page).textContent(), "My blog is waking up");
      probe = page.waitForResponse((answer) => answer.status() === status);
    }
    await probe;
    world.proxyError = 0;
    await arrived(page);
    deepEqual(world.visits, [{ method: "GET", url: "/a" }]);
  });

  it("shows the log as text where it is allowed", async (t) => {
    const world = await openWorld(t);
    world.blog.output = ["\u001b[32mlistening\u001b[0m on 2368", "<img src=x onerror=alert(1)>"];
    const page = await openPage(t);
    await page.goto(`${world.origin}/`);
    await page.locator("summary").click();
    equal(await page.locator("[data-nodoff=lines]").textContent(), "listening on 2368\n<img src=x onerror=alert(1)>");
  });

  it("survives nodoff being away, and goes on", async (t) => {
    const world = await openWorld(t);
    const page = await openPage(t);
    await page.goto(`${world.origin}/a`);
    await page.route("**/.nodoff/**", (route) => route.abort());
    world.blog.become("unknown");
    await page.waitForSelector("text=No connection");
    await page.unroute("**/.nodoff/**");
    world.blog.become("ready");
    await arrived(page);
  });

  it("works in a frame", async (t) => {
    const world = await openWorld(t);
    const page = await openPage(t);
    await page.goto(`${world.origin}/frame`);
    const frame = page.frameLocator("iframe");
    await frame.locator("text=My blog is waking up").waitFor();
    world.blog.become("ready");
    await frame.locator("text=The service").waitFor();
    equal(await page.title(), "Frame");
    deepEqual(world.visits, [{ method: "GET", url: "/inner?a=1" }]);
  });

  it("works in a sandboxed frame, where it may ask for nothing but itself", async (t) => {
    const world = await openWorld(t);
    const page = await openPage(t);
    await page.goto(`${world.origin}/sandbox`);
    const frame = page.frameLocator("iframe");
    await frame.locator("text=My blog is waking up").waitFor();
    world.blog.become("ready");
    await frame.locator("text=The service").waitFor();
    deepEqual(world.visits, [{ method: "GET", url: "/inner" }]);
  });

  it("shown at another address, it leads to the service when that is ready", async (t) => {
    const world = await openWorld(t);
    world.channel = "direct";
    world.blog.become("starting", { since: systemClock.wall() });
    const page = await openPage(t);
    const link = `${world.origin}/a?b#c`;
    const query = new URLSearchParams({ route: "blog", return: link }).toString();
    await page.goto(`${world.origin.replace("127.0.0.1", "localhost")}/.nodoff/loading?${query}`);
    await page.waitForSelector("text=is waking up");
    world.blog.become("ready");
    await arrived(page);
    equal(page.url(), link);
    deepEqual(world.visits, [{ method: "GET", url: "/a?b" }]);
  });

  it("put to sleep meanwhile: does not wake it again by itself, but offers to", async (t) => {
    const world = await openWorld(t);
    const page = await openPage(t);
    await page.goto(`${world.origin}/a`);
    world.blog.become("napping");
    await page.waitForSelector("text=fell asleep again");
    equal(world.turnedAway.length, 1);
    await page.locator("text=Wake it up").click();
    await page.waitForSelector("text=is waking up");
    equal(world.turnedAway.length, 2);
    equal(world.blog.state, "starting");
  });
});

describe("without JavaScript", () => {
  it("arrives all the same, also at an address with a #hash", async (t) => {
    const world = await openWorld(t);
    const page = await openPage(t, { javaScriptEnabled: false });
    await page.goto(world.origin + deepLink);
    match((await page.textContent("noscript p")) ?? "", /asks again by itself/);
    world.blog.become("ready");
    await arrived(page);
    deepEqual(world.visits, [{ method: "GET", url: sent }]);
  });

  it("a path like //host does not lead off the site", async (t) => {
    const world = await openWorld(t);
    const page = await openPage(t, { javaScriptEnabled: false });
    await page.goto(`${world.origin}//elsewhere.test/x`);
    world.blog.become("ready");
    await arrived(page);
    deepEqual(world.visits, [{ method: "GET", url: "//elsewhere.test/x" }]);
  });
});

describe("what was sent by POST", () => {
  for (const javaScriptEnabled of [true, false]) {
    it(`is never sent again (JavaScript: ${String(javaScriptEnabled)})`, async (t) => {
      const world = await openWorld(t);
      const page = await openPage(t, { javaScriptEnabled });
      world.blog.become("ready");
      await page.goto(`${world.origin}/form`);
      world.blog.become("napping");
      await page.locator("button").click();
      await page.waitForSelector("text=What you sent was not delivered");
      deepEqual(world.turnedAway, [{ method: "POST", url: "/send?a=1" }]);
      world.blog.become("ready");
      await arrived(page);
      deepEqual(world.visits, [{ method: "GET", url: "/send?a=1" }]);
      if (javaScriptEnabled) equal(page.url(), `${world.origin}/send?a=1#b`);
    });
  }
});

describe("failure", () => {
  it("turns into the failure page with its reason; the button wakes again after the back-off; then it arrives", async (t) => {
    const world = await openWorld(t);
    const page = await openPage(t);
    await page.goto(world.origin + deepLink);
    world.blog.become("error", { failure: engineFailure, nextTryAt: systemClock.wall() + 3_000 });
    await page.waitForSelector("text=My blog could not be woken");
    equal(await page.locator("[role=alert]").textContent(), "The service ended unexpectedly");
    const button = page.locator(".retry");
    match((await button.textContent()) ?? "", /^Try again in \d s$/);
    equal(await button.getAttribute("aria-disabled"), "true");
    await shoot(page, "failed");
    await button.click({ force: true });
    equal(world.blog.state, "error");
    await page.waitForSelector(".retry:not([aria-disabled])");
    equal(world.blog.state, "error");
    await button.click();
    await page.waitForSelector("text=My blog is waking up");
    equal(world.blog.state, "starting");
    world.blog.become("ready");
    await arrived(page);
    equal(page.url(), world.origin + deepLink);
    ok(!(await page.content()).includes("blog-web"));
  });

  it("leaves by itself when the service comes up late, or somebody else woke it", async (t) => {
    const world = await openWorld(t);
    const page = await openPage(t);
    world.blog.become("error", { failure: engineFailure, nextTryAt: systemClock.wall() + 60_000 });
    await page.goto(`${world.origin}/a`);
    await page.waitForSelector("text=could not be woken");
    world.blog.become("starting", { since: systemClock.wall() });
    await page.waitForSelector("text=is waking up");
    world.blog.become("ready");
    await arrived(page);
  });

  it("works without JavaScript: the button is a link", async (t) => {
    const world = await openWorld(t);
    const page = await openPage(t, { javaScriptEnabled: false });
    world.blog.become("error", { failure: engineFailure, nextTryAt: 0 });
    world.blog.become("error", { failure: engineFailure, nextTryAt: systemClock.wall() + 60_000 });
    await page.goto(`${world.origin}/a?b`);
    world.blog.become("ready");
    await page.locator(".retry").click();
    await arrived(page);
    deepEqual(world.visits, [{ method: "GET", url: "/a?b" }]);
  });
});

describe("looks", () => {
  for (const [name, options] of [
    ["light", { colorScheme: "light" }],
    ["dark", { colorScheme: "dark" }],
    ["phone", { colorScheme: "light", viewport: { width: 360, height: 700 } }],
    ["calm", { reducedMotion: "reduce", viewport: { width: 1200, height: 360 } }],
  ] as const) {
    it(`${name}: fits, and moves only where motion is welcome`, async (t) => {
      const world = await openWorld(t);
      world.blog.output = ["> blog@1.0.0 start", "connecting to the database", "running 2 migrations"];
      const page = await openPage(t, { reducedMotion: "no-preference", ...options });
      await page.goto(`${world.origin}/`);
      reach(world, { step: "waiting_ready" });
      await page.waitForSelector(".steps li:nth-child(2)[data-state=now]");
      if (name === "phone") await page.locator("summary").click();
      await shoot(page, name);
      const [width, wanted] = await page.evaluate<number[]>("[innerWidth, document.documentElement.scrollWidth]");
      ok(wanted! <= width!, `${wanted} px do not fit into ${width}`);
      const moving = await page.evaluate<number>("document.getAnimations().length");
      if (name === "calm") equal(moving, 0);
      else notEqual(moving, 0);
    });
  }
});
