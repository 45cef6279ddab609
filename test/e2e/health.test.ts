import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { dockerSocket } from "../support/docker.ts";
import { openBoxes, web } from "../support/e2e/boxes.ts";
import { freePort, until } from "../support/e2e/child.ts";
import { ask } from "../support/e2e/client.ts";
import { createEnds } from "../support/e2e/ends.ts";
import { adminToken, openHome, runNodoff } from "../support/e2e/home.ts";
import { startNginx } from "../support/e2e/nginx.ts";
import { becomes, type Health, healthOf } from "../support/e2e/health.ts";
import { httpReceiver } from "../support/receivers.ts";
import { createRelay } from "../support/relay.ts";

const atEnd = createEnds();
const boxes = await openBoxes(atEnd);

describe("a container with a HEALTHCHECK", () => {
  it("is followed by events: healthy, unhealthy, healthy; the route is asked while the link is cut", async (t) => {
    const box = await boxes.create("checked", {
      cmd: [
        "sh",
        "-c",
        `touch /tmp/well; exec ${web()
          .map((part) => `'${part.replaceAll("'", `'\\''`)}'`)
          .join(" ")}`,
      ],
      expose: ["80/tcp"],
      more: {
        Healthcheck: {
          Test: ["CMD", "test", "-f", "/tmp/well"],
          Interval: 1e9,
          Timeout: 1e9,
          Retries: 2,
          StartPeriod: 0,
        },
      },
    });
    const exec = async (...Cmd: readonly string[]): Promise<void> => {
      const started = await box.container.exec({ Cmd: [...Cmd], AttachStdout: true });
      const stream = await started.start({});
      stream.resume();
      await new Promise((resolve) => stream.on("end", resolve));
    };
    const receiver = await httpReceiver(t);
    const home = await openHome(atEnd);
    const socket = join(home.directory, "engine.sock");
    const relay = await createRelay({ listen: socket, target: dockerSocket });
    atEnd(() => relay.close());
    await box.container.start();
    await home.write({
      providers: { local: { type: "docker", url: `unix://${socket}`, discover: false } },
      defaults: { idle_timeout: 0 },
      // Far apart: whatever is seen quickly was told by the engine.
      workloads: {
        app: { container: box.name, host: "app.test", port: 80, health: { interval: "10m", start_grace: 0 } },
      },
      notify: { ops: { type: "webhook", url: receiver.url, events: ["health"] } },
    });
    const nodoff = await home.serve();
    await becomes(nodoff, "app", { status: "healthy", detail: "healthy by its own check" });

    const sickAt = performance.now();
    await exec("busybox", "rm", "/tmp/well");
    const sick = await becomes(nodoff, "app", { status: "unhealthy" });
    assert.equal(sick.detail, "unhealthy by its own check");
    assert.ok(performance.now() - sickAt < 60_000, "told by an event, not by the next check in ten minutes");

    await exec("touch", "/tmp/well");
    await becomes(nodoff, "app", { status: "healthy", detail: "healthy by its own check" });
    await receiver.until(2);
    const told = receiver.received.map(({ body }) => (JSON.parse(body) as { event: string; alias: string }).event);
    assert.deepEqual(told, ["health.down", "health.up"]);

    await relay.down();
    await nodoff.logged(({ message }) => message === "engine not reachable", "the cut link");
    const check = async (): Promise<Health> => {
      const answer = await fetch(`http://127.0.0.1:${home.port}/api/v1/health/app/check`, {
        method: "POST",
        headers: { Authorization: `Bearer ${adminToken}` },
      });
      return (await answer.json()) as Health;
    };
    const asked = await check();
    assert.deepEqual([asked.status, asked.detail], ["healthy", "200 OK"], "the engine cannot say: the route is asked");
    await exec("busybox", "rm", "/tmp/well");
    await until("unhealthy at the engine", async () =>
      (await box.container.inspect()).State.Health?.Status === "unhealthy" ? true : undefined,
    );
    assert.equal((await check()).status, "healthy", "nobody can know");
    const mark = nodoff.mark();
    await relay.up();
    await nodoff.loggedSince(mark, ({ message }) => message === "engine connected", "the link");
    await until("the engine's word", async () => ((await check()).status === "unhealthy" ? true : undefined));
    assert.equal((await healthOf(nodoff, "app")).detail, "unhealthy by its own check");
  });
});

