import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { NodoffError } from "../core/errors.ts";
import type { Answer, DoorOptions, RequestFacts } from "../core/gate.ts";
import type { PageModel } from "../core/pages.ts";
import type { Route } from "../core/route.ts";
import type { DoorSpec } from "../core/spec.ts";
import { createWaiterBudget } from "../core/waiter-budget.ts";
import { engineWorld, type WorldOptions } from "../../test/support/engine-world.ts";
import { apiHeaders, doorOptions, requestFacts } from "../../test/support/facts.ts";
import { settle } from "../../test/support/fake-clock.ts";
import { doorSpec, routeSpec } from "../../test/support/specs.ts";
import { createGate } from "./gate.ts";

interface GateOptions extends WorldOptions {
  readonly door?: Partial<DoorSpec>;
  readonly perWorkload?: number;
  readonly publicUrl?: string;
  readonly isLed?: boolean;
}

async function gateWorld(options: GateOptions = {}) {
  const world = await engineWorld(options);
  const rendered: PageModel[] = [];
  const gate = createGate({
    clock: world.clock,
    logger: world.logger,
    pages: {
      render(model) {
        rendered.push(model);
        return { status: 503, headers: { "x-page": model.kind }, body: Buffer.from(model.kind) };
      },
    },
    budget: createWaiterBudget({ perWorkload: options.perWorkload ?? 100, total: 1_000 }),
    matchesAddress: (cidrs) => (address) => cidrs.includes(address),
    publicUrl: options.publicUrl ?? null,
    isLed: () => options.isLed === true,
  });
  world.supervisor.configure({
    workloads: [world.app.spec],
    routes: [routeSpec({ door: doorSpec(options.door) })],
  });
  const route = world.supervisor.registry.get("app");
  assert.ok(route);
  const admit = async (
    facts: Partial<RequestFacts> = {},
    door: Partial<DoorOptions> = {},
    ms = 1_000,
  ): Promise<Answer> => {
    const answer = gate.admit(route, requestFacts(facts), doorOptions(door));
    await world.clock.advanceAsync(ms);
    return answer;
  };
  return { ...world, gate, route, rendered, admit };
}

function reply(answer: Answer): Answer & { kind: "reply" } {
  assert.equal(answer.kind, "reply");
  return answer as Answer & { kind: "reply" };
}

const running = { power: "running", startedAt: 0 } as const;

void describe("ready", () => {
  void it("allows synchronously and counts the request as use", async () => {
    const { gate, route, app, clock } = await gateWorld({ engine: running });
    clock.advance(5_000);
    const answer = gate.admit(route, requestFacts(), doorOptions());
    assert.deepEqual(answer, { kind: "allow", decision: "allow" });
    assert.equal(app.lastUsedAt, clock.now());
    assert.deepEqual([route.requestsTotal, route.decisions.allow], [1, 1]);
  });

  for (const [what, facts] of [
    ["a monitor", { headers: { "user-agent": "Uptime-Kuma/1.23" } }],
    ["a bare HEAD", { method: "HEAD", headers: {} }],
    ["a preflight", { method: "OPTIONS", headers: {} }],
    ["the page's own probe", { probe: true }],
  ] as const) {
    void it(`allows ${what} without counting it`, async () => {
      const { gate, route, app } = await gateWorld({ engine: running });
      const before = app.lastUsedAt;
      const answer = gate.admit(route, requestFacts(facts), doorOptions());
      assert.deepEqual(answer, { kind: "allow", decision: "allow", counted: false });
      assert.equal(app.lastUsedAt, before);
      assert.equal(route.requestsTotal, 0);
    });
  }

  void it("allows and counts on a route that never sleeps", async () => {
    const { supervisor, gate } = await gateWorld();
    supervisor.configure({
      workloads: [],
      routes: [routeSpec({ workload: null, upstream: { kind: "url", url: "http://10.0.0.9:80" } })],
    });
    const route = supervisor.registry.get("app") as Route;
    assert.equal(route.upstream(), "http://10.0.0.9:80");
    assert.equal((gate.admit(route, requestFacts(), doorOptions()) as Answer).kind, "allow");
  });
});

