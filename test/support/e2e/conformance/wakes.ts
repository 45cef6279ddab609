import assert from "node:assert/strict";
import type { Response } from "playwright-core";
import { navigation, program, type Reply } from "../client.ts";
import { asleep, request, starts, toEchoed } from "./acts.ts";
import type { World } from "./world.ts";

/** What clients saw in a row of wakes. */
export interface WakesReport {
  readonly wakes: number;
  /** From a navigation's start to the app in the browser, ms. */
  readonly medianMs: number;
  readonly worstMs: number;
  /** Navigations that saw the page on their way; the others found the app started within the grace. */
  readonly pages: number;
}

/**
 * Puts the app to sleep and wakes it, again and again, by a browser's navigation, an API call and a POST at the same
 * time. Each navigation has to end on the app, each held request to be served, and nobody may see an error that is not
 * our own page.
 */
export async function wakeInARow(world: World, count: number): Promise<WakesReport> {
  const play = { ...world, guest: world.guest("wakes") };
  // Drawing what moves would be most of what a wake costs here, as would a new tab each time.
  const context = await world.browser.newContext({ reducedMotion: "reduce" });
  const times: number[] = [];
  const errors: string[] = [];
  let pages = 0;
  let sawPage = false;
  try {
    const page = await context.newPage();
    page.on("response", (response) => {
      if (isOurPage(response)) sawPage ||= response.request().isNavigationRequest();
      else if (isError(response.status())) errors.push(`${response.status()} for ${response.url()}`);
    });
    page.on("requestfailed", (failed) => {
      const why = failed.failure()?.errorText ?? "";
      // The page drops its own questions when it leaves; and containers that come and go here change the network.
      if (why !== "net::ERR_ABORTED" && why !== "net::ERR_NETWORK_CHANGED") errors.push(`${why} for ${failed.url()}`);
    });
    for (let nth = 1; nth <= count; nth++) {
      const since = await asleep(play);
      sawPage = false;
      // The app of the wake before must not pass for this one's.
      await page.goto("about:blank");
      const begun = performance.now();
      const url = `http://${play.guest.host}:${play.door.port}/wake/${nth}`;
      const [, got, posted] = await Promise.all([
        page
          .goto(url, { waitUntil: "commit" })
          .catch((error: unknown) => {
            if (!String(error).includes("ERR_NETWORK_CHANGED")) throw error;
          })
          .then(() => page.waitForSelector("#app", { timeout: 30_000 }))
          .catch(async (error: unknown) => {
            const state = await play.nodoff.state(play.guest.alias);
            throw new Error(`wake ${nth}: at ${page.url()}, ${state}; ${errors.join(", ")}`, { cause: error });
          })
          .then(() => times.push(performance.now() - begun)),
        request(play, { path: `/wake/${nth}`, headers: program }),
        post(play, `/wake/${nth}`),
      ]);
      assert.equal(await page.textContent("#url"), url);
      assert.equal(toEchoed(got).method, "GET");
      assert.equal(toEchoed(posted).bytes, 5);
      assert.deepEqual(errors, [], `wake ${nth}`);
      assert.equal(await starts(play.guest, since), 1, `wake ${nth}`);
      // The next page of a visit comes straight from the app.
      assert.equal((await request(play, { path: `/after/${nth}`, headers: navigation })).status, 200);
      if (sawPage) pages++;
    }
  } finally {
    await context.close();
  }
  times.sort((a, b) => a - b);
  return { wakes: count, medianMs: times[Math.floor(times.length / 2)] ?? 0, worstMs: times.at(-1) ?? 0, pages };
}

/** A client that has something to send, and comes again when it is asked to. */
async function post(play: Parameters<typeof request>[0] & Pick<World, "door">, path: string): Promise<Reply> {
  const asked = { path, method: "POST", body: "hello", headers: program } as const;
  const reply = await request(play, asked);
  if (play.door.resends !== true || reply.status !== 503) return reply;
  assert.equal(reply.headers["retry-after"], "1");
  assert.equal(reply.headers["x-nodoff-state"], "ready", "it is there by now");
  return request(play, asked);
}

function isError(status: number): boolean {
  return [404, 500, 502, 503, 504].includes(status);
}

/** nodoff's own answers say what state the app is in. */
function isOurPage(response: Response): boolean {
  return response.headers()["x-nodoff-state"] !== undefined;
}
