import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { until } from "../support/e2e/child.ts";
import { openBrowser } from "../support/e2e/chromium.ts";
import { ask, program } from "../support/e2e/client.ts";
import { type App, openDocker } from "../support/e2e/docker.ts";
import { type Nodoff, startNodoff } from "../support/e2e/nodoff.ts";
import { arrives } from "../support/e2e/requests.ts";
import {
  carryLabels,
  dockerProvider,
  noTraefik,
  readLabels,
  startTraefik,
  type Traefik,
} from "../support/e2e/traefik.ts";

const host = "blog.localhost";

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
      "blog.example.com": host,
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
    await arrives(browser(), { port: traefik.port, host, path: "/deep/link?q=1" });
    assert.equal((await app.stats()).requests["GET /deep/link?q=1"], 1);
  });

  it("sends a held GET to the same address again once Traefik sees the server", async () => {
    const since = await asleep();
    const url = await follow(`http://${host}:${traefik.port}/api/items?q=1`);
    assert.equal(url, "/api/items?q=1");
    assert.deepEqual(
      (await app.events(since)).filter((action) => action === "start"),
      ["start"],
    );
  });

  it("asks a held POST to come again, and lets it through then", async () => {
    await asleep();
    const post = { host, path: "/upload", method: "POST", body: "hello" };
    const held = await ask(traefik.port, post);
    assert.equal(held.status, 503);
    assert.ok(held.headers["retry-after"] !== undefined);
    assert.equal((await ask(traefik.port, post)).status, 200);
    assert.equal((await app.stats()).requests["POST /upload"], 1);
  });

  it("stops the app after the idle_timeout of its label", async () => {
    const since = await asleep();
    await follow(`http://${host}:${traefik.port}/`);
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