void describe("napping", () => {
  void it("wakes for a navigation and shows the page when grace is over", async () => {
    const { admit, app, rendered } = await gateWorld({ answers: () => false });
    const answer = reply(await admit({ path: "/deep", query: "?q=1" }));
    assert.equal(app.state, "starting");
    assert.equal(answer.headers["x-page"], "loading");
    assert.equal(rendered[0]?.link, "/deep?q=1");
    assert.equal(rendered[0]?.state, "starting");
  });

  void it("lets a navigation through that is ready within grace", async () => {
    const { admit } = await gateWorld();
    assert.deepEqual(await admit(), { kind: "allow", decision: "hold_allow", counted: true });
  });

  void it("holds an API request until ready, however long the app takes within hold", async () => {
    let answers = false;
    const { admit, clock } = await gateWorld({ answers: () => answers });
    const answer = admit({ headers: apiHeaders, method: "POST" }, {}, 0);
    await clock.advanceAsync(20_000);
    answers = true;
    await clock.advanceAsync(1_000);
    assert.deepEqual(await answer, { kind: "allow", decision: "hold_allow", counted: true });
  });

  void it("answers 503 with Retry-After when the hold is over, never later than the dialect allows", async () => {
    const { gate, route, clock } = await gateWorld({ answers: () => false });
    const held = Promise.resolve(
      gate.admit(route, requestFacts({ headers: apiHeaders }), doorOptions({ maxHoldMs: 9_000 })),
    );
    let done = false;
    void held.then(() => (done = true));
    await clock.advanceAsync(8_900);
    assert.equal(done, false);
    await clock.advanceAsync(200);
    assert.equal(done, true);
    const answer = reply(await held);
    assert.equal(answer.status, 503);
    assert.ok(Number(answer.headers["retry-after"]) >= 1);
    assert.equal(answer.headers["x-nodoff-state"], "starting");
  });

  void it("does not wake for a monitor", async () => {
    const { admit, app, provider } = await gateWorld();
    const answer = reply(await admit({ headers: { "user-agent": "Uptime-Kuma/2.0" } }));
    assert.equal(answer.status, 503);
    assert.equal(app.state, "napping");
    assert.equal(provider.count("start"), 0);
  });

  void it("gives monitors the asleep_answer where one is configured", async () => {
    const { admit } = await gateWorld({ door: { asleepAnswer: { status: 200, body: "dormant" } } });
    const answer = reply(await admit({ headers: { "user-agent": "Uptime-Kuma/2.0" } }));
    assert.deepEqual([answer.status, answer.body], [200, "dormant"]);
  });

  void it("wakes for a preflight and holds it, uncounted", async () => {
    const { admit, route } = await gateWorld();
    const answer = await admit({ method: "OPTIONS", headers: { origin: "https://other.test" } });
    assert.equal(answer.kind, "allow");
    assert.equal(route.requestsTotal, 0);
  });

  void it("lets nobody wake it elsewhere than at start_endpoint", async () => {
    const { admit, app } = await gateWorld({ door: { startEndpoint: "/start" } });
    assert.equal(reply(await admit({ headers: apiHeaders })).status, 403);
    assert.equal(app.state, "napping");
    assert.equal((await admit({ path: "/start" })).kind, "allow");
  });

  void it("stops a client that causes more wakes than its quota, and no other", async () => {
    const { admit, supervisor, provider } = await gateWorld({ door: { wakeQuota: { count: 1, perMs: 60_000 } } });
    assert.equal((await admit({ headers: apiHeaders })).kind, "allow");
    provider.outside.stop("app");
    await settle();
    const refused = reply(await admit({ headers: apiHeaders }));
    assert.equal(refused.status, 429);
    assert.doesNotMatch(String(refused.body), /"app"/);
    assert.equal(supervisor.workload("app")?.state, "napping");
    assert.equal((await admit({ headers: apiHeaders, client: "10.1.1.2" })).kind, "allow");
  });

  void it("keeps count per workload however many doors with quotas of their own lead to it", async () => {
    const { app, gate, supervisor, provider, clock } = await gateWorld();
    const doors = [1, 2].map((hours) => ({ wakeQuota: { count: 1, perMs: hours * 3_600_000 } }));
    supervisor.configure({
      workloads: [app.spec],
      routes: doors.map((door, at) => routeSpec({ alias: `door-${at}`, workload: "app", door: doorSpec(door) })),
    });
    const answers: Promise<Answer>[] = [];
    for (const alias of ["door-0", "door-1", "door-0", "door-1"]) {
      answers.push(
        Promise.resolve(
          gate.admit(supervisor.registry.get(alias) as Route, requestFacts({ headers: apiHeaders }), doorOptions()),
        ),
      );
      await clock.advanceAsync(500);
      provider.outside.stop("app");
      await settle();
    }
    assert.equal(provider.count("start"), 2, "one by each door");
    assert.deepEqual(
      (await Promise.all(answers)).map(({ kind }) => kind),
      ["allow", "allow", "reply", "reply"],
    );
  });

  void it("charges a wake queued behind a stop to the client that asked for it, once", async () => {
    const { admit, app, clock, provider, gate, route } = await gateWorld({
      engine: running,
      door: { wakeQuota: { count: 1, perMs: 600_000 } },
    });
    const stop = provider.hang("stop");
    clock.advance(16 * 60_000);
    await stop.begun;
    const held = [1, 2].map(() =>
      Promise.resolve(gate.admit(route, requestFacts({ headers: apiHeaders }), doorOptions())),
    );
    stop.release();
    await clock.advanceAsync(1_000);
    const [first, second] = await Promise.all(held);
    assert.equal(first?.kind, "allow");
    assert.equal(second?.kind === "reply" && second.status, 429, "its one wake is spent while the stop goes on");
    provider.outside.stop("app");
    await settle();
    assert.equal(reply(await admit({ headers: apiHeaders })).status, 429);
    assert.equal(app.state, "napping");
  });

  void it("refuses more waiters than the cap, and keeps no place for those who left", async () => {
    const { gate, route, clock } = await gateWorld({ answers: () => false, perWorkload: 2 });
    const api = requestFacts({ headers: apiHeaders });
    const leaver = new AbortController();
    const first = gate.admit(route, api, doorOptions({ signal: leaver.signal }));
    void gate.admit(route, api, doorOptions());
    await settle();
    const third = reply(await gate.admit(route, api, doorOptions()));
    assert.equal(JSON.parse(String(third.body)).code, "TOO_MANY_WAITERS");
    const browser = reply(await gate.admit(route, requestFacts(), doorOptions()));
    assert.equal(browser.headers["x-page"], "loading", "a page waits by itself");
    leaver.abort();
    assert.deepEqual(await first, { kind: "left" });
    const fourth = Promise.resolve(gate.admit(route, api, doorOptions()));
    await clock.advanceAsync(25_000);
    assert.equal(JSON.parse(String(reply(await fourth).body)).code, "WAKING");
  });

  void it("redirects navigations where told to, and only those", async () => {
    const { admit } = await gateWorld({
      answers: () => false,
      door: { strategy: "redirect", holdMs: 500 },
      publicUrl: "https://nodoff.test/",
    });
    const answer = reply(await admit({ path: "/a", query: "?b=1" }));
    assert.equal(answer.status, 307);
    const location = new URL(answer.headers.location ?? "");
    assert.equal(location.origin + location.pathname, "https://nodoff.test/.nodoff/loading");
    assert.equal(location.searchParams.get("return"), "http://app.test/a?b=1");
    assert.equal(reply(await admit({ headers: apiHeaders })).status, 503);
  });
});

