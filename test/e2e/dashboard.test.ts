import { deepEqual, equal, match, ok } from "node:assert/strict";
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import type { BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { hashPassword } from "../../src/control/password.ts";
import { seriousFindings } from "../support/e2e/axe.ts";
import { openBoxes, web } from "../support/e2e/boxes.ts";
import { freePort, until } from "../support/e2e/child.ts";
import { startChromium } from "../support/e2e/chromium.ts";
import { createEnds } from "../support/e2e/ends.ts";
import { adminToken, openHome } from "../support/e2e/home.ts";

// The dashboard in a browser, over a real engine.
const atEnd = createEnds();
const boxes = await openBoxes(atEnd);
const markup = '<img src=x onerror="document.title=1"><b>bold</b>';
const talkative = [
  "sh",
  "-c",
  `printf '\\033[31m%s\\033[0m\\n' '${markup}'; exec "$@"`,
  "sh",
  ...web({ listensAfter: 2 }),
];
/** Ends at its first start, works from the second on. */
const second = ["sh", "-c", '[ -f /tmp/again ] || { touch /tmp/again; exit 3; }; exec "$@"', "sh", ...web()];
const blog = await boxes.create("blog", { cmd: talkative, expose: ["80/tcp"] });
const wiki = await boxes.create("wiki", { cmd: second, expose: ["80/tcp"] });
const proxyPort = await freePort();
const home = await openHome(atEnd, {
  listen: { proxy: `127.0.0.1:${proxyPort}` },
  providers: { local: { type: "docker", discover: false } },
  workloads: {
    blog: { container: blog.name, host: "blog.localhost", port: 80, display_name: "My blog", depends_on: ["wiki"] },
    wiki: { container: wiki.name, host: "wiki.localhost", port: 80, display_name: "Wiki", idle_timeout: "10m" },
    odd: { container: `${blog.name}-missing`, host: "odd.localhost", port: 80 },
  },
  routes: { nas: { host: "nas.localhost", upstream: "http://127.0.0.1:9" } },
});
let nodoff = await home.serve();
const origin = `http://127.0.0.1:${home.port}`;
const browser = await startChromium();
atEnd(() => browser.close());

/** Of the one who signed in first: attempts to sign in are limited. */
const session = await (await signInAt(await browser.newPage())).context().storageState();

/** Those of the test that runs: each open page follows every event. */
const contexts: BrowserContext[] = [];

/** Signs in by the form. */
async function signInAt(page: Page): Promise<Page> {
  await open(page, "");
  await page.fill("#token", adminToken);
  await page.click("button");
  await page.waitForURL(`${origin}/`);
  await open(page, "");
  return page;
}

/** A page of somebody who is signed in. What the browser complains about is kept. */
async function visit(
  address = "",
  options: BrowserContextOptions = {},
): Promise<Page & { readonly problems: readonly string[] }> {
  const viewport = { width: 1_440, height: 900 };
  const context = await browser.newContext({ viewport, storageState: session, reducedMotion: "reduce", ...options });
  contexts.push(context);
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (line) => /Content Security/.test(line.text()) && problems.push(line.text()));
  await open(page, address);
  return Object.assign(page, { problems });
}

/** Other tests make networks, and Chromium gives up what it loads whenever one comes or goes. */
async function open(page: Page, address: string): Promise<void> {
  await until(`${address} in the browser`, async () => {
    try {
      await page.goto(new URL(address, origin).href);
      await page.waitForSelector("h1", { state: "attached", timeout: 5_000 });
      return true;
    } catch {
      await page.reload().catch(() => undefined);
      return undefined;
    }
  });
}

const row = (page: Page, name: string) => page.locator(".row", { has: page.locator(`.name:text-is("${name}")`) });

/** For looking at it: NODOFF_SCREENSHOTS names a folder. */
async function shoot(page: Page, name: string): Promise<void> {
  const folder = process.env.NODOFF_SCREENSHOTS;
  if (folder !== undefined) await page.screenshot({ path: join(folder, `dashboard-${name}.png`), fullPage: true });
}

