import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { it } from "node:test";
import { type Box, openBoxes, web } from "../support/e2e/boxes.ts";
import { until } from "../support/e2e/child.ts";
import { createEnds } from "../support/e2e/ends.ts";
import { openEngineView } from "../support/e2e/engine-view.ts";
import { becomes } from "../support/e2e/health.ts";
import { openHome, runNodoff } from "../support/e2e/home.ts";
import { callHook } from "../support/e2e/hook-caller.ts";
import { httpReceiver } from "../support/receivers.ts";

// What is wrong under `health` and `notify` is told at its place, and everything else goes on.
const atEnd = createEnds();
const run = randomBytes(4).toString("hex");
const boxes = await openBoxes(atEnd);
const labelled = (name: string, health: Readonly<Record<string, string>>): Promise<Box> =>
  boxes.create(name, {
    cmd: web(),
    expose: ["80/tcp"],
    labels: {
      "nodoff-test.run": run,
      "nodoff.enable": "true",
      "nodoff.name": name,
      "nodoff.host": `${name}.test`,
      "nodoff.idle_timeout": "0",
      ...health,
    },
  });

it("leaves out what is wrong, at the start and in a changed file, and watches and tells of the rest", async (t) => {
  const [negative, long] = await Promise.all([
    labelled("negative", { "nodoff.health.interval": "-5s" }),
    labelled("long", { "nodoff.health.timeout": "1m" }),
    labelled("fine", { "nodoff.health.interval": "1s", "nodoff.health.timeout": "900ms" }),
  ]);
  const receiver = await httpReceiver(t);
  const nas = createServer((_request, response) => void response.end("here"));
  await new Promise<void>((resolve) => nas.listen(0, "127.0.0.1", resolve));
  atEnd(async () => {
    nas.close();
    nas.closeAllConnections();
  });
  const upstream = `http://127.0.0.1:${(nas.address() as AddressInfo).port}`;
  const home = await openHome(atEnd);
  const socket = join(home.directory, "engine.sock");
  const view = await openEngineView(socket, `nodoff-test.run=${run}`);
  atEnd(() => view.close());
  const config = {
    providers: { local: { type: "docker", url: `unix://${socket}` } },
    routes: { nas: { host: "nas.test", upstream, health: { interval: "1s", timeout: "900ms" } } },
    notify: {
      ops: { type: "webhook", url: receiver.url, events: ["config", "health"] },
      mail: { type: "smtp", url: "smtp://127.0.0.1:1", from: "n@x.test", to: ["o@x.test"] },
    },
  };
  await home.write(config);
  const nodoff = await home.serve();
  const errors = async () =>
    ((await nodoff.api("/config/errors")) as { readonly errors: readonly { source: string; key: string }[] }).errors;
  const left = await until("all three problems", async () => {
    const found = await errors();
    return found.length >= 3 ? found.map(({ source, key }) => `${source} ${key}`).toSorted() : undefined;
  });
  assert.deepEqual(
    left,
    [
      `label ${long.name} nodoff.health.timeout`,
      `label ${negative.name} nodoff.health.interval`,
      "nodoff.yaml notify.mail",
    ].toSorted(),
  );
  await receiver.until(2);
  const told = receiver.received.map(({ body }) => JSON.parse(body) as { event: string; detail: string });
  for (const { name } of [negative, long])
    assert.ok(told.some(({ event, detail }) => event === "config.error" && detail.includes(`label ${name}`)));

  await nodoff.inState("fine", "napping");
  assert.equal((await callHook(nodoff.port, "caddy", { host: "fine.test" })).status, 200);
  assert.equal(
    (await callHook(nodoff.port, "caddy", { host: "negative.test" })).status,
    200,
    "its visitors get through",
  );
  const seenAt = async (alias: string): Promise<string | null> => {
    const all = (await nodoff.api("/health")) as Readonly<Record<string, { status: string; last_seen_at: string }>>;
    return all[alias]?.status === "healthy" ? all[alias].last_seen_at : null;
  };
  const isWatched = async (alias: string): Promise<void> => {
    const before = await seenAt(alias);
    await until(`${alias} checked once more`, async () => {
      const now = await seenAt(alias);
      return now !== null && now !== before ? true : undefined;
    });
  };
  for (const alias of ["fine", "nas"]) await isWatched(alias);

  const mark = nodoff.mark();
  await home.write({
    ...config,
    routes: {
      nas: { host: "nas.test", upstream, health: { interval: "-5s" } },
      lamp: { host: "lamp.test", upstream, health: { interval: "5s", timeout: "6s" } },
    },
    notify: { ...config.notify, pager: { type: "pager", url: receiver.url } },
  });
  const wrong = ["routes.nas.health.interval", "routes.lamp.health.timeout", "notify.pager.type"];
  const lineOf = (key: string) => (line: { readonly context?: Readonly<Record<string, unknown>> }) =>
    new RegExp(`nodoff\\.yaml:\\d+:\\d+ ${key.replaceAll(".", "\\.")}: `).test(String(line.context?.["error"]));
  for (const key of wrong) await nodoff.loggedSince(mark, lineOf(key), key);
  for (const alias of ["fine", "nas"]) await isWatched(alias);
  const checked = await runNodoff(["check", "--config", home.file, "--json"]);
  const found = JSON.parse(checked.lines.join("\n")) as { readonly errors: readonly { readonly key: string }[] };
  assert.deepEqual([checked.code, found.errors.map(({ key }) => key).toSorted()], [3, wrong.toSorted()]);

  // Who could be told is told still.
  nas.close();
  nas.closeAllConnections();
  await until("told of the outage", async () =>
    receiver.received.some(({ body }) => body.includes('"health.down"') && body.includes('"nas"')) ? true : undefined,
  );
});

