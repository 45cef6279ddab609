import { deepEqual, equal, match, ok } from "node:assert/strict";
import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { engineFailure } from "../../test/support/fake-doors.ts";
import type { Need } from "../core/workload-handle.ts";
import { settle } from "../../test/support/fake-clock.ts";
import { forwarded, hookWorld } from "../../test/support/hook-world.ts";
import type { HookWorld, Told } from "../../test/support/hook-world.ts";
import { doorSpec, routeSpec } from "../../test/support/specs.ts";

const host = { host: "blog.test" };
const json = ({ text }: Told): unknown => JSON.parse(text);

/** Waits until the server has what was sent, without waiting for time. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await settle();
}

describe("rate limits", () => {
  it("tell the visitors behind nginx apart, by the header of its kit", async (t) => {
    const world = await hookWorld(t, {
      deps: { limits: { statusPerClient: { count: 1, perMs: 10_000 }, logsPerClient: { count: 1, perMs: 10_000 } } },
    });
    const asVisitor = async (address: string): Promise<number> =>
      (await world.ask("/.nodoff/health?route=blog", { ...host, "x-original-addr": address })).status;
    deepEqual([await asVisitor("198.51.100.1"), await asVisitor("198.51.100.2")], [200, 200]);
    equal(await asVisitor("198.51.100.1"), 429);
  });
});

describe("ping, health and the route they are about", () => {
  it("ping is 200 only when reached directly", async (t) => {
    const world = await hookWorld(t);
    const told = await world.ask("/.nodoff/ping?route=blog", host);
    deepEqual([told.status, json(told)], [200, { ok: true }]);
    equal(told.headers["cache-control"], "no-store");
  });

  for (const [state, status] of [
    ["napping", "starting"],
    ["starting", "starting"],
    ["stopping", "starting"],
    ["unknown", "starting"],
    ["ready", "running"],
    ["error", "failed"],
    ["gone", "failed"],
  ] as const) {
    it(`health while ${state}: ${status}`, async (t) => {
      const world = await hookWorld(t);
      world.blog.become(state, { etaMs: 1_234.6 });
      const told = await world.ask("/.nodoff/health?route=blog", host);
      deepEqual([told.status, json(told)], [200, { status, state, eta_ms: 1_235 }]);
      equal(told.headers["x-nodoff-state"], state);
    });
  }

  it("steps tell what is done and what is not, and name nobody", async (t) => {
    const world = await hookWorld(t);
    const needs: readonly Need[] = [{ alias: "blog-db", displayName: "blog-db", state: "ready", done: true }];
    world.blog.become("starting", { etaMs: 900, step: "waiting_ready", needs });
    const told = await world.ask("/.nodoff/steps?route=blog", host);
    deepEqual(json(told), {
      status: "starting",
      state: "starting",
      eta_ms: 900,
      steps: [
        { step: "dependencies", state: "done", done: 1, all: 1 },
        { step: "starting", state: "done" },
        { step: "answer", state: "now" },
        { step: "opening", state: "waiting" },
      ],
    });
  });

  it("no service worker may keep what it tells", async (t) => {
    const world = await hookWorld(t);
    for (const name of ["ping", "health", "wait", "steps", "logs"]) {
      const { headers } = await world.ask(`/.nodoff/${name}?route=blog`, host);
      deepEqual([headers.vary, headers["cache-control"]], ["*", "no-store"], name);
    }
  });

  const hostless = routeSpec({ alias: "hostless", hosts: [] });
  const elsewhere = routeSpec({ alias: "elsewhere", hosts: ["far.test"], door: doorSpec({ strategy: "redirect" }) });
  for (const [query, at, status] of [
    ["?route=blog", "Blog.test:8443", 200],
    ["", "blog.test", 200],
    ["", "other.test", 404],
    ["?route=blog", "other.test", 404],
    ["?route=absent", "blog.test", 404],
    ["?route=hostless", "other.test", 200],
    ["?route=elsewhere", "nodoff.test", 200],
    ["?route=elsewhere", "nodoff.test.evil.test", 404],
    ["?route=blog", "nodoff.test", 404],
  ] as const) {
    it(`health${query} at ${at} → ${status}`, async (t) => {
      const deps = { publicUrl: "https://nodoff.test:8443/" };
      const world = await hookWorld(t, { deps, others: [hostless, elsewhere] });
      equal((await world.ask(`/.nodoff/health${query}`, { host: at })).status, status);
    });
  }

  it("through the hook ?route= is checked against the client's host too", async (t) => {
    const world = await hookWorld(t, { others: [routeSpec({ alias: "other", hosts: ["other.test"] })] });
    const told = await world.ask("/auth/traefik?route=blog", forwarded("/.nodoff/health?route=other"));
    deepEqual([told.status, (json(told) as { code: string }).code], [404, "UNKNOWN_ROUTE"]);
  });

  it("nothing else is there, and only reading is allowed", async (t) => {
    const world = await hookWorld(t);
    equal((await world.ask("/.nodoff/secrets?route=blog", host)).status, 404);
    equal((await world.ask("/.nodoff/constructor?route=blog", host)).status, 404);
    equal((await world.ask("/.nodoff/health?route=blog", host, { method: "POST" })).status, 405);
  });

  it("never wakes and never counts", async (t) => {
    const world = await hookWorld(t);
    for (const path of ["ping", "health", "wait", "logs"]) await world.ask(`/.nodoff/${path}?route=blog&retry=1`, host);
    deepEqual([world.blog.wakes, world.gate.asked.length, world.route.requestsTotal], [[], 0, 0]);
  });
});

describe("wait", () => {
  it("answers at once where the state is news", async (t) => {
    const world = await hookWorld(t);
    for (const query of ["", "&since=", "&since=starting"]) {
      deepEqual(json(await world.ask(`/.nodoff/wait?route=blog${query}`, host)), {
        status: "starting",
        state: "napping",
        eta_ms: null,
      });
    }
  });

  it("else answers at the next change, and only at one", async (t) => {
    const world = await hookWorld(t);
    world.blog.become("starting");
    const pending = world.clock.pending;
    const told = world.ask("/.nodoff/wait?route=blog&since=starting", host);
    await until(() => world.clock.pending > pending);
    world.journal.publish({ type: "wake", alias: "blog", message: "", step: "waiting_ready" });
    world.blog.become("starting");
    await settle();
    world.blog.become("ready");
    deepEqual(json(await told), { status: "running", state: "ready", eta_ms: null });
    equal(world.clock.pending, pending);
  });

  it("answers after 20 s without a change", async (t) => {
    const world = await hookWorld(t);
    const told = world.ask("/auth/caddy", forwarded("/.nodoff/wait?route=blog&since=napping"));
    await until(() => world.clock.pending > 0);
    world.clock.advance(19_999);
    await settle();
    let answered = false;
    void told.then(() => (answered = true));
    equal(answered, false);
    world.clock.advance(1);
    deepEqual([(await told).status, json(await told)], [503, { status: "starting", state: "napping", eta_ms: null }]);
  });

  it("forgets who left", async (t) => {
    const world = await hookWorld(t);
    const caller = new AbortController();
    const options = { signal: caller.signal };
    const told = world.ask("/.nodoff/wait?route=blog&since=napping", host, options).catch(() => "gone");
    await until(() => world.clock.pending > 0);
    caller.abort();
    await told;
    await until(() => world.clock.pending === 0);
  });

  it("releases all of many at one change", async (t) => {
    const world = await hookWorld(t);
    const all = Array.from({ length: 700 }, () => world.ask("/.nodoff/wait?route=blog&since=napping", host));
    await until(() => world.clock.pending === 700);
    world.blog.become("ready");
    const states = new Set((await Promise.all(all)).map(({ text }) => text));
    deepEqual(
      [...states].map((text) => JSON.parse(text).state),
      ["ready"],
    );
  });

  it("answers at shutdown, and at once from then on", async (t) => {
    const world = await hookWorld(t);
    const told = world.ask("/.nodoff/wait?route=blog&since=napping", host);
    await until(() => world.clock.pending > 0);
    world.hook.close();
    equal((await told).status, 200);
    equal((await world.ask("/.nodoff/wait?route=blog&since=napping", host)).status, 200);
  });
});

describe("limits", () => {
  it("status and logs have each its own, per client, counted by the address its proxy gives", async (t) => {
    const limits = { statusPerClient: { count: 2, perMs: 10_000 }, logsPerClient: { count: 1, perMs: 10_000 } };
    const world = await hookWorld(t, { deps: { limits } });
    const ask = async (path: string, client: string) =>
      (await world.ask(`/.nodoff/${path}?route=blog`, { ...host, "x-forwarded-for": client })).status;
    deepEqual([await ask("health", "10.1.1.1"), await ask("wait", "10.1.1.1")], [200, 200]);
    deepEqual([await ask("health", "10.1.1.1"), await ask("health", "6.6.6.6, 10.1.1.1")], [429, 429]);
    deepEqual([await ask("health", "10.1.1.2"), await ask("ping", "10.1.1.1")], [200, 200]);
    deepEqual([await ask("logs", "10.1.1.1"), await ask("logs", "10.1.1.1")], [200, 429]);
    world.clock.advance(10_000);
    equal(await ask("health", "10.1.1.1"), 200);
  });

  it("says when to come again", async (t) => {
    const limits = { statusPerClient: { count: 0, perMs: 10_000 }, logsPerClient: { count: 1, perMs: 1 } };
    const world = await hookWorld(t, { deps: { limits } });
    const told = await world.ask("/.nodoff/health?route=blog", host);
    deepEqual([told.status, told.headers["retry-after"]], [429, "2"]);
  });
});

describe("logs", () => {
  it("are empty unless they are allowed, and then nobody is asked for them", async (t) => {
    const world = await hookWorld(t);
    world.blog.output = ["secret"];
    deepEqual(json(await world.ask("/.nodoff/logs?route=blog", host)), { lines: [] });
    equal(world.blog.logReads, 0);
  });

  it("come as plain text, and one look at the engine serves a second's askers", async (t) => {
    const world = await hookWorld(t, { loading: { showLogs: true } });
    world.blog.output = ["\u001b[31mred\u001b[0m\u0007 and\ttab", `long ${"x".repeat(600)}`, "<b>"];
    const [first] = await Promise.all([1, 2, 3].map(() => world.ask("/.nodoff/logs?route=blog", host)));
    const { lines } = json(first!) as { lines: string[] };
    deepEqual([lines[0], lines[1]?.length, lines[2]], ["red and\ttab", 500, "<b>"]);
    equal(world.blog.logReads, 1);
    world.clock.advance(1_000);
    await world.ask("/.nodoff/logs?route=blog", host);
    equal(world.blog.logReads, 2);
  });
});

interface Stream {
  readonly response: IncomingMessage;
  /** Reads on until `mark` is in it and its last event is whole. */
  text(mark: string): Promise<string>;
}

