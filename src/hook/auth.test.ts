import { deepEqual, equal, match, ok } from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import type { Answer } from "../core/gate.ts";
import { wakingReply } from "../../test/support/fake-doors.ts";
import { settle } from "../../test/support/fake-clock.ts";
import { forwarded, hookWorld, original } from "../../test/support/hook-world.ts";
import { routeSpec } from "../../test/support/specs.ts";

const dialects = [
  ["/auth/traefik", forwarded],
  ["/auth/caddy", forwarded],
  ["/auth/nginx", original],
] as const;

describe("allowing", () => {
  for (const [path, send] of dialects) {
    it(`${path}: an awake service is let through with an empty 200`, async (t) => {
      const world = await hookWorld(t);
      world.blog.become("ready");
      const told = await world.ask(path, send("/posts?a=1"));
      deepEqual([told.status, told.text, told.headers["content-length"]], [200, "", "0"]);
      equal(told.headers["x-nodoff-route"], "blog");
      equal(told.headers["x-nodoff-state"], "ready");
      equal(told.headers["x-nodoff-upstream"], undefined);
    });
  }

  it("tells the upstream only where ?route= named the route, and follows it when it moves", async (t) => {
    const world = await hookWorld(t);
    world.blog.become("ready");
    const first = await world.ask("/auth/traefik?route=blog", forwarded("/"));
    equal(first.headers["x-nodoff-upstream"], "http://172.17.0.2:2368");
    Object.assign(world.route, { upstream: () => "http://172.17.0.7:2368" });
    const second = await world.ask("/auth/traefik?route=blog", forwarded("/"));
    equal(second.headers["x-nodoff-upstream"], "http://172.17.0.7:2368");
    const unnamed = await world.ask("/auth/traefik", forwarded("/"));
    equal(unnamed.headers["x-nodoff-upstream"], undefined);
    Object.assign(world.route, { upstream: () => null });
    const unknown = await world.ask("/auth/traefik?route=blog", forwarded("/"));
    equal(unknown.headers["x-nodoff-upstream"], undefined);
  });

  it("lets nobody keep what was allowed in doubt, or without the address that was asked for", async (t) => {
    const world = await hookWorld(t);
    const kept = async (path: string): Promise<boolean> => {
      const { status, headers } = await world.ask(path, original("/"));
      equal(status, 200);
      return headers["x-accel-expires"] !== "0";
    };
    world.blog.become("ready");
    deepEqual([await kept("/auth/nginx"), await kept("/auth/nginx?route=blog")], [true, true]);
    Object.assign(world.route, { upstream: () => null });
    deepEqual([await kept("/auth/nginx"), await kept("/auth/nginx?route=blog")], [true, false]);
    world.blog.become("unknown");
    world.gate.onAdmit = () => ({ kind: "allow", decision: "hold_allow" });
    deepEqual([await kept("/auth/nginx"), await kept("/auth/nginx?route=blog")], [false, false]);
  });

  it("waits with its answer while the engine is asked for the address", async (t) => {
    const world = await hookWorld(t);
    world.blog.become("ready");
    let address: string | null = null;
    Object.assign(world.route, { upstream: () => address });
    const { promise, resolve } = Promise.withResolvers<void>();
    world.blog.locating = promise;
    const answer = world.ask("/auth/nginx?route=blog", original("/"));
    // Who does not go where nodoff says need not wait for it.
    equal((await world.ask("/auth/nginx", original("/"))).status, 200);
    address = "http://172.17.0.2:2368";
    world.blog.locating = null;
    resolve();
    const { status, headers } = await answer;
    deepEqual([status, headers["x-nodoff-upstream"]], [200, "http://172.17.0.2:2368"]);
  });

  it("answers an upgrade without an upgrade listener", async (t) => {
    const world = await hookWorld(t);
    world.blog.become("ready");
    const told = await world.ask("/auth/caddy", forwarded("/ws", { connection: "Upgrade", upgrade: "websocket" }));
    equal(told.status, 200);
    equal(world.gate.asked[0]?.facts.upgrade, true);
  });

  it("lets through while awake even when the gate fails, and says no while asleep", async (t) => {
    const world = await hookWorld(t);
    const defect = new Error("defect");
    world.gate.onAdmit = () => {
      throw defect;
    };
    equal((await world.ask("/auth/traefik", forwarded("/"))).status, 500);
    world.blog.become("ready");
    equal((await world.ask("/auth/traefik", forwarded("/"))).status, 200);
    world.gate.onAdmit = () => Promise.reject(defect);
    equal((await world.ask("/auth/traefik", forwarded("/"))).status, 200);
    equal(world.lines.filter(({ level, context }) => level === "error" && context.error === defect).length, 3);
  });

  it("never says 2xx for a no, whatever the answer's status: that would be a yes", async (t) => {
    const world = await hookWorld(t);
    world.gate.onAdmit = () => ({ kind: "reply", decision: "asleep", status: 200, headers: {}, body: "dormant" });
    for (const path of ["/auth/traefik", "/auth/caddy"]) {
      const told = await world.ask(path, forwarded("/"));
      deepEqual([told.status, told.text], [503, "dormant"]);
    }
    equal((await world.ask("/auth/nginx", original("/"))).status, 401);
    world.gate.onPresent = () => ({ kind: "reply", decision: "asleep", status: 204, headers: {}, body: "dormant" });
    const presented = await world.ask("/wake", original("/"));
    deepEqual([presented.status, presented.text, presented.headers["content-length"]], [204, "", undefined]);
  });

  it("hands over by URL to all but Traefik, whose hook address may say how", async (t) => {
    const world = await hookWorld(t);
    const via = async (path: string, send: typeof forwarded): Promise<unknown> => {
      await world.ask(path, send("/"));
      return world.gate.asked.at(-1)?.options?.via;
    };
    equal(await via("/auth/traefik", forwarded), null);
    equal(await via("/auth/traefik?via=docker", forwarded), "docker");
    equal(await via("/auth/caddy?via=docker", forwarded), "url");
    equal(await via("/auth/nginx?via=docker", original), "url");
  });

  it("refuses a host that would lead elsewhere in a Location", async (t) => {
    const world = await hookWorld(t);
    const host = "blog.test:80@evil.test";
    equal((await world.ask("/auth/traefik", { ...forwarded("/"), "x-forwarded-host": host })).status, 400);
    equal(world.gate.asked.length, 0);
  });

  it("counts each answer's time once", async (t) => {
    const world = await hookWorld(t);
    await world.ask("/auth/traefik", forwarded("/"));
    world.blog.become("ready");
    await world.ask("/auth/traefik", forwarded("/"));
    equal(
      world.hook.timings.counts.reduce((sum, count) => sum + count, 0),
      2,
    );
  });
});

