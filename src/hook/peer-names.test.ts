import { deepEqual, equal, match, ok } from "node:assert/strict";
import { createServer } from "node:http";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { engineFailure } from "../../test/support/fake-doors.ts";
import { askAt, hookWorld, listening } from "../../test/support/hook-world.ts";
import type { HookWorld, Told, WorldOptions } from "../../test/support/hook-world.ts";
import { routeSpec } from "../../test/support/specs.ts";

interface Names {
  readonly world: HookWorld;
  /** Asks as `client`, under the route blog. */
  get(path: string, client?: string, method?: string): Promise<Told>;
}

async function openNames(t: TestContext, options: WorldOptions = {}): Promise<Names> {
  const world = await hookWorld(t, options);
  const { names } = world.hook;
  const server = createServer((req, res) => {
    const [path = "", search] = (req.url ?? "").split("?");
    const query = search === undefined ? "" : `?${search}`;
    if (!names.answers(path, query)) return void res.writeHead(418).end();
    const client = String(req.headers["x-client"]);
    names.serve(req, res, { path, query, host: "blog.test", route: world.route, client, proto: "https" });
  });
  const port = await listening(server);
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const get: Names["get"] = (path, client = "198.51.100.1", method = "GET") =>
    askAt(port, path, { method, headers: { host: "blog.test", "x-client": client } });
  return { world, get };
}

const json = ({ text }: Told): unknown => JSON.parse(text);

describe("/_health?container=", () => {
  for (const [state, status] of [
    ["napping", "starting"],
    ["starting", "starting"],
    ["ready", "running"],
  ] as const) {
    it(`while ${state}: ${status}, by alias and by the engine's name; it wakes nothing`, async (t) => {
      const { world, get } = await openNames(t, { workload: { ref: "blog-web" } });
      world.blog.become(state);
      for (const [name, client] of [
        ["blog", "198.51.100.1"],
        ["blog-web", "198.51.100.2"],
      ] as const) {
        const told = await get(`/_health?container=${name}`, client);
        deepEqual([told.status, json(told)], [200, { status }]);
      }
      deepEqual(world.blog.wakes, []);
    });
  }

  it("tells a failure in words for strangers, in the engine's where show_details allows it", async (t) => {
    const { world, get } = await openNames(t);
    world.blog.become("error", { failure: engineFailure });
    const told = await get("/_health?container=blog");
    deepEqual(json(told), { status: "failed", error: "The service ended unexpectedly" });
    const open = await openNames(t, { workload: { showDetails: true } });
    open.world.blog.become("error", { failure: engineFailure });
    deepEqual(json(await open.get("/_health?container=blog")), { status: "failed", error: engineFailure.message });
  });

  it("looks up nothing but configured names that our own proxy serves", async (t) => {
    const others = [
      routeSpec({ alias: "hidden", hosts: ["hidden.test"], served: false }),
      routeSpec({ alias: "left-out", hosts: ["left.test"], excluded: true }),
    ];
    const { world, get } = await openNames(t, { others });
    let octet = 1;
    for (const name of ["hidden", "left-out", "no-such", "", "../blog", "blog%00"]) {
      const told = await get(`/_health?container=${name}`, `198.51.100.${octet++}`);
      deepEqual([told.status, json(told)], [404, { status: "unknown" }], name);
    }
    deepEqual([world.blog.wakes, world.blog.logReads], [[], 0]);
  });

  it("without container= belongs to the app", async (t) => {
    const { get } = await openNames(t);
    for (const path of ["/_health", "/_health?x=1", "/_logs", "/_health/x?container=blog", "/$godoxy/other"])
      equal((await get(path)).status, 418, path);
  });

  it("is only read", async (t) => {
    const { get } = await openNames(t);
    const told = await get("/_health?container=blog", "198.51.100.1", "POST");
    deepEqual([told.status, told.headers.allow], [405, "GET, HEAD"]);
  });
});

