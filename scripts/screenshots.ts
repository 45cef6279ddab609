import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { startChromium } from "../test/support/e2e/chromium.ts";
import { openDashboardStage } from "../test/support/e2e/dashboard-stage.ts";
import { adminToken } from "../test/support/e2e/home.ts";

// `npm run screenshots [-- FOLDER]`: the dashboard as docs/images shows it, taken of a real nodoff.
const folder = process.argv[2] ?? fileURLToPath(new URL("../docs/images", import.meta.url));
const shots = [
  { name: "dashboard", address: "#/", colorScheme: "light", viewport: { width: 1_240, height: 860 } },
] as const;

const ends: (() => Promise<unknown>)[] = [];
try {
  const { nodoff } = await openDashboardStage((end) => void ends.push(end));
  const browser = await startChromium();
  ends.push(() => browser.close());
  await mkdir(folder, { recursive: true });
  for (const { name, address, ...options } of shots) {
    const page = await browser.newPage({ ...options, reducedMotion: "reduce" });
    await page.goto(`http://127.0.0.1:${nodoff.port}/`);
    await page.fill("#token", adminToken);
    await page.click("button");
    await page.waitForSelector(".rows .bar");
    await page.goto(`http://127.0.0.1:${nodoff.port}/${address}`);
    await page.waitForSelector(".bar");
    await page.evaluate("document.activeElement.blur()");
    await page.screenshot({ path: `${folder}/${name}.png` });
    console.log(`${folder}/${name}.png`);
  }
} finally {
  for (const end of ends.reverse()) await end();
}