describe("refusing", () => {
  it("passes the gate's reply through Traefik and Caddy as it is", async (t) => {
    const world = await hookWorld(t);
    const page: Answer = {
      kind: "reply",
      decision: "page",
      status: 503,
      headers: { "content-type": "text/html", "retry-after": "3", "x-nodoff-state": "starting" },
      body: Buffer.from("<p>wäit"),
    };
    world.gate.onAdmit = () => page;
    for (const path of ["/auth/traefik", "/auth/caddy"]) {
      const told = await world.ask(path, forwarded("/"));
      deepEqual([told.status, told.text, told.headers["content-length"]], [503, "<p>wäit", "8"]);
      equal(told.headers["retry-after"], "3");
      equal(told.headers["x-nodoff-state"], "starting");
    }
  });

  for (const status of [503, 403, 429, 307]) {
    it(`nginx: a reply of ${status} becomes a bare 401 without WWW-Authenticate`, async (t) => {
      const world = await hookWorld(t);
      world.gate.onAdmit = () => ({
        kind: "reply",
        decision: "waking",
        status,
        headers: { location: "/x" },
        body: "b",
      });
      const told = await world.ask("/auth/nginx", original("/"));
      deepEqual([told.status, told.text, told.headers["content-length"]], [401, "", "0"]);
      equal(told.headers["www-authenticate"], undefined);
      equal(told.headers.location, undefined);
    });
  }

  it("answers a held caller when the gate decides", async (t) => {
    const world = await hookWorld(t);
    const { promise, resolve } = Promise.withResolvers<Answer>();
    world.gate.onAdmit = () => promise;
    const told = world.ask("/auth/nginx", original("/"));
    resolve({ kind: "allow", decision: "hold_allow" });
    equal((await told).status, 200);
  });

  it("tells the gate when a held caller leaves, and writes nothing to it", async (t) => {
    const world = await hookWorld(t);
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const held = Promise.withResolvers<AbortSignal>();
    world.gate.onAdmit = ({ options }) => {
      held.resolve(options!.signal);
      return promise;
    };
    const caller = new AbortController();
    const told = world.ask("/auth/traefik", forwarded("/"), { signal: caller.signal }).catch(() => "gone");
    const signal = await held.promise;
    equal(signal.aborted, false);
    caller.abort();
    await once(signal, "abort");
    resolve({ kind: "left" });
    equal(await told, "gone");
    await settle();
    deepEqual(
      world.lines.filter(({ level }) => level === "error"),
      [],
    );
  });

  it("does not call an answered caller gone", async (t) => {
    const world = await hookWorld(t);
    await world.ask("/auth/traefik", forwarded("/"));
    await settle();
    equal(world.gate.asked[0]?.options?.signal.aborted, false);
  });
});

