import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import type { Browser, Page } from "playwright-core";
import type { PageModel } from "../../src/core/pages.ts";
import { createPages } from "../../src/pages/pages.ts";
import { startChromium } from "../support/e2e/chromium.ts";

const pages = createPages({ dir: join(import.meta.dirname, "../../templates"), brands: null });
const steps: PageModel["steps"] = [{ step: "starting", state: "now" }];

/** A service with a worker that keeps whatever it gets and never asks twice, and nodoff in front of it. */
interface Site {
  readonly origin: string;
  awake: boolean;
  /** Requests of pages that reached the service. */
  readonly visits: string[];
}

const greedyWorker = `
addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => event.respondWith((async () => {
  const cache = await caches.open("everything");
  const kept = await cache.match(event.request, { ignoreVary: true });
  if (kept !== undefined) return kept;
  const answer = await fetch(event.request);
  await cache.put(event.request, answer.clone()).catch(() => undefined);
  return answer;
})()));
`;

async function openSite(t: TestContext): Promise<Site> {
  const visits: string[] = [];
  const site = { origin: "", awake: true, visits };
  const server = createServer((req, res) => answer(site, req, res));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => close(server));
  site.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return site;
}

function close(server: Server): void {
  server.closeAllConnections();
  server.close();
}

function answer(site: Site, req: IncomingMessage, res: ServerResponse): void {
  const url = req.url ?? "/";
  if (url.startsWith("/.nodoff/")) return answerChannel(site, res);
  if (!site.awake) {
    const { status, headers, body } = pages.render({ ...asleep, link: url });
    return void res.writeHead(status, headers).end(body);
  }
  if (url === "/worker.js") return void res.writeHead(200, { "content-type": "text/javascript" }).end(greedyWorker);
  if (req.headers["x-nodoff-probe"] === undefined) site.visits.push(url);
  const start = url === "/install" ? "navigator.serviceWorker.register('/worker.js')" : "";
  const links = '<a href="/a">a</a>';
  res.writeHead(200, { "content-type": "text/html", "cache-control": "no-store" });
  res.end(`<title>Service</title><h1>The service</h1>${links}<script>${start}</script>`);
}

/** As nodoff answers through a hook: 503, and the steps as in a wake. */
function answerChannel({ awake }: Site, res: ServerResponse): void {
  const status = awake ? "running" : "starting";
  const headers = { "content-type": "application/json", "cache-control": "no-store", vary: "*" };
  const body = JSON.stringify({ status, state: awake ? "ready" : "starting", eta_ms: null, steps, lines: [] });
  res.writeHead(503, headers).end(body);
}

const asleep: PageModel = {
  kind: "loading",
  route: "blog",
  title: "My blog",
  icon: null,
  theme: "default",
  state: "starting",
  elapsedMs: 0,
  etaMs: null,
  steps,
  failure: null,
  nextTryInMs: null,
  retryAfterS: 5,
  showLogs: false,
  link: "/",
  redirectPath: null,
  language: null,
  replayable: true,
};

async function openPage(t: TestContext, browser: Browser): Promise<Page> {
  t.after(() => browser.close());
  const context = await browser.newContext({ reducedMotion: "reduce" });
  context.setDefaultTimeout(30_000);
  return context.newPage();
}

const arrived = (page: Page) => page.waitForSelector("text=The service");
const waiting = (page: Page) => page.waitForSelector("text=is waking up");

describe("a service worker that keeps everything", () => {
  it("neither keeps the page nor what the page asks", async (t) => {
    const site = await openSite(t);
    const page = await openPage(t, await startChromium());
    await page.goto(`${site.origin}/install`);
    await page.evaluate("navigator.serviceWorker.ready.then(() => undefined)");
    site.awake = false;
    await page.goto(`${site.origin}/a`);
    await waiting(page);
    assert.equal(await page.evaluate("navigator.serviceWorker.controller !== null"), true, "the worker is asked");
    site.awake = true;
    await arrived(page);
    const kept =
      "caches.open('everything').then(async (cache) => (await cache.keys()).map(({ url }) => new URL(url).pathname))";
    assert.deepEqual(
      (await page.evaluate<string[]>(kept)).filter((path) => path.startsWith("/.nodoff/")),
      [],
    );
    await page.goto(`${site.origin}/a`);
    await arrived(page);
  });
});

describe("the back/forward cache", () => {
  it("shows no stale page: one that comes out of it asks for the service again", async (t) => {
    const site = await openSite(t);
    const page = await openPage(t, await startChromium({ backForwardCache: true }));
    site.awake = false;
    await page.goto(`${site.origin}/a`);
    await waiting(page);
    // Somebody leaves while it waits, and comes back when the service has long been there.
    await page.goto("data:text/html,<h1>Elsewhere</h1>");
    site.awake = true;
    await page.goBack({ waitUntil: "commit" });
    await arrived(page);
    assert.equal(page.url(), `${site.origin}/a`);
  });

  it("a page that was kept all the same loads anew as soon as it is shown", async (t) => {
    const site = await openSite(t);
    const page = await openPage(t, await startChromium());
    site.awake = false;
    await page.goto(`${site.origin}/a`);
    await waiting(page);
    const before = site.visits.length;
    // What it hears says nothing new: only that it is shown again makes it ask for the service.
    const told = JSON.stringify({ status: "starting", state: "starting", eta_ms: null, steps });
    await page.route("**/.nodoff/**", (route) => route.fulfill({ status: 503, body: told }));
    site.awake = true;
    await page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))");
    await arrived(page);
    assert.equal(site.visits.length, before + 1);
  });
});