async function openStream(t: TestContext, world: HookWorld, headers: Record<string, string> = {}): Promise<Stream> {
  const path = "/.nodoff/events?route=blog";
  const sent = request({ host: "127.0.0.1", port: world.port, path, headers: { ...host, ...headers }, agent: false });
  t.after(() => sent.destroy());
  sent.end();
  const response = await new Promise<IncomingMessage>((resolve) => sent.on("response", resolve));
  let all = "";
  response.setEncoding("utf8");
  response.on("data", (chunk: string) => (all += chunk));
  response.on("error", () => undefined);
  return {
    response,
    async text(mark) {
      await until(() => all.includes(mark) && all.endsWith("\n\n"));
      return all;
    },
  };
}

const framesOf = (text: string): unknown[] =>
  text
    .split("\n\n")
    .filter((frame) => frame.includes("data: "))
    .map((frame) => {
      const [, id] = /^id: (\d+)$/m.exec(frame) ?? [];
      const { timestamp, ...event } = JSON.parse(frame.slice(frame.indexOf("data: ") + 6));
      match(timestamp, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
      return [id === undefined ? null : Number(id), event];
    });

describe("events", () => {
  it("streams the latest wake's steps first, then each as it comes, unchunked and in words for strangers", async (t) => {
    const world = await hookWorld(t);
    const wake = (step: "starting" | "error" | "started" | "ready", more = {}) =>
      world.journal.publish({ type: "wake", alias: "blog", message: "container blog-web", step, ...more });
    wake("starting");
    wake("error", { failure: engineFailure });
    const first = wake("starting", { etaMs: 900 });
    world.journal.publish({ type: "health", alias: "blog", message: "noise" });
    world.journal.publish({ type: "wake", alias: "other", message: "", step: "ready" });
    world.blog.become("starting");
    const stream = await openStream(t, world);
    equal(stream.response.headers["content-type"], "text/event-stream");
    equal(stream.response.headers["transfer-encoding"], undefined);
    equal(stream.response.headers["access-control-allow-origin"], undefined);
    await stream.text("\n\n");
    const started = wake("started");
    const failed = wake("error", { failure: engineFailure });
    const text = await stream.text("ended unexpectedly");
    deepEqual(framesOf(text), [
      [first.id, { type: "starting", message: "Waking up", eta_ms: 900 }],
      [started.id, { type: "started", message: "Started" }],
      [failed.id, { type: "error", message: "It could not be woken", error: "The service ended unexpectedly" }],
    ]);
    ok(!text.includes("blog-web"));
  });

  it("shows the engine's words with show_details", async (t) => {
    const world = await hookWorld(t, { workload: { showDetails: true } });
    world.blog.become("starting");
    const stream = await openStream(t, world);
    const failure = engineFailure;
    const { id } = world.journal.publish({ type: "wake", alias: "blog", message: "it broke", step: "error", failure });
    const text = await stream.text("code 1");
    deepEqual(framesOf(text), [[id, { type: "error", message: "it broke", error: engineFailure.message }]]);
  });

  it("goes on after Last-Event-ID, and starts over when that is from before a restart", async (t) => {
    const world = await hookWorld(t);
    const ids = (["starting", "started", "waiting_ready"] as const).map(
      (step) => world.journal.publish({ type: "wake", alias: "blog", message: "", step }).id,
    );
    world.blog.become("starting");
    const resumed = await openStream(t, world, { "last-event-id": String(ids[1]) });
    const later = await openStream(t, world, { "last-event-id": "4711" });
    const { id } = world.journal.publish({ type: "wake", alias: "blog", message: "", step: "ready" });
    const idsOf = async (stream: Stream) =>
      framesOf(await stream.text(`id: ${id}\n`)).map((frame) => (frame as [number])[0]);
    deepEqual(await idsOf(resumed), [ids[2], id]);
    deepEqual(await idsOf(later), [...ids, id]);
  });

  it("tells the outcome to who comes when all is over and forgotten", async (t) => {
    const world = await hookWorld(t);
    world.blog.become("ready");
    deepEqual(framesOf(await (await openStream(t, world)).text("ready")), [
      [null, { type: "ready", message: "Ready" }],
    ]);
    world.journal.publish({ type: "wake", alias: "blog", message: "", step: "ready" });
    equal(framesOf(await (await openStream(t, world)).text("ready")).length, 1);
  });

  it("beats every 20 s with one timer for all, and stops with the last stream", async (t) => {
    const world = await hookWorld(t);
    const first = await openStream(t, world);
    const second = await openStream(t, world);
    equal(world.clock.pending, 1);
    world.clock.advance(20_000);
    await first.text(":\n\n");
    await second.text(":\n\n");
    equal(world.clock.pending, 1);
    first.response.destroy();
    second.response.destroy();
    await settle();
    await until(() => {
      world.clock.advance(20_000);
      return world.clock.pending === 0;
    });
  });

  it("keeps the order for everybody when events come faster than they are told", async (t) => {
    const world = await hookWorld(t);
    world.blog.become("starting");
    const streams = await Promise.all(Array.from({ length: 510 }, () => openStream(t, world)));
    const steps = ["started", "waiting_ready", "ready"] as const;
    const ids = steps.map((step) => world.journal.publish({ type: "wake", alias: "blog", message: "", step }).id);
    for (const stream of [streams[0]!, streams.at(-1)!]) {
      const text = await stream.text(`id: ${ids[2]}\n`);
      deepEqual(
        framesOf(text).map((frame) => (frame as [number])[0]),
        ids,
      );
    }
  });

  it("ends the streams at shutdown", async (t) => {
    const world = await hookWorld(t);
    const stream = await openStream(t, world);
    const ended = new Promise((resolve) => stream.response.on("end", resolve));
    world.hook.close();
    await ended;
    equal((await world.ask("/.nodoff/events?route=blog", host)).status, 503);
  });
});

describe("loading", () => {
  const page = (link: string) => `/.nodoff/loading?${new URLSearchParams({ route: "blog", return: link }).toString()}`;

  it("shows the page, leading to the return address", async (t) => {
    const world = await hookWorld(t, { loading: { title: "Blog", redirectPath: "/home" } });
    world.blog.become("starting", { since: world.clock.wall() - 1_500, etaMs: 2_400 });
    const told = await world.ask(page("https://blog.test/a?b#c"), { ...host, "accept-language": "de" });
    equal(told.status, 503);
    deepEqual(json(told), {
      kind: "loading",
      route: "blog",
      title: "Blog",
      icon: null,
      theme: "default",
      state: "starting",
      elapsedMs: 1_500,
      etaMs: 2_400,
      steps: [
        { step: "starting", state: "now" },
        { step: "answer", state: "waiting" },
        { step: "opening", state: "waiting" },
      ],
      failure: null,
      nextTryInMs: null,
      retryAfterS: 3,
      showLogs: false,
      link: "https://blog.test/a?b#c",
      redirectPath: "/home",
      language: "de",
      replayable: true,
    });
  });

  it("shows a failure without the engine's words, with the time of the next try", async (t) => {
    const world = await hookWorld(t);
    world.blog.become("error", { failure: engineFailure, nextTryAt: world.clock.wall() + 4_200 });
    const model = json(await world.ask(page("https://blog.test/"), host)) as Record<string, unknown>;
    deepEqual(
      [model.kind, model.failure, model.nextTryInMs, model.retryAfterS],
      ["failed", { code: "EXITED", detail: null }, 4_200, 5],
    );
  });

  it("leads on at once when the service is there", async (t) => {
    const world = await hookWorld(t);
    world.blog.become("ready");
    const told = await world.ask(page("https://blog.test/a?b"), host);
    deepEqual([told.status, told.headers.location], [307, "https://blog.test/a?b"]);
  });

  it("answers a wrong return address with 400, also when the service is there", async (t) => {
    const world = await hookWorld(t);
    world.blog.become("ready");
    const told = await world.ask(page("https://evil.test/"), host);
    deepEqual([told.status, (json(told) as { code: string }).code], [400, "BAD_RETURN"]);
    equal(told.headers.location, undefined);
  });
});