describe("dialects", () => {
  const forged = {
    "x-forwarded-method": "DELETE",
    "x-forwarded-host": "other.test",
    "x-forwarded-uri": "/forged",
    "x-forwarded-for": "6.6.6.6",
    "x-forwarded-proto": "http",
  };
  const forgedOriginal = {
    "x-original-method": "DELETE",
    "x-original-uri": "/forged",
    "x-original-addr": "6.6.6.6",
    "x-original-proto": "http",
    "x-original-upgrade": "websocket",
  };

  for (const path of ["/auth/traefik", "/auth/caddy"]) {
    it(`${path} reads X-Forwarded-* alone`, async (t) => {
      const world = await hookWorld(t);
      await world.ask(path, forwarded("/a/b?q=1&q=2", { ...forgedOriginal, "x-real-ip": "6.6.6.6" }));
      const facts = { ...world.gate.asked[0]!.facts, headers: {} };
      deepEqual(facts, {
        method: "GET",
        host: "blog.test",
        path: "/a/b",
        query: "?q=1&q=2",
        proto: "https",
        client: "10.1.1.1",
        upgrade: false,
        probe: false,
        headers: {},
      });
    });
  }

  it("/auth/nginx reads Host and X-Original-* alone", async (t) => {
    const world = await hookWorld(t);
    await world.ask("/auth/nginx", original("/a?b", { ...forged, upgrade: "websocket", connection: "Upgrade" }));
    const facts = { ...world.gate.asked[0]!.facts, headers: {} };
    deepEqual(facts, {
      method: "GET",
      host: "blog.test",
      path: "/a",
      query: "?b",
      proto: "https",
      client: "10.1.1.1",
      upgrade: false,
      probe: false,
      headers: {},
    });
  });

  it("knows a WebSocket by what each proxy leaves of it, and the page's probe", async (t) => {
    const world = await hookWorld(t);
    await world.ask("/auth/traefik", forwarded("/", { "sec-websocket-key": "x", "x-nodoff-probe": "1" }));
    await world.ask("/auth/nginx", original("/", { "x-original-upgrade": "websocket", "x-nodoff-probe": "0" }));
    deepEqual(
      world.gate.asked.map(({ facts }) => [facts.upgrade, facts.probe]),
      [
        [true, true],
        [true, false],
      ],
    );
  });

  it("takes the client from the end of X-Forwarded-For, as far as there are proxies", async (t) => {
    const lists = ["10.1.1.1", "6.6.6.6, 10.1.1.1", "6.6.6.6, 10.1.1.1, 172.18.0.3"];
    for (const [hops, expected] of [
      [1, ["10.1.1.1", "10.1.1.1", "172.18.0.3"]],
      [2, ["10.1.1.1", "6.6.6.6", "10.1.1.1"]],
    ] as const) {
      const world = await hookWorld(t, { deps: { proxyHops: hops } });
      for (const list of lists) await world.ask("/auth/caddy", forwarded("/", { "x-forwarded-for": list }));
      deepEqual(
        world.gate.asked.map(({ facts }) => facts.client),
        expected,
      );
    }
  });

  for (const [uri, path, query] of [
    ["https://blog.test/a?b", "/a", "?b"],
    ["https://blog.test?b", "/", "?b"],
    ["https://blog.test", "/", ""],
    ["*", "/", ""],
    ["garbage", "/garbage", ""],
    ["//evil.test/x", "//evil.test/x", ""],
    ["/%2e%2e/%00?%zz?&", "/%2e%2e/%00", "?%zz?&"],
  ] as const) {
    it(`reads the target ${uri}`, async (t) => {
      const world = await hookWorld(t);
      await world.ask("/auth/traefik", forwarded(uri));
      const { facts } = world.gate.asked[0]!;
      deepEqual([facts.path, facts.query], [path, query]);
    });
  }

  const needed = [
    ["/auth/traefik", forwarded, ["x-forwarded-method", "x-forwarded-host", "x-forwarded-uri"]],
    ["/auth/caddy", forwarded, ["x-forwarded-method", "x-forwarded-host", "x-forwarded-uri"]],
    ["/auth/nginx", original, ["x-original-method", "x-original-uri"]],
  ] as const;
  for (const [path, send, names] of needed) {
    for (const name of names) {
      it(`${path} without ${name} is a 400, told once, and never an allow`, async (t) => {
        const world = await hookWorld(t);
        world.blog.become("ready");
        for (const headers of [send("/", { [name]: "" }), without(send("/"), name)]) {
          const told = await world.ask(path, headers);
          equal(told.status, 400);
          equal(JSON.parse(told.text).code, "BAD_HOOK_REQUEST");
        }
        equal(world.gate.asked.length, 0);
        const lines = world.lines.filter(({ level }) => level === "warn");
        equal(lines.length, 1);
        equal(String(lines[0]?.context.header).toLowerCase(), name);
      });
    }
  }

  it("refuses a method that is none", async (t) => {
    const world = await hookWorld(t);
    equal((await world.ask("/auth/traefik", forwarded("/", { "x-forwarded-method": "GET /" }))).status, 400);
  });
});

