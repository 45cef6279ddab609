import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { parse } from "yaml";
import { openBrowser } from "../support/e2e/chromium.ts";
import { freePort, until } from "../support/e2e/child.ts";
import { ask, echo, navigation, program } from "../support/e2e/client.ts";
import type { App } from "../support/e2e/docker.ts";
import { adapt, readKit } from "../support/e2e/kit.ts";
import { type Nodoff, type NodoffConfig, startNodoff } from "../support/e2e/nodoff.ts";
import { arrives } from "../support/e2e/requests.ts";
import { dockerProvider, noTraefik, readLabels, startTraefik, type Traefik } from "../support/e2e/traefik.ts";
import { type LabelledEngine, openLabelledEngine } from "../support/e2e/traefik-labels.ts";

/** Browsers find `*.localhost` by themselves. */
const host = "blog.localhost";

describe("Traefik with a catch-all router (compose.way-d.yml)", { skip: noTraefik }, () => {
  const browser = openBrowser();
  let engine: LabelledEngine;
  let app: App;
  let nodoff: Nodoff;
  let traefik: Traefik;
  const ends: (() => Promise<unknown>)[] = [];

  before(async () => {
    engine = await openLabelledEngine();
    ends.push(() => engine.close());
    const labels = await readLabels("compose.way-d.yml", "blog-web", {
      "blog.example.com": host,
      "idle_timeout: 15m": "idle_timeout: 3s",
      '"2368"': '"8080"',
    });
    app = await engine.createApp({ ...labels, "nodoff.name": "blog" }, { LISTEN_DELAY_MS: "300" });
    const [fallback, apiPort] = [await freePort(), await freePort()];
    const kit = adapt(await readKit("traefik/nodoff.way-d.yaml"), {
      '":8091"': `"127.0.0.1:${fallback}"`,
      "type: docker": `type: docker, url: "${engine.url}"`,
      "traefik:8080": `127.0.0.1:${apiPort}`,
    });
    nodoff = await startNodoff({ ...(parse(kit) as NodoffConfig), defaults: { wake_timeout: "30s" } });
    ends.push(() => nodoff.close());
    const ofNodoff = await readLabels("compose.way-d.yml", "nodoff", {
      "nodoff:8090": `127.0.0.1:${nodoff.port}`,
      // nodoff runs on the host here: by its ports alone Traefik would look for it in the container.
      'loadbalancer.server.port: "8091"': `loadbalancer.server.url: http://127.0.0.1:${fallback}`,
      'loadbalancer.server.port: "8090"': `loadbalancer.server.url: http://127.0.0.1:${nodoff.port}`,
    });
    const carrier = await engine.createApp(ofNodoff);
    await carrier.start();
    traefik = await startTraefik(dockerProvider(engine.run), { apiPort });
    ends.push(() => traefik.close());
    await traefik.routed("nodoff-fallback@docker");
  });
  after(async () => {
    for (const end of ends.reverse()) await end();
  });

  async function asleep(): Promise<number> {
    if (await app.running()) await app.stop();
    await nodoff.inState("blog", "napping");
    await until("Traefik without the router", async () =>
      (await fetch(`${traefik.apiUrl}/api/http/routers/blog@docker`)).status === 404 ? true : undefined,
    );
    return app.now();
  }

  it("shows the page of an app that has never run, and brings a browser to its deep link", async () => {
    await asleep();
    await arrives(browser(), { port: traefik.port, host, path: "/deep/link?q=1" });
    assert.equal((await app.stats()).requests["GET /deep/link?q=1"], 1);
  });

  it("sends a held GET to the same address once Traefik has the router, at the first try", async () => {
    const since = await asleep();
    const url = `http://${host}:${traefik.port}/api/items?q=1`;
    const question = { host, path: "/api/items?q=1", headers: program };
    const held = await ask(traefik.port, question);
    assert.equal(held.status, 307);
    assert.equal(held.headers["location"], url);
    assert.equal((await ask(traefik.port, question)).status, 200);
    assert.equal((await app.events(since)).filter((action) => action === "start").length, 1);
  });

  it("asks a held POST and a WebSocket to come again, and lets them through then", async () => {
    await asleep();
    const post = { host, path: "/upload", method: "POST", body: "hello" };
    const held = await ask(traefik.port, post);
    assert.equal(held.status, 503);
    assert.equal(held.headers["retry-after"], "1");
    assert.equal((await ask(traefik.port, post)).status, 200);
    await asleep();
    await assert.rejects(echo(traefik.port, { host, path: "/ws" }, "hi"), /503/);
    assert.equal(await echo(traefik.port, { host, path: "/ws" }, "hi"), "hi");
  });

  it("shows a monitor that it sleeps, and strangers nothing", async () => {
    const since = await asleep();
    const monitor = { ...navigation, "User-Agent": "Uptime-Kuma/1.23" };
    assert.equal((await ask(traefik.port, { host, path: "/", headers: monitor })).status, 503);
    assert.equal((await ask(traefik.port, { host: "nobody.test", path: "/", headers: program })).status, 404);
    assert.equal((await app.events(since)).filter((action) => action === "start").length, 0);
  });

  it("stops the app after the idle_timeout of its label", async () => {
    const since = await asleep();
    await ask(traefik.port, { host, path: "/", headers: program });
    await app.event("die", since);
    await nodoff.inState("blog", "napping");
  });
});