describe("an uptime monitor that polls while the app naps", () => {
  const kuma = { "User-Agent": "Uptime-Kuma/1.23.16", Accept: "text/html,application/xhtml+xml" };

  it("gets the configured answer through nodoff's proxy and nginx; the app sleeps on, health says napping", async (t) => {
    const box = await boxes.create("naps", { cmd: web(), expose: ["80/tcp"] });
    const receiver = await httpReceiver(t);
    const proxyPort = await freePort();
    const home = await openHome(atEnd, {
      listen: { proxy: `127.0.0.1:${proxyPort}` },
      providers: { local: { type: "docker", discover: false } },
      workloads: {
        app: {
          container: box.name,
          host: "app.localhost",
          port: 80,
          asleep_answer: { status: 200, body: "dormant" },
          health: { interval: "1s", timeout: "500ms", retries: -1 },
        },
      },
      notify: { ops: { type: "webhook", url: receiver.url } },
    });
    const nodoff = await home.serve();
    await nodoff.inState("app", "napping");
    const nginx = await startNginx({
      hookPort: home.port,
      variant: "host",
      sites: [{ alias: "app", host: "app.localhost", address: "127.0.0.1:9" }],
    });
    t.after(() => nginx.close());
    for (let poll = 0; poll < 10; poll++) {
      for (const port of [proxyPort, nginx.port]) {
        const { status, text } = await ask(port, { host: "app.localhost", path: "/", headers: kuma });
        assert.deepEqual([status, text], [200, "dormant"]);
      }
    }
    // Three intervals of the health monitor.
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    assert.equal(await box.running(), false);
    assert.ok(Number.isNaN(await box.startedAt()), "it was never started");
    assert.equal(await nodoff.state("app"), "napping");
    const health = await healthOf(nodoff, "app");
    assert.deepEqual([health.status, health.consecutive_failures, health.last_seen_at], ["napping", 0, null]);
    assert.ok((await nodoff.get("/metrics")).text.includes('nodoff_health_status{route="app",status="napping"} 1'));
    assert.deepEqual(receiver.received, [], "and nobody is alarmed");
    const { samples, napping } = (await nodoff.api("/health/app/history?period=5m")) as {
      readonly samples: readonly { readonly status: string }[];
      readonly napping: number;
    };
    assert.deepEqual([samples.every(({ status }) => status === "napping"), napping], [true, 1]);

    // Somebody comes: the app wakes, is watched, and counts as used by that one request alone.
    const page = await ask(proxyPort, { host: "app.localhost", path: "/" });
    assert.equal(page.text.trim(), "hello");
    await becomes(nodoff, "app", { status: "healthy", detail: "200 OK" });
    const used = async () => ((await nodoff.api("/routes/app")) as { requests_total: number }).requests_total;
    assert.equal(await used(), 1);
    const seenAt = async () => (await healthOf(nodoff, "app")).last_seen_at;
    for (const which of ["first", "second"]) {
      const before = await seenAt();
      await until(`a ${which} check more`, async () => ((await seenAt()) === before ? undefined : true));
    }
    assert.equal(await used(), 1, "checks are no use");
  });
});

describe("health checks and idleness", () => {
  it("never keep a workload awake", async () => {
    const box = await boxes.create("idle", { cmd: web(), expose: ["80/tcp"] });
    await box.container.start();
    const home = await openHome(atEnd, {
      providers: { local: { type: "docker", discover: false } },
      workloads: {
        app: {
          container: box.name,
          host: "app.test",
          port: 80,
          idle_timeout: "3s",
          health: { interval: "1s", timeout: "500ms" },
        },
      },
    });
    const nodoff = await home.serve();
    await nodoff.inState("app", "ready");
    await becomes(nodoff, "app", { status: "healthy" });
    await nodoff.inState("app", "napping");
    assert.equal((await healthOf(nodoff, "app")).status, "napping");
    assert.equal(await box.running(), false);
  });
});

describe("nodoff notify test", () => {
  it("lets the running nodoff tell each receiver, and says who took it", async (t) => {
    const receiver = await httpReceiver(t);
    const home = await openHome(atEnd, {
      providers: { here: { type: "process" } },
      notify: {
        ops: { type: "webhook", url: receiver.url, secret: "s" },
        mail: { type: "smtp", url: "smtp://127.0.0.1:1", from: "n@x.test", to: ["o@x.test"] },
      },
    });
    const nodoff = await home.serve();
    const line = await nodoff.logged(({ message }) => message === "nobody can be told", "the receiver out of reach");
    assert.deepEqual(line.context, { key: "notify.mail", error: "not reachable" });
    const { errors } = (await nodoff.api("/config/errors")) as { readonly errors: readonly object[] };
    assert.deepEqual(errors, [{ source: "nodoff.yaml", key: "notify.mail", message: "not reachable" }]);
    const { code, lines } = await runNodoff(["notify", "test", "--config", home.file]);
    assert.deepEqual([code, lines], [1, ["ops (webhook): sent", "mail (smtp): not reachable"]]);
    assert.equal((JSON.parse(receiver.received[0]!.body) as { event: string }).event, "test");
    const url = `http://127.0.0.1:${home.port}`;
    const json = await runNodoff(["notify", "test", "--json", "--url", url, "--token", adminToken]);
    assert.equal((JSON.parse(json.lines.join("\n")) as { results: readonly object[] }).results.length, 2);
    assert.equal((await runNodoff(["notify", "test", "--url", url, "--token", "wrong"])).code, 1);
    assert.equal((await runNodoff(["notify", "test", "--url", "http://127.0.0.1:1"])).code, 4);
    assert.equal((await runNodoff(["notify", "tset", "--config", home.file])).code, 2);
  });
});