function without(headers: Readonly<Record<string, string>>, name: string): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).filter(([key]) => key !== name));
}

describe("which route", () => {
  const hostless = routeSpec({ alias: "hostless", hosts: [] });
  const wild = routeSpec({ alias: "wild", hosts: ["*.apps.test", "**.deep.test"] });

  for (const [alias, host, taken] of [
    ["blog", "BLOG.test:8443", "blog"],
    ["blog", "other.test", null],
    ["hostless", "anything.test", "hostless"],
    ["wild", "a.apps.test", "wild"],
    ["wild", "a.b.apps.test", null],
    ["wild", "apps.test", null],
    ["wild", "a.b.deep.test:80", "wild"],
    ["wild", "xdeep.test", null],
    ["absent", "blog.test", "blog"],
    ["hostless&route=blog", "blog.test", "hostless"],
    ["blog&route=hostless", "other.test", null],
  ] as const) {
    it(`?route=${alias} at ${host} → ${taken ?? "no route"}`, async (t) => {
      const world = await hookWorld(t, { others: [hostless, wild] });
      await world.ask(`/auth/traefik?route=${alias}`, forwarded("/", { "x-forwarded-host": host }));
      equal(world.gate.asked[0]?.route.spec.alias ?? null, taken);
    });
  }

  it("a name that is not taken is counted each time and logged once", async (t) => {
    const world = await hookWorld(t);
    for (let times = 0; times < 3; times++) {
      await world.ask("/auth/nginx?route=blog", original("/", { host: "other.test" }));
    }
    equal(world.hook.ignoredNames, 3);
    const lines = world.lines.filter(({ message }) => message.includes("?route="));
    deepEqual(
      lines.map(({ level, context }) => [level, context.route, context.host]),
      [["warn", "blog", "other.test"]],
    );
  });

  it("reads &via= of the hook's own address", async (t) => {
    const world = await hookWorld(t);
    for (const query of ["?via=docker", "?route=blog&via=url", "?via=telnet", ""]) {
      await world.ask(`/auth/traefik${query}`, forwarded("/"));
    }
    deepEqual(
      world.gate.asked.map(({ options }) => options?.via),
      ["docker", "url", null, null],
    );
    ok(world.gate.asked.every(({ options }) => options?.maxHoldMs === 25_000));
  });

  it("an unknown host is let through, counted, and logged once", async (t) => {
    const world = await hookWorld(t);
    for (let times = 0; times < 2; times++) {
      const told = await world.ask("/auth/nginx", original("/", { host: "stranger.test" }));
      deepEqual([told.status, told.text], [200, ""]);
      equal(told.headers["x-nodoff-route"], undefined);
    }
    equal(world.hook.unknownHosts, 2);
    equal(world.lines.filter(({ context }) => context.host === "stranger.test").length, 1);
    equal(world.gate.asked.length, 0);
  });

  it("unknown_host: deny says 403 in every dialect", async (t) => {
    const world = await hookWorld(t, { deps: { unknownHost: "deny" } });
    equal((await world.ask("/auth/nginx", original("/", { host: "stranger.test" }))).status, 403);
    equal((await world.ask("/auth/caddy", forwarded("/", { "x-forwarded-host": "stranger.test" }))).status, 403);
  });

  it("a scanner's hosts fill neither the log nor the memory", async (t) => {
    const world = await hookWorld(t);
    for (let place = 0; place < 1_050; place++) {
      await world.ask("/auth/nginx", original("/", { host: `h${place}.test` }));
    }
    equal(world.hook.unknownHosts, 1_050);
    equal(world.lines.length, 1_000);
    world.clock.advance(3_600_001);
    await world.ask("/auth/nginx", original("/", { host: "later.test" }));
    equal(world.lines.length, 1_001);
  });
});

