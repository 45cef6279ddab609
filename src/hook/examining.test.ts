import { deepEqual, equal, match, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { forwarded, hookWorld, original } from "../../test/support/hook-world.ts";
import { fakeClock } from "../../test/support/fake-clock.ts";
import { createExams } from "../core/exams.ts";

const nonce = "0123456789abcdefghijklmn";

/** A world with an open examination; `isTrusted` as given. */
async function examined(t: Parameters<typeof hookWorld>[0], deps: Parameters<typeof hookWorld>[1] = {}) {
  const exams = createExams(fakeClock());
  exams.open(nonce);
  const world = await hookWorld(t, { ...deps, deps: { exams, ...deps.deps } });
  const seen = () => exams.sightings(nonce)?.map(({ tag, door, outcome }) => `${tag} ${door} ${outcome}`);
  return { ...world, exams, seen };
}

const mark = (rest: string) => ({ "X-Nodoff-Probe": `${nonce}.${rest}` });

describe("an examination", () => {
  it("learns what the hook read, and is let through while the service is awake", async (t) => {
    const { ask, blog, exams, gate } = await examined(t);
    blog.become("ready");
    const told = await ask("/auth/caddy", forwarded("/posts?a=1", mark("r1")));
    deepEqual([told.status, told.text], [200, ""]);
    const [sighting] = exams.sightings(nonce) ?? [];
    deepEqual(
      { ...sighting, peer: "" },
      {
        tag: "r1",
        door: "auth",
        dialect: "caddy",
        outcome: "read",
        header: null,
        peer: "",
        asked: { method: "GET", host: "blog.test", path: "/posts", proto: "https", client: "10.1.1.1" },
        forwardedFor: "10.1.1.1",
        families: ["forwarded"],
        named: null,
        route: "blog",
      },
    );
    equal(gate.asked.length, 0);
  });

  it("gets a page of its own while the service sleeps, or when it wants one, and wakes nothing", async (t) => {
    const { ask, blog, gate, seen } = await examined(t);
    const asleep = await ask("/auth/traefik", forwarded("/", mark("r1")));
    equal(asleep.status, 503);
    equal(asleep.headers["x-nodoff-state"], "napping");
    equal(asleep.text.length, 30_000);
    match(asleep.text, /nodoff-doctor-end-r1/);
    blog.become("ready");
    equal((await ask("/auth/traefik", forwarded("/", mark("r2.page")))).status, 503);
    equal((await ask("/auth/nginx", original("/", mark("r3.page")))).status, 401);
    match((await ask("/wake", original("/", mark("r3.page")))).text, /nodoff-doctor-end-r3/);
    deepEqual(seen(), ["r1 auth read", "r2 auth read", "r3 auth read", "r3 wake read"]);
    equal(gate.asked.length, 0);
  });

  it("learns of the page channel, of refused peers and of headers that are missing", async (t) => {
    const { ask, seen } = await examined(t);
    equal((await ask("/.nodoff/ping?route=blog", { Host: "blog.test", ...mark("p1") })).status, 200);
    equal((await ask("/auth/nginx", forwarded("/", mark("p2")))).status, 400);
    deepEqual(seen(), ["p1 channel read", "p2 auth unreadable"]);
    const stranger = await examined(t, { deps: { isTrusted: () => false } });
    equal((await stranger.ask("/auth/caddy", forwarded("/", mark("p3")))).status, 403);
    deepEqual(stranger.seen(), ["p3 auth untrusted_peer"]);
  });

  it("is nothing special to whoever guesses", async (t) => {
    const { ask, seen, gate } = await examined(t);
    const guess = { "X-Nodoff-Probe": "abcdefghijklmnopqrstuvwx.r1.page" };
    await ask("/auth/traefik", forwarded("/", guess));
    deepEqual(seen(), []);
    ok(gate.asked[0]?.facts.probe);
  });
});