void describe("the dashboard", () => {
  afterEach(async () => {
    for (const context of contexts.splice(0)) await context.close();
  });

  void it("asks who is there, and says when that was wrong", async () => {
    const page = await browser.newPage();
    atEnd(() => page.close());
    await open(page, "");
    match(page.url(), /\/login$/);
    await page.fill("#token", "wrong");
    await page.click("button");
    await page.waitForSelector("[role=alert]");
    deepEqual(await seriousFindings(page), []);
    equal((await fetch(`${origin}/`, { redirect: "manual" })).status, 303);
  });

  void it("shows a failure with its reason, and tries again", async () => {
    const page = await visit();
    await row(page, "Wiki").getByRole("button", { name: "Wake Wiki" }).click();
    await row(page, "Wiki").locator(".pill.is-error").waitFor();
    match((await row(page, "Wiki").locator(".reason").textContent()) ?? "", /exit code 3/);
    await row(page, "Wiki").locator(".name").click();
    await page.locator(".failure", { hasText: "exit code 3" }).waitFor();
    await shoot(page, "failed");
    await page.getByRole("button", { name: "Try again" }).click();
    await page.locator(".now .pill.is-ready").waitFor();
    equal(await page.locator(".failure").count(), 0);
    deepEqual(page.problems, []);
  });

  void it("wakes a service, and its waiting page turns into the app", async () => {
    const page = await visit();
    const app = await page.context().newPage();
    await row(page, "My blog").getByRole("button", { name: "Wake My blog" }).click();
    await row(page, "My blog").locator(".pill.is-starting").waitFor();
    // Chromium loads it again by itself, as it does what a person opened.
    await app.goto(`http://blog.localhost:${proxyPort}/?q=1#part`).catch(() => undefined);
    await app.locator("text=hello").waitFor();
    equal(app.url(), `http://blog.localhost:${proxyPort}/?q=1#part`);
    await row(page, "My blog").locator(".pill.is-ready").waitFor();
    await row(page, "My blog")
      .locator(".reason", { hasText: /sleeps in \d+ m/ })
      .waitFor();
    await shoot(page, "awake");
    deepEqual(page.problems, []);
  });

  void it("counts down to sleep, and keeps awake for as long as asked", async () => {
    const page = await visit();
    const left = row(page, "Wiki").locator("nd-time");
    await row(page, "Wiki").locator(".reason", { hasText: "My blog needs it" }).waitFor();
    await row(page, "My blog").locator(".name").click();
    const clock = page.locator(".until nd-time");
    const before = await clock.textContent();
    match(before ?? "", /^\d+ m( \d+ s)?$/);
    await until("another second", async () => ((await clock.textContent()) === before ? undefined : true));
    await page.getByRole("button", { name: "Keep awake" }).click();
    const dialog = page.getByRole("dialog", { name: "Keep My blog awake" });
    await dialog.getByLabel("Another time, such as").fill("nonsense");
    await dialog.getByRole("button", { name: "Keep awake" }).click();
    equal(await dialog.isVisible(), true, "what is no time is refused");
    await dialog.getByText("1 hour", { exact: true }).click();
    await dialog.getByLabel("Reason").fill("film night");
    await dialog.getByRole("button", { name: "Keep awake" }).click();
    await page.locator(".now .reason", { hasText: /kept awake for (1 h|59 m)/ }).waitFor();
    await page.locator(".events", { hasText: "pin asked for 1 h (reason: film night)" }).waitFor();
    await page.getByRole("button", { name: "Keep awake" }).click();
    await dialog.getByRole("button", { name: "Let it sleep again" }).click();
    await page.locator(".now .reason", { hasText: /sleeps in/ }).waitFor();
    equal(await left.count(), 0);
    deepEqual(page.problems, []);
  });

  void it("shows logs as text, whatever stands in them", async () => {
    const page = await visit("#/w/blog");
    const log = page.getByRole("log");
    await log.getByText(markup).waitFor();
    equal((await log.textContent())?.split("\n")[0], markup);
    equal(await log.locator("*").count(), 0);
    equal(await page.title(), "My blog · nodoff");
    deepEqual(page.problems, []);
  });

  void it("refuses to put to sleep what is in use, says why, and can be overruled", async () => {
    const page = await visit("#/w/blog");
    const slow = request({
      host: "127.0.0.1",
      port: proxyPort,
      path: "/cgi-bin/slow",
      headers: { host: "blog.localhost" },
    });
    const answered = new Promise<void>((resolve) => {
      slow.on("response", (response) => response.on("close", resolve).resume());
      slow.on("error", () => resolve());
    });
    slow.end();
    await until("a request on its way", async () => {
      const { in_flight: open } = (await nodoff.api("/routes/blog")) as { readonly in_flight: number };
      return open > 0 ? true : undefined;
    });
    await page.getByRole("button", { name: "Sleep" }).click();
    const dialog = page.getByRole("dialog", { name: "My blog is in use" });
    await dialog.locator(".reasons", { hasText: "1 open request" }).waitFor();
    deepEqual(await seriousFindings(page), []);
    await dialog.getByRole("button", { name: "Put to sleep anyway" }).click();
    await page.locator(".now .pill.is-napping").waitFor();
    await answered;
    equal(await blog.running(), false);
  });

  void it("can be used by keyboard alone", async () => {
    const page = await visit();
    await page.locator("#search").waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("my blog");
    await page.locator("[role=status]", { hasText: "1 service shown" }).waitFor();
    await page.keyboard.press("ArrowDown");
    const focused = () => page.evaluate("document.activeElement.textContent");
    equal(await focused(), "My blog");
    await page.fill("#search", "");
    await row(page, "My blog").locator(".name").focus();
    await page.keyboard.press("End");
    equal(await focused(), "Wiki");
    const stops = await page.locator(".rows [tabindex='0']").count();
    ok(stops > 0 && stops <= 4, `${stops} tab stops in the list`);
    await page.keyboard.press("Enter");
    await page.locator("h1:text-is('Wiki')").waitFor();
    equal(await focused(), "Wiki");
    await page.keyboard.press("Escape");
    await page.waitForSelector(".rows");
    await until("the focus back in the list", async () => ((await focused()) === "Wiki" ? true : undefined));
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keyboard" }).getByLabel("Use shortcuts of a single key").uncheck();
    await page.keyboard.press("Escape");
    await page.keyboard.press("2");
    await open(page, "");
    await page.waitForSelector(".rows");
    await page.keyboard.press("?");
    equal(await page.getByRole("dialog").count(), 0, "and it is remembered that they are off");
  });

  void it("narrows and groups the list", async () => {
    const page = await visit();
    const names = () => page.locator(".row .name").allTextContents();
    await page.getByRole("button", { name: /^Failing/ }).click();
    await row(page, "My blog").waitFor({ state: "detached" });
    ok((await names()).includes("odd"));
    await page.getByRole("button", { name: /^All/ }).click();
    await page.getByLabel("Group").selectOption("provider");
    await page.locator(".group h2", { hasText: "local" }).waitFor();
    deepEqual(await page.locator(".group h2").allTextContents(), ["file 1", "local 3"]);
    await page.getByLabel("Search services").fill("no such thing");
    await page.getByText("Nothing matches").waitFor();
  });

  for (const colorScheme of ["light", "dark"] as const) {
    for (const width of [360, 1_440]) {
      void it(`has no serious finding of axe-core at ${width} px, ${colorScheme}`, async () => {
        const page = await visit("", { viewport: { width, height: 900 }, colorScheme });
        for (const name of ["", "w/wiki", "w/odd", "activity", "savings", "system"]) {
          await open(page, `#/${name}`);
          await page.waitForSelector(name === "" ? ".rows" : name === "activity" ? ".events li" : ".card, .empty");
          deepEqual(await seriousFindings(page), [], name);
          const isTooWide = await page.evaluate("document.documentElement.scrollWidth > innerWidth");
          equal(isTooWide, false, `${name} is wider than the screen`);
          await shoot(page, `${name.replace("/", "-")}-${width}-${colorScheme}`);
        }
        deepEqual(page.problems, []);
      });
    }
  }

  void it("draws only what changed, with 500 services too", async () => {
    const page = await visit("login");
    let waking = -1;
    // Whatever becomes of the others meanwhile: one changes.
    const first = await page.request.get(`${origin}/api/v1/workloads`);
    const { workloads } = (await first.json()) as { readonly workloads: readonly object[] };
    await page.route("**/api/v1/workloads", async (asked) => {
      const json = Array.from({ length: 500 }, (_, n) => ({
        ...workloads[0],
        alias: `s${n}`,
        display_name: `Service ${n}`,
        since: "2026-01-01T00:00:00.000Z",
        state: n === waking ? "starting" : "napping",
        routes: [],
      }));
      await asked.fulfill({ json: { workloads: json } });
    });
    await open(page, "");
    await row(page, "Service 499").waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    await page.evaluate(`
      globalThis.touched = new Set();
      new MutationObserver((changes) => {
        for (const { target } of changes) {
          const element = target.nodeType === 1 ? target : target.parentElement;
          // Times count by themselves.
          if (element?.closest("nd-time") == null) touched.add(element?.closest(".row")?.dataset.id ?? "list");
        }
      }).observe(document.querySelector(".rows"), { subtree: true, childList: true, attributes: true, characterData: true });
    `);
    waking = 250;
    // What happens to nodoff itself, somebody who signs in, has the list read anew.
    await fetch(`${origin}/login`, {
      method: "POST",
      body: new URLSearchParams({ token: adminToken }),
      redirect: "manual",
    });
    await row(page, "Service 250").locator(".pill.is-starting").waitFor({ state: "attached" });
    deepEqual(await page.evaluate("[...touched]"), ["w/s250"]);
    await page.close();
  });

  void it("works below a path that a proxy takes away", async () => {
    const proxy = createServer((incoming, answer) => {
      const path = incoming.url?.replace(/^\/apps\/nodoff(?=\/)/, "") ?? "/";
      const { method, headers } = incoming;
      const onward = request({ host: "127.0.0.1", port: home.port, path, method, headers }, (reply) => {
        answer.writeHead(reply.statusCode ?? 502, reply.headers);
        reply.pipe(answer);
      });
      onward.on("error", () => answer.destroy());
      answer.on("close", () => onward.destroy());
      incoming.pipe(onward);
    });
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
    atEnd(async () => {
      proxy.closeAllConnections();
      proxy.close();
    });
    const { port } = proxy.address() as AddressInfo;
    const page = await visit("login", { storageState: { cookies: [], origins: [] } });
    const at = `http://127.0.0.1:${port}/apps/nodoff/`;
    await open(page, at);
    await page.fill("#token", adminToken);
    await page.click("button");
    await page.waitForURL(at);
    await open(page, at);
    await row(page, "Wiki").locator(".name").click();
    await page.locator("h1:text-is('Wiki')").waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForURL(`${at}login`);
    deepEqual(page.problems, []);
  });

  void it("says that an engine is not reachable, and shows a viewer everything but buttons", async () => {
    const user = { password_hash: await hashPassword("look only"), role: "viewer" };
    const admin = { token: adminToken, users: { guest: user } };
    const away = { local: { type: "docker", url: "unix:///nowhere/docker.sock" } };
    const other = await openHome(atEnd, { admin, providers: away });
    const served = await other.serve();
    const page = await visit("login", { storageState: { cookies: [], origins: [] } });
    const at = `http://127.0.0.1:${other.port}`;
    await open(page, `${at}/login`);
    await page.fill("#user", "guest");
    await page.fill("#password", "look only");
    await page.locator("#password").press("Enter");
    await page.waitForURL(`${at}/`);
    await open(page, at);
    await page.getByText("local is not reachable").waitFor();
    match((await page.locator("main").textContent()) ?? "", /nowhere\/docker\.sock/);
    await shoot(page, "engine-away");
    const mark = served.mark();
    const process = { command: ["sleep", "1000"] };
    const app = { process, host: "app.localhost", upstream: "http://127.0.0.1:9" };
    await other.write({ admin, providers: { here: { type: "process" } }, workloads: { app } });
    await served.loggedSince(mark, ({ message }) => message === "configuration reloaded", "reload");
    await row(page, "app").locator(".name").click();
    await page.locator("h1:text-is('app')").waitFor();
    await shoot(page, "viewer");
    const named = /^(?:wake|sleep|keep awake|restart|check now|try again)/i;
    equal(await page.getByRole("button", { name: named }).count(), 0);
    await page.keyboard.press("w");
    equal(await page.evaluate(async () => (await fetch("api/v1/workloads/app/wake", { method: "POST" })).status), 403);
    deepEqual((await (await page.request.get(`${at}/api/v1/workloads/app`)).json()).state, "napping");
    deepEqual(page.problems, []);
  });

  void it("says when nodoff is away, and goes on by itself when it is back", async () => {
    const page = await visit();
    await page.getByText("Live", { exact: true }).waitFor();
    await nodoff.child.close();
    await page.getByText("No connection").waitFor();
    nodoff = await home.serve();
    let asked = 0;
    let refused = 0;
    page.on("request", (request) => (asked += Number(request.isNavigationRequest())));
    page.on("response", (response) => (refused += Number(response.status() === 401)));
    // A login that takes its time: until then others say so, too.
    await page.route("**/login", async (route) => {
      await until("a second answer", () => Promise.resolve(refused > 1 ? true : undefined));
      await route.continue();
    });
    // Sessions do not outlive nodoff: one is asked who one is, once, however many answers say so.
    await page.waitForURL(/\/login$/);
    equal(asked, 1);
  });
});