describe("trust", () => {
  it("answers others 403, once logged with the peer and the key, and asks no gate", async (t) => {
    const world = await hookWorld(t, { deps: { isTrusted: () => false } });
    world.blog.become("ready");
    const paths = ["/auth/traefik", "/auth/caddy?route=blog", "/auth/nginx", "/wake", "/.nodoff/ping?route=blog"];
    for (const path of paths) {
      const told = await world.ask(path, { ...forwarded("/"), ...original("/") });
      equal(told.status, 403);
      equal(JSON.parse(told.text).code, "UNTRUSTED_PEER");
    }
    deepEqual(
      world.lines.map(({ level, context }) => [level, context.peer, context.key]),
      [["warn", "127.0.0.1", "trusted_proxies"]],
    );
    equal(world.gate.asked.length, 0);
  });

  it("asks about the peer of the connection, not about a header", async (t) => {
    const peers: (string | undefined)[] = [];
    const isTrusted = (peer: string | undefined) => peers.push(peer) > 0;
    const world = await hookWorld(t, { deps: { isTrusted } });
    await world.ask("/auth/traefik", forwarded("/", { "x-forwarded-for": "9.9.9.9" }));
    match(String(peers[0]), /127\.0\.0\.1$/);
  });
});

describe("what is not the hook's", () => {
  for (const path of ["/", "/auth/haproxy", "/auth/", "/auth/traefik/x", "/wakeful", "/.nodoff", "/wake?dialect=x"]) {
    it(path, async (t) => {
      const world = await hookWorld(t, { deps: { isTrusted: () => false } });
      equal((await world.ask(path)).headers["x-not-the-hooks"], "1");
    });
  }

  it("a dialect named like a property of objects", async (t) => {
    const world = await hookWorld(t);
    equal((await world.ask("/wake?dialect=constructor")).headers["x-not-the-hooks"], "1");
  });
});

