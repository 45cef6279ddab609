import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, type IncomingMessage, request as startRequest } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { ask, program } from "../client.ts";
import { type App, openDocker } from "../docker.ts";
import { forgeries } from "../requests.ts";
import { asleep, awake, keptAddressMs, request, say, starts, toEchoed } from "./acts.ts";
import type { Case, Play } from "./cases.ts";

const sleepsSoon = { idle_timeout: "2s", min_awake: "1s" } as const;

/** Falling asleep, and coming back elsewhere. */
export const sleepCases = {
  "sleep in the middle of keep-alive": {
    // What is asked while it ends is answered after its next start.
    env: { STOP_DELAY_MS: "500" },
    async run(play) {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      try {
        assert.equal(await askOver(agent, play, "GET"), 200);
        for (const method of ["GET", "POST"]) {
          const { app, alias } = play.guest;
          const since = await app.now();
          await delay(keptAddressMs);
          await play.nodoff.api(`/workloads/${alias}/sleep`, { force: true });
          assert.equal(await askOver(agent, play, method), 200, `${method} in the middle of the stop`);
          assert.equal(await starts(play.guest, since), 1);
          await asleep(play);
          assert.equal(await askOver(agent, play, method), 200, `${method} after it`);
        }
      } finally {
        agent.destroy();
      }
    },
  },
  "paused, again and again": {
    workload: { stop_method: "pause" },
    async run(play) {
      const timed = async (): Promise<number> => {
        const begun = performance.now();
        toEchoed(await request(play, { path: "/api", headers: program }));
        return performance.now() - begun;
      };
      await awake(play);
      const [fromPause, fromAwake]: [number[], number[]] = [[], []];
      for (let nth = 0; nth < 7; nth++) {
        await asleep(play);
        assert.ok(await play.guest.app.paused());
        fromPause.push(await timed());
        fromAwake.push(await timed());
      }
      await asleep(play);
      assert.equal(await say(play, "here"), "here");
      return `median ${median(fromPause)} ms, awake ${median(fromAwake)} ms`;
    },
  },
  "container recreated with a new address": {
    async run(play) {
      await awake(play);
      const { app, alias } = play.guest;
      const before = await app.address();
      // Somebody else takes the address the app had.
      const { createApp } = await openDocker();
      const takers: App[] = [];
      try {
        await asleep(play);
        // Other cases free addresses, too: the first taker may get one of those.
        for (let address = ""; address !== before && takers.length < 10;) {
          const taker = await createApp();
          takers.push(taker);
          await taker.start();
          address = await taker.address();
        }
        await app.recreate();
        await play.nodoff.inState(alias, "napping");
        assert.equal(toEchoed(await request(play, { path: "/moved?q=1" })).url, "/moved?q=1");
        assert.notEqual(await app.address(), before, "it moved");
        assert.equal(await say(play, "here"), "here");
        const taker = takers.at(-1);
        assert.deepEqual((await taker?.stats())?.requests, {}, "and nobody went to its old address");
      } finally {
        await Promise.all(takers.map((taker) => taker.remove()));
      }
    },
  },
  "sleeps after idle_timeout and says why": {
    workload: sleepsSoon,
    async run(play) {
      const since = await asleep(play);
      const before = play.nodoff.log().length;
      await awake(play);
      await fallsAsleep(play, since);
      const said = play.nodoff
        .log()
        .slice(before)
        .find(({ message, context }) => /asleep/.test(message) && context?.["alias"] === play.guest.alias);
      assert.equal(said?.level, "info");
      assert.match(JSON.stringify(said.context?.["reasons"]), /requests/, "the reason names the signal");
    },
  },
  "nobody keeps another route awake": {
    workload: sleepsSoon,
    async run(play) {
      const since = await asleep(play);
      await awake(play);
      await awake({ ...play, guest: play.liar });
      const { app, host, alias } = play.guest;
      const lies = forgeries({ liar: play.liar.host, victim: { host, alias, container: app.name } });
      // Somebody who keeps trying, well inside the idle time, until it sleeps in spite of it.
      const over = new AbortController();
      const slept = fallsAsleep(play, since).finally(() => over.abort());
      while (!over.signal.aborted) {
        await Promise.all(lies.map((forged) => ask(play.door.port, forged)));
        await delay(100, undefined, { signal: over.signal }).catch(() => undefined);
      }
      await slept;
    },
  },
} as const satisfies Readonly<Record<string, Case>>;

async function fallsAsleep({ guest: { app, alias }, nodoff }: Play, since: number): Promise<void> {
  await app.event("die", since);
  await nodoff.inState(alias, "napping");
  assert.equal(await app.running(), false);
}

/** Asks over the one connection of the agent; returns the status. */
async function askOver(agent: Agent, { door, guest }: Play, method: string): Promise<number | undefined> {
  const headers = { ...program, Host: `${guest.host}:${door.port}` };
  const asked = startRequest({ agent, host: "127.0.0.1", port: door.port, path: "/again", method, headers });
  const [response] = (await once(asked.end(method === "POST" ? "hello" : undefined), "response")) as [IncomingMessage];
  response.resume();
  await once(response, "end");
  return response.statusCode;
}

function median(times: readonly number[]): number {
  return Math.round(times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0);
}
