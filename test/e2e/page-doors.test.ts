import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import type { BrowserContextOptions, Page } from "playwright-core";
import { startCaddy } from "../support/e2e/caddy.ts";
import { startChromium } from "../support/e2e/chromium.ts";
import { ask, navigation } from "../support/e2e/client.ts";
import { type App, openDocker } from "../support/e2e/docker.ts";
import { createEnds } from "../support/e2e/ends.ts";
import type { Door, Site } from "../support/e2e/kit.ts";
import { startNginx } from "../support/e2e/nginx.ts";
import { type Nodoff, startNodoff } from "../support/e2e/nodoff.ts";
import { noTraefik, startTraefikFile } from "../support/e2e/traefik.ts";

// One nodoff and one app behind three proxies with the shipped kits: none has a router of its own for the page.
const host = "blog.localhost";
const formsHost = "forms.localhost";
const path = "/posts/42?q=a%20b&x=%2F";
const atEnd = createEnds();
let nodoff: Nodoff;
let app: App;
let browser: Awaited<ReturnType<typeof startChromium>>;
const doors: Partial<Record<string, Door>> = {};

before(async () => {
  const { createApp } = await openDocker();
  app = await createApp({ env: { LISTEN_DELAY_MS: "1200" } });
  atEnd(() => app.remove());
  nodoff = await startNodoff({
    providers: { local: { type: "docker", discover: false } },
    defaults: { idle_timeout: "10m", wake_timeout: "30s" },
    // By itself a form is held until the service is there; with this strategy it gets the page at once.
    routes: { forms: { host: formsHost, workload: "blog", strategy: "page" } },
    workloads: { blog: { container: app.name, host, upstream: app.url, loading: { theme: "minimal" } } },
  });
  atEnd(() => nodoff.close());
  const address = app.published;
  const sites: readonly Site[] = [
    { alias: "blog", host, address },
    { alias: "forms", host: formsHost, address },
  ];
  const options = { hookPort: nodoff.port, sites };
  const open = async (name: string, door: Promise<Door>): Promise<void> => {
    const opened = await door;
    doors[name] = opened;
    atEnd(() => opened.close());
  };
  await open("Caddy", startCaddy(options));
  await open("nginx", startNginx({ ...options, variant: "guard" }));
  if (noTraefik === false) await open("Traefik", startTraefikFile(options));
  browser = await startChromium();
  atEnd(() => browser.close());
});

async function openPage(options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ reducedMotion: "reduce", ...options });
  atEnd(() => context.close());
  context.setDefaultTimeout(30_000);
  return context.newPage();
}

async function asleep(): Promise<void> {
  if (await app.running()) await app.stop();
  await nodoff.inState("blog", "napping");
}

/** The form of another page of the site, which was open before the service fell asleep. */
async function send(page: Page, url: string): Promise<void> {
  await page.setContent(
    `<form method="post" action="${url}"><input name="words" value="once"><button>Send</button></form>`,
  );
  await page.locator("button").click({ noWaitAfter: true });
}

const arrived = (page: Page) => page.waitForSelector("#app");
const requests = async () => (await app.stats()).requests;

for (const name of ["Caddy", "nginx", "Traefik"]) {
  describe(`the page behind ${name}`, { skip: name === "Traefik" && noTraefik }, () => {
    const origin = () => `http://${host}:${doors[name]?.port}`;

    for (const javaScriptEnabled of [true, false]) {
      it(`leads to the deep link, query and hash kept (JavaScript: ${String(javaScriptEnabled)})`, async () => {
        await asleep();
        const page = await openPage({ javaScriptEnabled });
        const first = await page.goto(`${origin()}${path}#part-3`, { waitUntil: "commit" });
        const headers = first?.headers() ?? {};
        assert.equal(first?.status(), 503);
        assert.deepEqual(
          [headers["cache-control"], headers["vary"], headers["x-robots-tag"], headers["content-language"]],
          ["no-store", "*", "noindex", "en"],
        );
        await arrived(page);
        // Without JavaScript nobody knows the #hash: browsers keep it when they load the same address again.
        assert.equal(page.url().split("#")[0], origin() + path);
        if (javaScriptEnabled) assert.equal(page.url(), `${origin()}${path}#part-3`);
        assert.equal((await requests())[`GET ${path}`], 1);
      });

      it(`never sends a form again (JavaScript: ${String(javaScriptEnabled)})`, async () => {
        await asleep();
        const page = await openPage({ javaScriptEnabled });
        await send(page, `http://${formsHost}:${doors[name]?.port}/send?a=1`);
        await page.waitForSelector("text=What you sent was not delivered");
        await arrived(page);
        const { bodies } = await app.stats();
        assert.deepEqual(bodies, []);
        const found = Object.entries(await requests()).filter(([key]) => key.endsWith("/send?a=1"));
        assert.deepEqual(found, [["GET /send?a=1", 1]]);
      });
    }

    it("is not what a form gets by default: that is held, and delivered once", async () => {
      await asleep();
      const page = await openPage();
      await send(page, `${origin()}/send?a=1`);
      await arrived(page);
      const { bodies } = await app.stats();
      assert.deepEqual(
        bodies.map(({ url, bytes }) => [url, bytes]),
        [["/send?a=1", "words=once".length]],
      );
    });

    it("is nowhere in the history: back and forward show the service", async () => {
      await asleep();
      const page = await openPage();
      await page.goto("about:blank#before");
      await page.goto(`${origin()}/one`, { waitUntil: "commit" });
      await arrived(page);
      await page.goto(`${origin()}/two`);
      await page.goBack();
      await arrived(page);
      assert.equal(page.url(), `${origin()}/one`);
      await page.goBack();
      assert.equal(page.url(), "about:blank#before");
      await page.goForward();
      await arrived(page);
      assert.equal(page.url(), `${origin()}/one`);
    });

    it("is at most 30 kB on the wire, headers included", async (t) => {
      await asleep();
      const { status, headers, text } = await ask(doors[name]?.port ?? 0, { host, path: "/", headers: navigation });
      const bytes = Buffer.byteLength(text) + JSON.stringify(headers).length;
      t.diagnostic(`${name}: ${bytes} bytes`);
      assert.equal(status, 503);
      assert.ok(bytes <= 30_000, `${bytes}`);
      await nodoff.inState("blog", "ready");
    });
  });
}
