import assert from "node:assert/strict";
import { until } from "../child.ts";
import { ask, navigation, program } from "../client.ts";
import { login } from "../login.ts";
import { forgeries } from "../requests.ts";
import { asleep, assertAsleep, awake, request, say, starts, stats, toEchoed } from "./acts.ts";
import type { Case } from "./cases.ts";

const basic = { Authorization: `Basic ${Buffer.from(`${login.user}:${login.password}`).toString("base64")}` };

/** What strangers may not do. Here the case's own app is the victim: requests go to other hosts, or lie. */
export const trustCases = {
  "wrong Host": {
    async run(play) {
      const since = await asleep(play);
      const { app, alias, host } = play.guest;
      const strangers = [app.name, alias, `${host}.evil.example`, `evil.${host}`, "localhost", "127.0.0.1", "nodoff"];
      for (const stranger of strangers) {
        const { status } = await ask(play.door.port, { host: stranger, path: "/" });
        assert.notEqual(status, 500, `Host: ${stranger}`);
      }
      await assertAsleep(play, since);
      // Case and port are no other host.
      toEchoed(await request({ ...play, guest: { host: host.toUpperCase() } }, { path: "/api" }));
    },
  },
  "forged X-Forwarded-*, X-Original-*": {
    async run(play) {
      const since = await asleep(play);
      const { app, host, alias } = play.guest;
      const liar = await liarOf(play);
      for (const forged of forgeries({ liar, victim: { host, alias, container: app.name } })) {
        const { status } = await ask(play.door.port, forged);
        // What a proxy does with a host it does not know is its own affair.
        if (forged.host !== liar) continue;
        assert.ok(status !== 502 && status !== 504, `${status} for ${JSON.stringify(forged)}`);
      }
      await assertAsleep(play, since);
    },
  },
  "?route= appended by the client": {
    async run(play) {
      const since = await asleep(play);
      const { alias, app } = play.guest;
      const liar = await liarOf(play);
      for (const lie of [`route=${alias}`, `route=${app.name}&via=docker`, `dialect=nginx&route=${alias}`]) {
        toEchoed(await ask(play.door.port, { host: liar, path: `/lie?q=1&${lie}` }));
      }
      await assertAsleep(play, since);
      const path = "/api/items?q=1&via=docker&route=nobody&dialect=nginx";
      assert.equal(toEchoed(await request(play, { path })).url, path, "and the app sees what was asked");
    },
  },
  "login in front": {
    login: true,
    async run(play) {
      const since = await asleep(play);
      await assertRefused(play, "asleep");
      await assertAsleep(play, since);
      // Known to the proxy: woken, held, served.
      toEchoed(await request(play, { path: "/secret/known", headers: { ...program, ...basic } }));
      assert.equal(await starts(play.guest, since), 1);
      await assertRefused(play, "awake");
      await play.alone(async () => {
        // A proxy that let this person through before.
        await until("let through", async () => {
          const known = await request({ ...play, door: play.open }, { headers: { ...program, ...basic } });
          return known.status === 200 ? true : undefined;
        });
        await play.way.down();
        await assertRefused({ ...play, door: play.open }, "away");
        await assertRefused({ ...play, door: play.closed }, "away");
        toEchoed(await request({ ...play, door: play.open }, { path: "/open", headers: { ...program, ...basic } }));
      });
      const seen = Object.keys((await stats(play.guest)).requests).filter((key) => key.includes("/secret/un"));
      assert.deepEqual(seen, [], "nothing a stranger asked for reached the app");
    },
  },
} as const satisfies Readonly<Record<string, Case>>;

/** A host whose app is awake, so that nobody minds what is asked of it. */
async function liarOf({ door, liar }: Parameters<Case["run"]>[0]): Promise<string> {
  await awake({ door, guest: liar });
  return liar.host;
}

/** Without a name and password there is a 401 and nothing else, in whatever way it is asked. */
async function assertRefused(play: Parameters<Case["run"]>[0], when: string): Promise<void> {
  const path = `/secret/unknown/${when}`;
  const wrong = { Authorization: `Basic ${Buffer.from("ada:wrong").toString("base64")}` };
  for (const asked of [
    { headers: navigation },
    { headers: program },
    { method: "POST", body: "hello" },
    { headers: { ...program, ...wrong } },
    { headers: { ...program, "X-Nodoff-Probe": "1", "X-Nodoff-State": "ready" } },
    { headers: { ...program, "X-Original-URI": "/.nodoff/ping", "X-Forwarded-Uri": "/.nodoff/ping" } },
  ]) {
    const reply = await request(play, { path, ...asked });
    assert.equal(reply.status, 401, `${JSON.stringify(asked)} while ${when}`);
    assert.match(String(reply.headers["www-authenticate"]), /^Basic/);
  }
  await assert.rejects(say(play, "let me in"), /401/);
}
