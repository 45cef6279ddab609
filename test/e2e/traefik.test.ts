import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { describeDoor } from "../support/e2e/acceptance.ts";
import { freePort, until } from "../support/e2e/child.ts";
import { ask, echo, navigation, program } from "../support/e2e/client.ts";
import { type App, openDocker } from "../support/e2e/docker.ts";
import type { Door, Site } from "../support/e2e/kit.ts";
import { type Nodoff, startNodoff } from "../support/e2e/nodoff.ts";
import { arrives } from "../support/e2e/requests.ts";
import { noTraefik, readLabels, startTraefik, startTraefikFile, type Traefik } from "../support/e2e/traefik.ts";
import { hostOf, openBrowser, starts } from "../support/e2e/world.ts";

describeDoor("Traefik with the kit's file provider (dynamic.yml)", {
  skip: noTraefik,
  open: (nodoff, sites) => startTraefikFile({ hookPort: nodoff.port, sites }),
});

describeDoor("Traefik with labels on nodoff's container (compose.way-b.yml)", {
  skip: noTraefik,
  open: (nodoff, sites) => openWayB(nodoff, sites),
});

describe("Traefik, while nodoff is away", { skip: noTraefik }, () => {
  let app: App;
  let sites: readonly Site[];
  before(async () => {
    app = await (await openDocker()).createApp();
    sites = [{ alias: "blog", host: hostOf("blog"), address: `127.0.0.1:${app.port}` }];
    await app.start();
    await app.listening();
  });
  after(() => app.remove());

  it("answers 500 with the kit as it is", async (t) => {
    const door = await startTraefikFile({ hookPort: await freePort(), sites });
    t.after(() => door.close());
    assert.equal((await ask(door.port, { host: hostOf("blog"), path: "/", headers: navigation })).status, 500);
  });

  it("lets requests through, bodies whole, with fail-open.yml", async (t) => {
    const door = await startTraefikFile({ hookPort: await freePort(), sites, failOpen: true });
    t.after(() => door.close());
    const body = Buffer.alloc(1_000_000, "x");
    const reply = await ask(door.port, { host: hostOf("blog"), path: "/upload", method: "POST", body });
    assert.equal(reply.status, 200);
    assert.equal((JSON.parse(reply.text) as { bytes: number }).bytes, body.length);
    assert.equal(await echo(door.port, { host: hostOf("blog"), path: "/socket" }, "open"), "open");
  });
});

/** A container that carries the labels the kit gives nodoff's; nodoff itself runs on the host in these tests. */
async function carryLabels(labels: Readonly<Record<string, string>>): Promise<{ run: string; carrier: App }> {
  const run = `run-${process.pid}-${await freePort()}`;
  const { createApp } = await openDocker();
  const carrier = await createApp({ labels: { ...labels, "nodoff-test.run": run } });
  await carrier.start();
  return { run, carrier };
}

function dockerProvider(run: string): readonly string[] {
  return [
    "--providers.docker=true",
    "--providers.docker.exposedbydefault=false",
    `--providers.docker.constraints=Label(\`nodoff-test.run\`,\`${run}\`)`,
  ];
}

async function openWayB(nodoff: Nodoff, sites: readonly Site[]): Promise<Door> {
  const labels: Record<string, string> = {};
  for (const { alias, host, address } of sites) {
    const ofSite = await readLabels("compose.way-b.yml", "nodoff", {
      "nodoff:8090": `127.0.0.1:${nodoff.port}`,
      "routers.blog.": `routers.${alias}.`,
      "service: blog": `service: ${alias}`,
      "services.blog.": `services.${alias}.`,
      "blog.example.com": host,
      "blog-web:2368": address,
    });
    Object.assign(labels, ofSite);
  }
  const { run, carrier } = await carryLabels(labels);
  const traefik = await startTraefik(dockerProvider(run));
  for (const { alias } of sites) await traefik.routed(`${alias}@docker`);
  return {
    port: traefik.port,
    close: async () => {
      await traefik.close();
      await carrier.remove();
    },
  };
}