void describe("hand-over auto", () => {
  const door = { handOver: "auto" } as const;

  void it("is docker's, until Traefik takes its way from nodoff", async () => {
    const world = await gateWorld({ door });
    assert.equal(reply(await world.admit({ headers: apiHeaders }, {}, 3_000)).status, 307);
    const led = await gateWorld({
      door,
      isLed: true,
      handOver: { isLed: () => true, untilSeen: () => Promise.resolve("seen") },
    });
    assert.equal((await led.admit({ headers: apiHeaders }, {}, 500)).kind, "allow");
  });
});

void describe("hand-over docker", () => {
  const door = { handOver: "docker" } as const;

  void it("sends held GETs back to the same address once Traefik can know, and nobody after that", async () => {
    const { admit } = await gateWorld({ door });
    const get = reply(await admit({ headers: apiHeaders, path: "/x", query: "?y" }, {}, 2_700));
    assert.deepEqual([get.status, get.headers.location], [307, "http://app.test/x?y"]);
    const ready = await admit({ headers: apiHeaders, method: "POST" });
    assert.equal(ready.kind, "allow", "once ready nobody is sent anywhere");
  });

  void it("answers a held POST 503, since it cannot be replayed", async () => {
    const { admit } = await gateWorld({ door });
    const post = reply(await admit({ headers: apiHeaders, method: "POST" }, {}, 2_700));
    assert.deepEqual([post.status, post.headers["retry-after"]], [503, "1"]);
  });

  void it("is what via=docker asks for, with the time Traefik needs", async () => {
    const { gate, route, clock, app } = await gateWorld();
    const held = Promise.resolve(
      gate.admit(route, requestFacts({ headers: apiHeaders }), doorOptions({ via: "docker" })),
    );
    await clock.advanceAsync(2_300);
    assert.equal(app.state, "starting");
    await clock.advanceAsync(400);
    assert.equal(reply(await held).status, 307);
  });
});

