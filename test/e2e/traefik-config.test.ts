import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { openBrowser } from "../support/e2e/chromium.ts";
import { until } from "../support/e2e/child.ts";
import { ask, echo, navigation } from "../support/e2e/client.ts";
import type { App } from "../support/e2e/docker.ts";
import { runNodoff } from "../support/e2e/home.ts";
import { type Nodoff, startNodoff } from "../support/e2e/nodoff.ts";
import { arrives } from "../support/e2e/requests.ts";
import { noTraefik, readLabels, startTraefik, type Traefik } from "../support/e2e/traefik.ts";
import { type LabelledEngine, openLabelledEngine, wayC } from "../support/e2e/traefik-labels.ts";

/** Browsers find `*.localhost` by themselves. */
const host = "blog.localhost";

describe("Traefik fed by nodoff (compose.way-c.yml)", { skip: noTraefik }, () => {
  const browser = openBrowser();
  let engine: LabelledEngine;
  let app: App;
  let nodoff: Nodoff;
  let traefik: Traefik;
  const ends: (() => Promise<unknown>)[] = [];

  before(async () => {
    engine = await openLabelledEngine();
    ends.push(() => engine.close());
    const labels = await readLabels("compose.way-c.yml", "blog-web", {
      "blog.example.com": host,
      "idle_timeout: 15m": "idle_timeout: 3s",
      '"2368"': '"8080"',
    });
    app = await engine.createApp({ ...labels, "nodoff.name": "blog" }, { LISTEN_DELAY_MS: "300" });
    nodoff = await startNodoff({
      providers: { local: { type: "docker", url: engine.url } },
      defaults: { wake_timeout: "30s" },
    });
    ends.push(() => nodoff.close());
    traefik = await startTraefik(await wayC({ hookPort: nodoff.port, run: engine.run }));
    ends.push(() => traefik.close());
    await traefik.routed("blog@http");
  });
  after(async () => {
    for (const end of ends.reverse()) await end();
  });

  it("has the route of an app that has never run, and no second one", async () => {
    const routers = (await (await fetch(`${traefik.apiUrl}/api/http/routers`)).json()) as { name: string }[];
    assert.deepEqual(
      // Traefik itself doubles what stands at an entry point with TLS.
      routers.map(({ name }) => name).filter((name) => !/@internal$|^websecure-/.test(name)),
      ["blog@http", "nodoff-pages@http"],
    );
    assert.equal(await nodoff.state("blog"), "napping");
  });

  it("shows the page and brings a browser to its deep link", async () => {
    await arrives(browser(), { port: traefik.port, host, path: "/deep/link?q=1" });
  });

  it("lets a paused app answer a held GET, POST and WebSocket", async () => {
    for (const request of [
      () => ask(traefik.port, { host, path: "/api" }).then(({ status }) => assert.equal(status, 200)),
      () =>
        ask(traefik.port, { host, path: "/up", method: "POST", body: "hello" }).then(({ status }) =>
          assert.equal(status, 200),
        ),
      () => echo(traefik.port, { host, path: "/ws" }, "hi").then((text) => assert.equal(text, "hi")),
    ]) {
      await until("a pause", async () => ((await app.paused()) ? true : undefined));
      await nodoff.inState("blog", "napping");
      await request();
    }
  });

  it("wakes a paused app again and again, and loses no request and no route", async (t) => {
    const timed = async (): Promise<number> => {
      const begun = performance.now();
      assert.equal((await ask(traefik.port, { host, path: "/api" })).status, 200);
      return performance.now() - begun;
    };
    const [paused, awake]: [number[], number[]] = [[], []];
    for (let round = 0; round < 11; round++) {
      await nodoff.api("/workloads/blog/sleep", { force: true });
      await nodoff.inState("blog", "napping");
      assert.ok(await app.paused());
      paused.push(await timed());
      awake.push(await timed());
      await traefik.routed("blog@http");
    }
    const median = (times: number[]): number => times.sort((a, b) => a - b)[5] ?? 0;
    t.diagnostic(`median paused ${median(paused).toFixed(0)} ms, awake ${median(awake).toFixed(0)} ms`);
  });

  it("is known to check by Traefik's API: a pause is refused where Traefik would hang on it, and only there", async () => {
    const directory = await mkdtemp(join(tmpdir(), "nodoff-check-"));
    ends.push(() => rm(directory, { recursive: true, force: true }));
    const file = join(directory, "nodoff.yaml");
    const names = { "nodoff.enable": "true", "nodoff.name": "cms", "nodoff.stop_method": "pause" };
    const service = "traefik.http.services.cms.loadbalancer.server.port";
    const rule = "traefik.http.routers.cms.rule";
    await engine.createApp({ ...names, [rule]: "Host(`cms.test`)", [service]: "8080" });
    const providers = { local: { type: "docker", url: engine.url } };
    const check = async (signals: object): Promise<string> => {
      await writeFile(file, stringify({ providers, signals, state_dir: directory }));
      const { code, lines } = await runNodoff(["check", "--config", file]);
      return `${code} ${lines.filter((line) => line.includes("hangs")).join("\n")}`;
    };
    assert.match(await check({}), /^3 label \S+ nodoff\.stop_method: Traefik's Docker provider .* hand_over: url$/);
    await traefik.routed("cms@http");
    assert.equal(await check({ traefik: { api_url: traefik.apiUrl } }), "0 ");
  });

  it("keeps the route over a stop by hand", async () => {
    await until("a pause", async () => ((await app.paused()) ? true : undefined));
    await app.stop();
    await nodoff.inState("blog", "napping");
    const page = await ask(traefik.port, { host, path: "/", headers: navigation });
    assert.ok(page.status === 503 && page.headers["x-nodoff-state"] !== undefined);
    assert.equal((await ask(traefik.port, { host, path: "/api" })).status, 200);
  });
});
