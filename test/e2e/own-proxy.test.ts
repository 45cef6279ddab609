import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { freePort } from "../support/e2e/child.ts";
import { ask, type Reply } from "../support/e2e/client.ts";
import { describeConformance } from "../support/e2e/conformance/conformance.ts";
import { ownProxyStage } from "../support/e2e/conformance/stages.ts";
import { type App, openDocker } from "../support/e2e/docker.ts";
import { createEnds } from "../support/e2e/ends.ts";
import { adminToken, type Nodoff, startNodoff } from "../support/e2e/nodoff.ts";
import { expectNothingInFlight } from "../support/e2e/in-flight.ts";

describeConformance([ownProxyStage], { restart: false });

describe("own proxy alone", () => {
  const atEnd = createEnds();
  const host = "blog.localhost";
  let proxyPort: number;
  let app: App;
  let nodoff: Nodoff;
  expectNothingInFlight(() => nodoff);
  before(async () => {
    proxyPort = await freePort();
    app = await (await openDocker()).createApp();
    atEnd(() => app.remove());
    nodoff = await startNodoff({
      listen: { proxy: `127.0.0.1:${proxyPort}` },
      providers: { local: { type: "docker", discover: false } },
      defaults: { idle_timeout: "2s", wake_timeout: "30s" },
      workloads: { blog: { container: app.name, host, port: 8080 } },
    });
    atEnd(() => nodoff.close());
  });

  it("answers at docker-gateway's and GoDoxy's addresses, and wakes by them for operators alone", async () => {
    await nodoff.inState("blog", "napping");
    const get = (path: string, options: { readonly method?: string; readonly token?: boolean } = {}): Promise<Reply> =>
      ask(proxyPort, {
        host,
        path,
        method: options.method ?? "GET",
        headers: options.token === true ? { authorization: `Bearer ${adminToken}` } : {},
      });
    const asleepNow = await get("/_health?container=blog");
    assert.deepEqual([asleepNow.status, JSON.parse(asleepNow.text)], [200, { status: "starting" }]);
    assert.deepEqual(JSON.parse((await get("/_logs?container=blog")).text), { lines: [] });
    assert.equal((await get("/$godoxy/loading")).status, 503);
    assert.equal((await get("/_status/wake?container=blog", { method: "POST" })).status, 401);
    assert.equal(await nodoff.state("blog"), "napping");
    assert.equal((await get("/_status/wake?container=blog", { method: "POST", token: true })).status, 202);
    await nodoff.inState("blog", "ready");
    const all = JSON.parse((await get("/_status/api", { token: true })).text) as { alias: string; status: string }[];
    assert.equal(all.find(({ alias }) => alias === "blog")?.status, "running");
    assert.match((await get("/_metrics", { token: true })).text, /^nodoff_workload_state/m);
  });

  it("does not cut a request that stays open longer than idle_timeout", async () => {
    await nodoff.inState("blog", "napping");
    const since = await app.now();
    const reply = await ask(proxyPort, { host, path: "/stream?ms=5000" });
    assert.equal(reply.status, 200);
    assert.match(reply.text, /^begin\n(\.\n)+end\n$/);
    assert.ok(!(await app.events(since)).includes("die"), "it ran all the time");
    await app.event("die", since);
    await nodoff.inState("blog", "napping");
  });
});
