import { existsSync } from "node:fs";
import { after, before } from "node:test";
import { chromium } from "playwright-core";
import type { Browser } from "playwright-core";

const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/**
 * Debian's Chromium. It finds every *.localhost at loopback by itself. Playwright switches its back/forward cache off;
 * `backForwardCache` leaves it as people have it.
 */
export async function startChromium({ backForwardCache = false } = {}): Promise<Browser> {
  const executablePath = places.find((place) => existsSync(place));
  if (executablePath === undefined) throw new Error(`no Chromium at ${places.join(", ")}`);
  return chromium.launch({
    executablePath,
    // As root Chromium starts only without its sandbox. Each container that starts beside it is a change of the network
    // to it, which ends what is under way: with a window it then asks again by itself.
    args: ["--no-sandbox", "--disable-gpu", "--enable-auto-reload"],
    ...(backForwardCache ? { ignoreDefaultArgs: ["--disable-back-forward-cache"] } : {}),
  });
}

/** A browser for the tests of a suite. */
export function openBrowser(): () => Browser {
  let browser: Browser | undefined;
  before(async () => void (browser = await startChromium()));
  after(async () => browser?.close());
  return () => browser!;
}
