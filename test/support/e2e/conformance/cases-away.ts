import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { navigation } from "../client.ts";
import { asleep, awake, request, say, stats, toEchoed } from "./acts.ts";
import type { Case } from "./cases.ts";

/** Long enough to be noticed, shorter than every kit's patience. */
const slowMs = 1_500;

/** nodoff is not there, or slow. */
export const awayCases = {
  "hook down, closed": {
    async run(play) {
      await awake(play);
      await play.alone(async () => {
        await play.way.down();
        for (const asked of [{ headers: navigation }, {}, { method: "POST", body: "hello" }]) {
          const { status } = await request({ ...play, door: play.closed }, { path: "/closed", ...asked });
          assert.ok([500, 502, 503].includes(status), `${status}`);
        }
      });
      const { requests } = await stats(play.guest);
      assert.deepEqual(
        Object.keys(requests).filter((key) => key.includes("/closed")),
        [],
        "it did not reach the app",
      );
    },
  },
  "hook down, open": {
    async run(play) {
      const open = { ...play, door: play.open };
      // A proxy that let requests to this app through before.
      await play.alone(() => awake(open));
      await play.alone(async () => {
        await play.way.down();
        const body = Buffer.alloc(1_000_000, "x");
        assert.equal((await request(open, { path: "/open", headers: navigation })).status, 200);
        assert.equal(toEchoed(await request(open, { path: "/open", method: "POST", body })).bytes, body.length);
        assert.equal(await say(open, "open"), "open");
      });
    },
  },
  "hook slow": {
    async run(play) {
      await play.alone(async () => {
        // Nobody still thinks that nodoff is away, as it was a moment ago.
        for (const door of [play.closed, play.open]) await awake({ ...play, door });
        play.way.freeze("all");
        const asked = Promise.all(
          [play.closed, play.open].map((door) => request({ ...play, door }, { path: "/slowly" })),
        );
        await delay(slowMs);
        play.way.thaw();
        for (const reply of await asked) toEchoed(reply);
      });
      // Slow and asleep: still one wake, still served.
      await play.alone(async () => {
        await awake({ ...play, door: play.closed });
        await asleep(play);
        play.way.freeze("all");
        const asked = request({ ...play, door: play.closed }, { path: "/slowly/asleep" });
        await delay(slowMs);
        play.way.thaw();
        toEchoed(await asked);
      });
    },
  },
} as const satisfies Readonly<Record<string, Case>>;
