import { existsSync } from "node:fs";
import { after, before } from "node:test";
import { chromium } from "playwright-core";
import type { Browser } from "playwright-core";

const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Debian's Chromium. It finds every *.localhost at loopback by itself. */
export async function startChromium(): Promise<Browser> {
  const executablePath = places.find((place) => existsSync(place));
  if (executablePath === undefined) throw new Error(`no Chromium at ${places.join(", ")}`);
  // As root Chromium starts only without its sandbox.
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
}

/** A browser for the tests of a suite. */
export function openBrowser(): () => Browser {
  let browser: Browser | undefined;
  before(async () => void (browser = await startChromium()));
  after(async () => browser?.close());
  return () => browser!;
}
