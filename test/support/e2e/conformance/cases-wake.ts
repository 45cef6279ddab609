import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { type IncomingMessage, request as startRequest } from "node:http";
import { text } from "node:stream/consumers";
import { navigation, program } from "../client.ts";
import { arrives, mixedRequest } from "../requests.ts";
import { asleep, askH2, assertAsleep, assertPage, awake, request, say, starts, stats, toEchoed } from "./acts.ts";
import type { Case } from "./cases.ts";

const megabyte = 1_000_000;
/** Nobody gets through by luck. */
const listensLater = { LISTEN_DELAY_MS: "400" } as const;

/** What clients ask of an app that sleeps. */
export const wakeCases = {
  page: {
    env: listensLater,
    async run(play) {
      await asleep(play);
      const path = "/deep/link?q=1&r=%20two";
      await arrives(play.browser, { port: play.door.port, host: play.guest.host, path });
      assert.equal((await stats(play.guest)).requests[`GET ${path}`], 1, "one visit, not several");
    },
  },
  "held GET": {
    env: listensLater,
    async run(play) {
      const since = await asleep(play);
      const { url } = toEchoed(await request(play, { path: "/api/items?q=1" }));
      assert.equal(url, "/api/items?q=1");
      assert.equal((await stats(play.guest)).requests["GET /api/items?q=1"], 1);
      assert.equal(await starts(play.guest, since), 1);
    },
  },
  "held POST with body": {
    env: listensLater,
    async run(play) {
      await asleep(play);
      await postsWhole(play, megabyte);
    },
  },
  "50 MB upload while asleep": {
    env: listensLater,
    async run(play) {
      await asleep(play);
      await postsWhole(play, 50 * megabyte);
    },
  },
  WebSocket: {
    env: listensLater,
    async run(play) {
      await asleep(play);
      assert.equal(await say(play, "are you there"), "are you there");
    },
  },
  SSE: {
    env: listensLater,
    async run(play) {
      await asleep(play);
      const { host } = play.guest;
      const headers = { ...program, Accept: "text/event-stream", Host: `${host}:${play.door.port}` };
      const asked = startRequest({ host: "127.0.0.1", port: play.door.port, path: "/sse", agent: false, headers });
      const [response] = (await once(asked.end(), "response")) as [IncomingMessage];
      if (response.statusCode !== 200) assert.fail(`${response.statusCode} ${await text(response)}`);
      const events = response.setEncoding("utf8")[Symbol.asyncIterator]();
      const next = async (): Promise<string> => String((await events.next()).value);
      assert.equal(await next(), "data: hello\n\n");
      // Each event comes while the stream is open: nothing on the way waits for its end.
      assert.equal(await (await fetch(`${play.guest.app.url}/say?again`)).text(), "1");
      assert.equal(await next(), "data: again\n\n");
      response.destroy();
    },
  },
  "HTTP/2": {
    env: listensLater,
    async run(play) {
      const since = await asleep(play);
      assertPage(await askH2(play, { ":path": "/h2", accept: navigation.Accept, "sec-fetch-mode": "navigate" }));
      toEchoed(await askH2(play, { ":path": "/h2", accept: "application/json" }));
      const body = Buffer.alloc(megabyte, "nodoff ");
      const posted = toEchoed(await askH2(play, { ":path": "/h2", ":method": "POST", accept: "*/*" }, body));
      assert.equal(posted.bytes, body.length);
      assert.equal(posted.headers["x-forwarded-proto"], "https");
      assert.equal(await starts(play.guest, since), 1);
    },
  },
  "HEAD by a monitor": {
    async run(play) {
      const since = await asleep(play);
      const monitor = { "User-Agent": "Uptime-Kuma/1.23.13", Accept: "text/html,*/*" };
      for (const [method, headers] of [
        ["HEAD", program],
        ["HEAD", monitor],
        ["GET", monitor],
      ] as const) {
        const reply = await request(play, { method, headers });
        assert.equal(reply.status, 503);
        assert.ok(reply.headers["retry-after"] !== undefined);
        assert.equal(reply.headers["x-nodoff-state"], "napping");
      }
      await assertAsleep(play, since);
    },
  },
  "OPTIONS preflight": {
    env: listensLater,
    async run(play) {
      const since = await asleep(play);
      const headers = { Accept: "*/*", Origin: "https://elsewhere.example", "Access-Control-Request-Method": "PUT" };
      assert.equal(toEchoed(await request(play, { method: "OPTIONS", path: "/api", headers })).method, "OPTIONS");
      assert.equal(await starts(play.guest, since), 1);
    },
  },
  "100 mixed requests at once": {
    env: listensLater,
    async run(play) {
      const since = await asleep(play);
      const at = { port: play.door.port, host: play.guest.host };
      await Promise.all(Array.from({ length: 100 }, (_, nth) => mixedRequest(at, nth)));
      assert.equal(await starts(play.guest, since), 1);
      const { requests } = await stats(play.guest);
      const held = Object.entries(requests).filter(([key]) => key.includes("/mixed/held/"));
      assert.equal(held.length, 70, "each held request reached the app");
      const counts = held.map(([, count]) => count);
      assert.deepEqual(counts, counts.fill(1), "and reached it once");
    },
  },
  "app listens late": {
    env: { LISTEN_DELAY_MS: "4000" },
    async run(play) {
      await asleep(play);
      const [got, posted, said] = await Promise.all([
        request(play, { path: "/late" }),
        request(play, { path: "/late", method: "POST", body: "hello" }),
        say(play, "at last"),
      ]);
      assert.deepEqual([got.status, posted.status, said], [200, 200, "at last"]);
    },
  },
  "upstream slower than ready": {
    async run(play) {
      await asleep(play);
      // Longer than any time the kits give to connect.
      toEchoed(await request(play, { path: "/slow?ms=3500" }));
    },
  },
  "app's own login": {
    env: { LOGIN: "1" },
    async run(play) {
      await asleep(play);
      const reply = await request(play);
      assert.equal(reply.status, 401);
      assert.equal(reply.text, "the app's own login");
      assert.equal(reply.headers["www-authenticate"], 'Basic realm="app"');
    },
  },
  "app's own 503": {
    async run(play) {
      await awake(play);
      for (const code of [404, 429, 500, 502, 503, 504]) {
        const reply = await request(play, { path: `/status?code=${code}`, headers: navigation });
        assert.equal(reply.status, code);
        assert.equal(reply.text, `the app's own ${code}`);
        assert.equal(reply.headers["retry-after"], "77");
        assert.equal(reply.headers["x-nodoff-state"], undefined);
      }
    },
  },
} as const satisfies Readonly<Record<string, Case>>;

async function postsWhole(play: Parameters<Case["run"]>[0], length: number): Promise<void> {
  const body = Buffer.alloc(length, "nodoff ");
  const { bytes } = toEchoed(await request(play, { path: "/upload", method: "POST", body }));
  assert.equal(bytes, length);
  const sha256 = createHash("sha256").update(body).digest("hex");
  assert.deepEqual((await stats(play.guest)).bodies, [{ url: "/upload", bytes: length, sha256 }], "once and whole");
}