void describe("trouble", () => {
  void it("tells held callers of a failed wake within the same moment, without engine words", async () => {
    const { gate, route, provider, clock } = await gateWorld({ answers: () => false });
    const held = Promise.resolve(gate.admit(route, requestFacts({ headers: apiHeaders }), doorOptions()));
    await clock.advanceAsync(300);
    provider.outside.crash("app", 7);
    const answer = reply(await held);
    assert.equal(answer.status, 503);
    assert.equal(JSON.parse(String(answer.body)).code, "EXITED");
    assert.doesNotMatch(String(answer.body), /code 7/);
  });

  void it("gives engine words with show_details", async () => {
    const { admit, provider } = await gateWorld({ spec: { showDetails: true } });
    provider.fail("start", new NodoffError("BAD_COMMAND", "exec: no such file"));
    const answer = reply(await admit({ headers: apiHeaders }));
    assert.match(String(answer.body), /no such file/);
  });

  void it("shows the time of the next try inside the back-off, and starts nothing", async () => {
    const { admit, provider, rendered } = await gateWorld();
    provider.fail("start", new NodoffError("ENGINE_ERROR", "no"));
    await admit({ headers: apiHeaders });
    const answer = reply(await admit({ headers: apiHeaders }));
    assert.ok(JSON.parse(String(answer.body)).next_try_at);
    assert.equal(provider.count("start"), 1);
    await admit();
    assert.equal(rendered.at(-1)?.kind, "failed");
    assert.ok((rendered.at(-1)?.nextTryInMs ?? 0) > 0);
  });

  void it("holds up to two seconds for the first look, then allows", async () => {
    const { gate, route, clock } = await gateWorld({ lost: true });
    const held = Promise.resolve(gate.admit(route, requestFacts(), doorOptions()));
    await clock.advanceAsync(2_100);
    assert.equal((await held).kind, "allow");
  });

  void it("decides anew once the first look is there", async () => {
    const { gate, route, clock, provider, app } = await gateWorld({ lost: true });
    const held = Promise.resolve(gate.admit(route, requestFacts({ headers: apiHeaders }), doorOptions()));
    await clock.advanceAsync(500);
    provider.back();
    await clock.advanceAsync(500);
    assert.equal((await held).kind, "allow");
    assert.equal(app.state, "ready");
    assert.equal(provider.count("start"), 1);
  });

  void it("says gone for what was deleted", async () => {
    const { admit, provider } = await gateWorld();
    provider.outside.delete("app");
    await settle();
    assert.equal(JSON.parse(String(reply(await admit({ headers: apiHeaders })).body)).code, "GONE");
  });

  void it("tells held callers when somebody stops it under them, and wakes for the next request only", async () => {
    let answers = false;
    const { gate, route, clock, provider, admit } = await gateWorld({ answers: () => answers });
    const held = Promise.resolve(gate.admit(route, requestFacts({ headers: apiHeaders }), doorOptions()));
    await clock.advanceAsync(300);
    provider.outside.stop("app");
    await settle();
    assert.equal(JSON.parse(String(reply(await held).body)).code, "STOPPED_OUTSIDE");
    assert.equal(provider.count("start"), 1);
    answers = true;
    assert.equal((await admit({ headers: apiHeaders })).kind, "allow");
    assert.equal(provider.count("start"), 2);
  });
});

void describe("present (what nginx and Caddy ask for after the hook)", () => {
  void it("never holds, wakes what sleeps, and pages a ready route without starting anything", async () => {
    const { gate, route, provider, clock } = await gateWorld();
    const first = reply(gate.present(route, requestFacts()));
    assert.equal(first.headers["x-page"], "loading");
    await clock.advanceAsync(500);
    assert.equal(provider.count("start"), 1);
    const again = reply(gate.present(route, requestFacts()));
    assert.equal(again.headers["x-page"], "loading");
    await settle();
    assert.equal(provider.count("start"), 1);
  });

  void it("counts nothing: the hook has done that", async () => {
    const { gate, route } = await gateWorld();
    const before = { ...route.decisions };
    gate.present(route, requestFacts());
    assert.deepEqual(route.decisions, before);
    assert.equal(route.requestsTotal, 0);
  });

  void it("notices by it that a ready one was stopped behind our back", async () => {
    const { gate, route, app, provider } = await gateWorld({ engine: running });
    provider.lose();
    provider.outside.stop("app");
    provider.back();
    gate.present(route, requestFacts());
    await settle();
    assert.equal(app.state, "napping");
  });
});
