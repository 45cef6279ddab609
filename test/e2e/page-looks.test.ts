import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { createPreview, type Preview } from "../../src/pages/preview/preview.ts";
import { themeNames } from "../../src/core/pages.ts";
import { listen } from "../../src/net/listen.ts";
import { systemClock } from "../../src/system-clock.ts";
import { openBrowser } from "../support/e2e/chromium.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = openBrowser();
let preview: Preview;
let origin = "";

before(async () => {
  const dir = join(import.meta.dirname, "../../templates");
  preview = createPreview({ dir, brands: null, theme: "default", clock: systemClock, tell: () => undefined });
  const { port } = await listen(preview.server, { host: "127.0.0.1", port: 0 });
  origin = `http://127.0.0.1:${port}`;
});
after(() => preview.close());

/** What a page is to be looked at in: every theme, colour and size, and each of these scenes. */
const scenes = ["dependencies", "form", "details", "quota"] as const;

async function findSerious(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe);
  const { violations } = await page.evaluate<AxeResults>("axe.run(document, { resultTypes: ['violations'] })");
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}

for (const theme of themeNames) {
  describe(`the theme ${theme}`, () => {
    for (const colorScheme of ["light", "dark"] as const) {
      for (const width of [360, 1440]) {
        // The others share its page: two corners of the four are enough.
        if (theme !== "default" && (colorScheme === "light") !== (width === 360)) continue;
        it(`${colorScheme}, ${width} px: fits, and axe finds nothing serious`, async (t) => {
          const context = await browser().newContext({
            colorScheme,
            viewport: { width, height: 800 },
            reducedMotion: "reduce",
          });
          t.after(() => context.close());
          const page = await context.newPage();
          for (const scene of scenes) {
            await page.goto(`${origin}/page/${scene}?theme=${theme}&language=de`);
            // For looking at it: NODOFF_SCREENSHOTS names a folder.
            const folder = process.env.NODOFF_SCREENSHOTS;
            const name = `${theme}-${colorScheme}-${width}-${scene}.png`;
            if (folder !== undefined) await page.screenshot({ path: join(folder, name), fullPage: true });
            assert.deepEqual(await findSerious(page), [], scene);
            const [has, needs] = await page.evaluate<number[]>("[innerWidth, document.documentElement.scrollWidth]");
            assert.ok(needs! <= has!, `${scene}: ${needs} px do not fit into ${has}`);
          }
        });
      }
    }

    it("moves only where motion is welcome", async (t) => {
      const moving = async (reducedMotion: "reduce" | "no-preference"): Promise<number> => {
        const context = await browser().newContext({ reducedMotion });
        t.after(() => context.close());
        const page = await context.newPage();
        await page.goto(`${origin}/page/first?theme=${theme}`);
        await page.waitForSelector("[data-progress=unknown]");
        return page.evaluate<number>("document.getAnimations().length");
      };
      assert.deepEqual([await moving("reduce"), (await moving("no-preference")) > 0], [0, true]);
    });

    it("goes through a wake without a jolt, and ends at the service", async (t) => {
      const context = await browser().newContext({ reducedMotion: "reduce" });
      t.after(() => context.close());
      const page = await context.newPage();
      // A slow line: the page comes in pieces.
      const devtools = await context.newCDPSession(page);
      const line = { offline: false, latency: 0, downloadThroughput: 16_000, uploadThroughput: -1 };
      await devtools.send("Network.emulateNetworkConditions", line);
      // Told as they happen: whoever looks for them later may find the page gone.
      let jolts = 0;
      await page.exposeFunction("jolt", (value: number) => (jolts += value));
      await page.addInitScript(`
        new PerformanceObserver((list) => {
          if (document.documentElement.dataset.phase === undefined) return;
          for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) void window.jolt(value);
        }).observe({ type: "layout-shift", buffered: true });
      `);
      await page.goto(`${origin}/page/wake?theme=${theme}`);
      await page.waitForSelector("text=Here the service would be", { timeout: 40_000 });
      t.diagnostic(`layout shift of ${theme}: ${jolts.toFixed(5)}`);
      assert.ok(jolts < 0.01, `${jolts}`);
    });
  });
}