describe("Traefik with labels on the app alone (compose.way-a.yml)", { skip: noTraefik }, () => {
  const alias = `blog-${process.pid}`;
  const browser = openBrowser();
  let app: App;
  let nodoff: Nodoff;
  let traefik: Traefik;
  const ends: (() => Promise<unknown>)[] = [];

  before(async () => {
    nodoff = await startNodoff({
      // Everything about the app comes from its labels.
      providers: { local: { type: "docker" } },
      defaults: { wake_timeout: "30s" },
    });
    ends.push(() => nodoff.close());
    const middleware = await readLabels("compose.way-a.yml", "nodoff", { "nodoff:8090": `127.0.0.1:${nodoff.port}` });
    const { run, carrier } = await carryLabels(middleware);
    ends.push(() => carrier.remove());
    const labels = await readLabels("compose.way-a.yml", "blog-web", {
      "blog.example.com": hostOf("blog"),
      "nodoff.name: blog": `nodoff.name: ${alias}`,
      "idle_timeout: 15m": "idle_timeout: 3s",
      '"2368"': '"8080"',
    });
    const { createApp } = await openDocker();
    app = await createApp({ env: { LISTEN_DELAY_MS: "700" }, labels: { ...labels, "nodoff-test.run": run } });
    ends.push(() => app.remove());
    traefik = await startTraefik(dockerProvider(run));
    ends.push(() => traefik.close());
    // Traefik looks at start, die and health events only: the app has to have run once for it to be seen.
    await app.start();
    await traefik.routed("blog@docker");
    await nodoff.inState(alias, "ready");
  });
  after(async () => {
    for (const end of ends.reverse()) await end();
  });

  async function asleep(): Promise<number> {
    if (await app.running()) await app.stop();
    await nodoff.inState(alias, "napping");
    // Traefik has seen the stop once its service has no server left.
    await until("Traefik's service without a server", async () => {
      const answer = await fetch(`${traefik.apiUrl}/api/http/services/blog@docker`);
      return answer.ok && !(await answer.text()).includes('"url":"http') ? true : undefined;
    });
    return app.now();
  }

  it("keeps the stopped app's router, shows the page and brings a browser to its deep link", async () => {
    await asleep();
    await arrives(browser(), { port: traefik.port, host: hostOf("blog"), path: "/deep/link?q=1" });
    assert.equal((await app.stats()).requests["GET /deep/link?q=1"], 1);
  });

  it("sends a held GET to the same address again once Traefik sees the server", async () => {
    const since = await asleep();
    const url = await follow(`http://${hostOf("blog")}:${traefik.port}/api/items?q=1`);
    assert.equal(url, "/api/items?q=1");
    assert.equal(await starts(app, since), 1);
  });

  it("asks a held POST to come again, and lets it through then", async () => {
    await asleep();
    const post = { host: hostOf("blog"), path: "/upload", method: "POST", body: "hello" };
    const held = await ask(traefik.port, post);
    assert.equal(held.status, 503);
    assert.ok(held.headers["retry-after"] !== undefined);
    assert.equal((await ask(traefik.port, post)).status, 200);
    assert.equal((await app.stats()).requests["POST /upload"], 1);
  });

  it("stops the app after the idle_timeout of its label", async () => {
    const since = await asleep();
    await follow(`http://${hostOf("blog")}:${traefik.port}/`);
    await app.event("die", since);
    await nodoff.inState(alias, "napping");
  });

  /** GET, following 307 as a client does; returns the path the app saw. */
  async function follow(url: string): Promise<string> {
    const { hostname, pathname, search } = new URL(url);
    for (let hops = 0; hops < 5; hops++) {
      const reply = await ask(traefik.port, { host: hostname, path: `${pathname}${search}`, headers: program });
      if (reply.status !== 307) {
        assert.equal(reply.status, 200, reply.text);
        return (JSON.parse(reply.text) as { url: string }).url;
      }
      assert.equal(reply.headers["location"], url, "the same absolute address");
    }
    return assert.fail("a loop of redirects");
  }
});