it("ends over a restart what it told of before it: an outage, and an engine that is not reachable", async (t) => {
  const receiver = await httpReceiver(t);
  let nas = createServer((_request, response) => void response.end("here"));
  const listen = (port: number): Promise<void> => new Promise((resolve) => nas.listen(port, "127.0.0.1", resolve));
  const end = async (): Promise<void> => {
    nas.closeAllConnections();
    await new Promise((resolve) => nas.close(resolve));
  };
  await listen(0);
  atEnd(async () => void (nas.listening && (await end())));
  const { port } = nas.address() as AddressInfo;
  const home = await openHome(atEnd);
  const socket = join(home.directory, "engine.sock");
  let view = await openEngineView(socket, "nodoff-test.run=none");
  atEnd(() => view.close());
  const health = { interval: "1s", timeout: "900ms", retries: 1 };
  await home.write({
    providers: { local: { type: "docker", url: `unix://${socket}` } },
    routes: { nas: { host: "nas.test", upstream: `http://127.0.0.1:${port}`, health } },
    notify: { ops: { type: "webhook", url: receiver.url } },
  });
  const told = (): readonly string[] =>
    receiver.received.map(({ body }) => (JSON.parse(body) as { readonly event: string }).event).toSorted();
  const before = await home.serve();
  await becomes(before, "nas", { status: "healthy" });
  await before.logged(({ message }) => message === "engine connected", "the engine");
  await end();
  await view.close();
  await receiver.until(2);
  assert.deepEqual(told(), ["health.down", "provider.lost"]);
  await before.close();

  const after = await home.serve();
  await becomes(after, "nas", { status: "unhealthy" });
  await after.logged(({ message }) => message === "engine not reachable", "the engine out of reach");
  nas = createServer((_request, response) => void response.end("here"));
  await listen(port);
  view = await openEngineView(socket, "nodoff-test.run=none");
  await receiver.until(4);
  await becomes(after, "nas", { status: "healthy" });
  assert.deepEqual(told(), ["health.down", "health.up", "provider.back", "provider.lost"]);
});

it("tells once of a wake that fails, however often it is asked for", async (t) => {
  const receiver = await httpReceiver(t);
  const home = await openHome(atEnd, {
    providers: { here: { type: "process" } },
    workloads: {
      broken: {
        provider: "here",
        process: { command: [process.execPath, "-e", "process.exit(3)"] },
        display_name: "My app",
        host: "broken.test",
        upstream: "http://127.0.0.1:1",
      },
    },
    notify: { ops: { type: "webhook", url: receiver.url } },
  });
  const nodoff = await home.serve();
  await nodoff.inState("broken", "napping");
  for (let n = 0; n < 2; n++) {
    const mark = nodoff.mark();
    await runNodoff(["wake", "broken", "--config", home.file]);
    await nodoff.loggedSince(mark, ({ message }) => message === "wake failed", "the failure");
  }
  await receiver.until(1);
  await runNodoff(["notify", "test", "--config", home.file]);
  const told = receiver.received.map(({ body }) => JSON.parse(body) as { event: string; message: string });
  assert.deepEqual(
    told.map(({ event, message }) => `${event}: ${message}`),
    ["wake_failed: My app could not be woken", "test: This is a test"],
  );
});
