import assert from "node:assert/strict";
import type { Browser } from "playwright-core";
import { ask, echo, navigation, program, type Question } from "./client.ts";

/** Opens the address while the app sleeps: the page first, then the app under the very same address, hash included. */
export async function arrives(
  browser: Browser,
  link: { readonly port: number; readonly host: string; readonly path: string },
): Promise<void> {
  const context = await browser.newContext({ reducedMotion: "reduce" });
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

/** The `at`th of many at once: pages, WebSockets, POSTs, assets and API calls. Rejects when it is not answered well. */
export async function mixedRequest(
  { port, host }: { readonly port: number; readonly host: string },
  at: number,
): Promise<void> {
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

/** Requests to the liar's host that try to be taken for requests to the victim, by the lies of every proxy's dialect. */
export function forgeries(options: {
  /** The host that is asked. */
  readonly liar: string;
  readonly victim: { readonly host: string; readonly alias: string; readonly container: string };
}): readonly Question[] {
  const host = options.liar;
  const { host: victim, alias, container } = options.victim;
  const asked = { host, path: "/" };
  return [
    { host, path: `/?route=${alias}&via=docker` },
    { host, path: `/?route=${container}&container=${container}` },
    {
      ...asked,
      headers: { ...program, "X-Forwarded-Host": victim, "X-Forwarded-Uri": "/", "X-Forwarded-Method": "GET" },
    },
    { ...asked, headers: { ...program, "X-Original-Host": victim, "X-Original-URI": "/", "X-Original-Method": "GET" } },
    { ...asked, headers: { ...program, "X-Original-URI": `http://${victim}/`, "X-Rewrite-URL": "/" } },
    { ...asked, headers: { ...program, "X-Nodoff-Route": alias, "X-Nodoff-Upstream": `http://${victim}` } },
    { ...asked, headers: { ...program, Forwarded: `host=${victim}`, "X-Host": victim, "X-Forwarded-Server": victim } },
    { host: container, path: "/" },
    {
      host,
      path: `/.nodoff/wait?route=${alias}&since=napping-not`,
      headers: { ...program, "X-Forwarded-Host": victim },
    },
    { host, path: `/.nodoff/loading?route=${alias}&return=${encodeURIComponent(`http://${victim}/`)}` },
  ];
}