describe("reserved paths through the hook", () => {
  it("are answered by the hook as a no, whatever the state, and ask no gate", async (t) => {
    const world = await hookWorld(t);
    world.blog.become("ready");
    for (const path of ["/auth/traefik", "/auth/caddy"]) {
      const told = await world.ask(path, forwarded("/.nodoff/health?route=blog"));
      equal(told.status, 503);
      deepEqual(JSON.parse(told.text), { status: "running", state: "ready", eta_ms: null });
    }
    equal(world.gate.asked.length, 0);
    equal(world.route.decisions.reserved, 2);
  });

  it("nginx: 401, and /wake then gives the answer", async (t) => {
    const world = await hookWorld(t);
    const headers = original("/.nodoff/health?route=blog");
    const hook = await world.ask("/auth/nginx", headers);
    deepEqual([hook.status, hook.text], [401, ""]);
    const wake = await world.ask("/wake", headers);
    equal(wake.status, 503);
    equal(JSON.parse(wake.text).state, "napping");
  });

  it("ping is not 200, and events answer at once with what happened so far", async (t) => {
    const world = await hookWorld(t);
    world.journal.publish({
      type: "wake",
      alias: "blog",
      message: "starting blog-web",
      step: "starting",
      etaMs: 420.4,
    });
    equal((await world.ask("/auth/traefik", forwarded("/.nodoff/ping?route=blog"))).status, 503);
    const events = await world.ask("/auth/traefik", forwarded("/.nodoff/events?route=blog"));
    equal(events.status, 503);
    const timestamp = new Date(world.clock.wall()).toISOString();
    deepEqual(JSON.parse(events.text), {
      events: [{ type: "starting", message: "Waking up", timestamp, eta_ms: 420 }],
    });
  });

  it("a POST to them is refused", async (t) => {
    const world = await hookWorld(t);
    const told = await world.ask("/auth/traefik", forwarded("/.nodoff/wait", { "x-forwarded-method": "POST" }));
    equal(told.status, 405);
  });
});

describe("/wake", () => {
  it("presents the gate's answer, whatever its status, for the request the dialect's headers name", async (t) => {
    const world = await hookWorld(t);
    world.gate.onPresent = () => ({
      kind: "reply",
      decision: "forbidden",
      status: 403,
      headers: { "x-nodoff-state": "napping" },
      body: "no",
    });
    const told = await world.ask("/wake", original("/admin?x", { "x-original-method": "POST" }));
    deepEqual([told.status, told.text], [403, "no"]);
    const { facts } = world.gate.asked[0]!;
    deepEqual([facts.method, facts.path, facts.query], ["POST", "/admin", "?x"]);
  });

  it("Caddy's: the method is the request's own where none is forwarded", async (t) => {
    const world = await hookWorld(t);
    const headers = without(forwarded("/a"), "x-forwarded-method");
    const told = await world.ask(
      "/wake?dialect=caddy&route=blog",
      { ...headers, "content-length": "0" },
      { method: "PUT" },
    );
    deepEqual([told.status, world.gate.asked[0]?.facts.method], [503, "PUT"]);
  });

  it("always says that it is not the service, so that the page's probe is not fooled", async (t) => {
    const world = await hookWorld(t);
    world.blog.become("ready");
    world.gate.onPresent = () => ({ kind: "reply", decision: "page", status: 503, headers: {}, body: "" });
    equal((await world.ask("/wake", original("/"))).headers["x-nodoff-state"], "ready");
    world.gate.onPresent = () => ({ kind: "allow", decision: "allow" });
    const allowed = await world.ask("/wake", original("/"));
    deepEqual([allowed.status, allowed.headers["x-nodoff-state"]], [503, "ready"]);
    world.gate.onPresent = () => wakingReply;
    equal((await world.ask("/wake", original("/"))).headers["x-nodoff-state"], "starting");
  });

  it("an unknown host failed behind us: 502, or 403 when hosts are denied", async (t) => {
    const headers = original("/", { host: "stranger.test" });
    const open = await hookWorld(t);
    equal((await open.ask("/wake", headers)).status, 502);
    equal(open.hook.unknownHosts, 0);
    const closed = await hookWorld(t, { deps: { unknownHost: "deny" } });
    equal((await closed.ask("/wake", headers)).status, 403);
  });
});