describe("limits of /_health and /_logs", () => {
  it("one a second for each address and each of the two; 429 says when to come again", async (t) => {
    const { world, get } = await openNames(t);
    const statuses = async (client: string): Promise<number[]> => [
      (await get("/_health?container=blog", client)).status,
      (await get("/_logs?container=blog", client)).status,
    ];
    deepEqual(await statuses("198.51.100.1"), [200, 200]);
    deepEqual(await statuses("198.51.100.1"), [429, 429]);
    deepEqual(await statuses("198.51.100.2"), [200, 200]);
    equal((await get("/_logs?container=blog", "198.51.100.1")).headers["retry-after"], "1");
    world.clock.advance(1_000);
    deepEqual(await statuses("198.51.100.1"), [200, 200]);
  });

  it("count all addresses of one IPv6 network as one client", async (t) => {
    const { get } = await openNames(t);
    equal((await get("/_health?container=blog", "2001:db8::1")).status, 200);
    equal((await get("/_health?container=blog", "2001:db8::2")).status, 429);
  });
});

describe("/_logs?container=", () => {
  it("is 200 and empty where logs are not shown, without asking the engine", async (t) => {
    const { world, get } = await openNames(t);
    world.blog.output = ["secret"];
    const told = await get("/_logs?container=blog");
    deepEqual([told.status, json(told)], [200, { lines: [] }]);
    equal(world.blog.logReads, 0);
  });

  it("shows the last lines where loading.show_logs says so", async (t) => {
    const { world, get } = await openNames(t, { loading: { showLogs: true } });
    world.blog.output = ["one", "\u001b[31mtwo\u001b[0m"];
    deepEqual(json(await get("/_logs?container=blog")), { lines: ["one", "two"] });
    deepEqual(json(await get("/_logs?container=no-such", "198.51.100.2")), { lines: [] });
  });
});

describe("GoDoxy's names", () => {
  it("/$godoxy/loading is the page of the host's route, and leads to it once it is ready", async (t) => {
    const { world, get } = await openNames(t);
    const page = await get("/$godoxy/loading");
    equal(page.status, 503);
    match(page.headers["content-type"] ?? "", /text\/html/);
    deepEqual(world.blog.wakes, []);
    world.blog.become("ready");
    const gone = await get("/$godoxy/loading");
    deepEqual([gone.status, gone.headers.location], [307, "https://blog.test/"]);
    equal((await get("/$godoxy/loading?return=https://evil.test/")).status, 400);
  });

  it("/$godoxy/wake-events streams what happens, history first", async (t) => {
    const { world } = await openNames(t);
    const { names } = world.hook;
    const server = createServer((req, res) =>
      names.serve(req, res, {
        path: "/$godoxy/wake-events",
        query: "",
        host: "blog.test",
        route: world.route,
        client: "198.51.100.1",
        proto: "http",
      }),
    );
    const port = await listening(server);
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    world.journal.publish({ type: "wake", alias: "blog", message: "engine words", step: "starting" });
    const answer = await fetch(`http://127.0.0.1:${port}/$godoxy/wake-events`);
    equal(answer.headers.get("content-type"), "text/event-stream");
    equal(answer.headers.get("access-control-allow-origin"), null);
    const reader = (answer.body ?? new ReadableStream<Uint8Array<ArrayBuffer>>()).getReader();
    let text = "";
    const read = async (pattern: RegExp): Promise<void> => {
      while (!pattern.test(text)) {
        const { value, done } = await reader.read();
        ok(!done, text);
        text += Buffer.from(value).toString();
      }
    };
    await read(/"type":"starting"/);
    world.journal.publish({ type: "wake", alias: "blog", message: "ready", step: "ready" });
    await read(/"type":"ready"/);
    const [first = ""] = /(?<=data: ).+/.exec(text) ?? [];
    const { type, message, timestamp } = JSON.parse(first) as Record<string, string>;
    deepEqual([type, message, Number.isNaN(Date.parse(timestamp ?? ""))], ["starting", "Waking up", false]);
    await reader.cancel();
  });
});
