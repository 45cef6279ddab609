import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { fakeClock } from "../../test/support/fake-clock.ts";
import { recordingLogger } from "../../test/support/logger.ts";
import { createConfigDoor, type Source, type Sources } from "./config-door.ts";

const labels = {
  "traefik.http.routers.blog.rule": "Host(`blog.x`)",
  "traefik.http.services.blog.loadbalancer.server.port": "2368",
};
const blog: Source = {
  provider: "local",
  alias: "blog",
  id: "1",
  container: { name: "blog-web", labels, ports: [], sleeps: true, port: null, url: null },
};

async function open(t: TestContext, options: { readonly isTrusted?: boolean } = {}) {
  const clock = fakeClock();
  const logger = recordingLogger();
  const world = { sources: null as Sources | null, lookups: 0 };
  const door = createConfigDoor({
    clock,
    logger,
    admits(_req, res) {
      if (options.isTrusted === false) res.writeHead(403).end();
      return options.isTrusted !== false;
    },
    sources: () => world.sources,
    lastingAddress: ({ container }, { port }) => {
      world.lookups++;
      return Promise.resolve(`${container.name}:${port}`);
    },
  });
  const server = createServer((req, res) => void (door.serve(req, res) || res.writeHead(404).end()));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const ask = async (path = "/traefik/config", init: RequestInit = {}): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}${path}`, init);
  return { clock, logger, door, world, ask, port };
}

describe("/traefik/config", () => {
  it("is refused until the engines were looked at, so that Traefik keeps what it has", async (t) => {
    const { ask, world, door } = await open(t);
    assert.equal((await ask()).status, 503);
    assert.equal(door.leadsTo("blog"), false);
    world.sources = { revision: 1, containers: [blog], others: [] };
    assert.equal((await ask()).status, 200);
    assert.equal(door.leadsTo("blog"), true);
  });

  it("names nodoff as it was asked, or as ?hook= says", async (t) => {
    const { ask, world, port } = await open(t);
    world.sources = { revision: 1, containers: [blog], others: [] };
    const addressIn = async (path: string): Promise<string> => {
      const { http } = (await (await ask(path)).json()) as {
        http: { middlewares: { nodoff: { forwardAuth: { address: string } } } };
      };
      return http.middlewares.nodoff.forwardAuth.address;
    };
    assert.equal(await addressIn("/traefik/config"), `http://127.0.0.1:${port}/auth/traefik`);
    const hook = "/traefik/config?hook=http%3A%2F%2F127.0.0.1%3A8099";
    assert.equal(await addressIn(hook), "http://127.0.0.1:8099/auth/traefik");
    for (const wrong of ["ftp://x", "http://x/path", "http://u@x", "x", ""])
      assert.equal((await ask(`/traefik/config?hook=${encodeURIComponent(wrong)}`)).status, 400, wrong);
  });

  it("is the same bytes and the same tag until something changes, and looked up once", async (t) => {
    const { ask, world } = await open(t);
    world.sources = { revision: 1, containers: [blog], others: [] };
    const first = await ask();
    const etag = first.headers.get("etag") ?? "";
    const text = await first.text();
    assert.equal((await ask("/traefik/config", { headers: { "If-None-Match": etag } })).status, 304);
    assert.equal(world.lookups, 1);
    world.sources = { revision: 2, containers: [{ ...blog }], others: [] };
    assert.equal(await (await ask()).text(), text);
    world.sources = { revision: 3, containers: [], others: [] };
    assert.notEqual((await ask()).headers.get("etag"), etag);
    assert.equal((await ask("/traefik/config", { method: "POST" })).status, 405);
    assert.equal((await ask("/traefik/config/x")).status, 404);
  });

  it("leads somewhere as long as somebody keeps asking", async (t) => {
    const { ask, world, door, clock } = await open(t);
    world.sources = { revision: 1, containers: [blog, { ...blog, alias: null }], others: [] };
    await (await ask()).text();
    assert.equal(door.leadsTo("other"), false);
    clock.advance(30_000);
    assert.equal(door.leadsTo("blog"), true);
    clock.advance(1);
    assert.equal(door.leadsTo("blog"), false);
    // Whoever asks once a minute is asked about for three.
    await (await ask()).text();
    clock.advance(90_000);
    assert.equal(door.leadsTo("blog"), true);
  });

  it("does not lead to what it had to leave out, and tells that once", async (t) => {
    const { ask, world, door, logger } = await open(t);
    const broken = { ...blog, container: { ...blog.container, labels: { "traefik.http.routers.b.tls": "true" } } };
    world.sources = { revision: 1, containers: [broken], others: [] };
    await (await ask()).text();
    world.sources = { revision: 2, containers: [broken], others: [] };
    await (await ask()).text();
    assert.equal(door.leadsTo("blog"), false);
    assert.equal(door.problems().length, 1);
    const told = logger.lines.filter(({ level }) => level === "warn");
    assert.equal(told.length, 1);
  });

  it("is for trusted peers", async (t) => {
    const { ask } = await open(t, { isTrusted: false });
    assert.equal((await ask()).status, 403);
  });
});
