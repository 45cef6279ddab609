import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { stringify } from "yaml";
import { type Box, openBoxes, web } from "../support/e2e/boxes.ts";
import { freePort, until } from "../support/e2e/child.ts";
import { ask, navigation } from "../support/e2e/client.ts";
import { createEnds } from "../support/e2e/ends.ts";
import { openEngineView } from "../support/e2e/engine-view.ts";
import { adminToken, openHome, runNodoff } from "../support/e2e/home.ts";
import { callHook } from "../support/e2e/hook-caller.ts";

/*
 * Containers with the labels of other systems on a real engine, behind nodoff's own proxy; and what docker-gateway does
 * wrong, each a test by its name here or where it can be seen best:
 *   WebSockets refused, event streams buffered    src/proxy/upgrade.test.ts, src/proxy/streams.test.ts
 *   answers cut after 30 s                        src/proxy/streams.test.ts; test/soak/proxy.test.ts (130 s)
 *   open sockets and downloads are no use         test/e2e/own-proxy.test.ts ("stays open longer than idle_timeout")
 *   the idle clock is lost on restart             test/e2e/sleeping.test.ts ("goes on where it was after kill -9")
 *   one limit for health and logs, for a whole    src/hook/peer-names.test.ts; the page's own channel has its own:
 *   network; pages with status 200                src/hook/channel.test.ts, src/pages/pages.test.ts (503)
 *   Host rewritten                                src/proxy/headers.test.ts ("keep Host")
 *   monthly windows closed after seven days       src/engine/schedule.test.ts
 *   pages load from other sites                   src/pages/pages.test.ts ("loads nothing from anywhere")
 */
const atEnd = createEnds();
const run = randomBytes(4).toString("hex");
const boxes = await openBoxes(atEnd);
const labelled = (name: string, labels: Readonly<Record<string, string>>): Promise<Box> =>
  boxes.create(name, { cmd: web(), expose: ["80/tcp"], labels: { ...labels, "nodoff-test.run": run } });
const home = await openHome(atEnd);
const socket = join(home.directory, "engine.sock");
const view = await openEngineView(socket, `nodoff-test.run=${run}`);
atEnd(() => view.close());
const proxyPort = await freePort();

const db = await labelled("db", {});
const sablier = { "sablier.enable": "true", "sablier.group": "cloud" };
const member = { "nodoff.enable": "true", "nodoff.port": "80" };
const [shop, wrong, dash, cloud, worker, one, two, idler, site] = await Promise.all([
  labelled("shop", {
    "dag.enabled": "true",
    "dag.host": "shop.test",
    "dag.idle_timeout": "2s",
    "dag.depends_on": db.name,
    "dag.icon": "cart",
    "nodoff.name": "shop",
  }),
  labelled("wrong", {
    "dag.enabled": "true",
    "dag.host": "wrong.test",
    "dag.idle_timeout": "soon",
    "nodoff.name": "wrong",
  }),
  labelled("dash", {
    "proxy.aliases": "dash",
    "proxy.#1.port": "80",
    "proxy.idle_timeout": "2s",
    "proxy.idle_stop_method": "pause",
    "nodoff.name": "dash",
  }),
  labelled("cloud", {
    ...sablier,
    "nodoff.name": "cloud",
    "traefik.http.routers.cloud.rule": "Host(`cloud.test`)",
    "traefik.http.services.cloud.loadbalancer.server.port": "80",
    "traefik.http.middlewares.cloud.plugin.sablier.group": "cloud",
    "traefik.http.middlewares.cloud.plugin.sablier.sessionDuration": "2s",
  }),
  labelled("worker", { ...sablier, "nodoff.name": "worker" }),
  labelled("one", { ...member, "nodoff.name": "one" }),
  labelled("two", { ...member, "nodoff.name": "two" }),
  labelled("idler", {
    "dag.enabled": "true",
    "dag.host": "idler.test",
    "dag.idle_timeout": "3s",
    "nodoff.name": "idler",
  }),
  labelled("site", {
    "nodoff.enable": "true",
    "nodoff.name": "site",
    "nodoff.proxy": "true",
    "traefik.http.routers.site.rule": "Host(`site.test`)",
    "traefik.http.services.site.loadbalancer.server.port": "80",
  }),
]);
await idler.container.start();
await home.write({
  listen: { proxy: `127.0.0.1:${proxyPort}` },
  providers: {
    local: {
      type: "docker",
      url: `unix://${socket}`,
      labels: ["nodoff", "sablier", "godoxy", "dag"],
      match_domains: ["example.test"],
    },
  },
  // Members and dependencies go with who needs them: not half a minute later.
  defaults: { min_awake: 0 },
  workloads: { pair: { group: ["one", "two"], host: "pair.test", idle_timeout: "2s" } },
});
const nodoff = await home.serve();
// Discovered with the first list, after nodoff listens.
for (const alias of ["shop", "dash", "cloud", "one", "two", "site"])
  await until(`${alias} discovered`, async () =>
    (await nodoff.state(alias).catch(() => "")) === "napping" ? true : undefined,
  );
const open = (host: string, path = "/") => ask(proxyPort, { host, path });
const stateOf = async (box: Box): Promise<string> => (await box.container.inspect()).State.Status;
const becomes = (box: Box, status: string): Promise<unknown> =>
  until(`${box.name} ${status}`, async () => ((await stateOf(box)) === status ? true : undefined));

interface Migrated {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly errors: readonly { readonly key: string }[];
}

describe("adopted labels", () => {
  it("of docker-gateway wake a container after what it depends on, and stop both again", async () => {
    const reply = await open("shop.test");
    assert.deepEqual([reply.status, reply.text], [200, "hello\n"]);
    assert.ok((await db.startedAt()) <= (await shop.startedAt()), "the database first");
    await becomes(shop, "exited");
    await becomes(db, "exited");
  });

  it("of GoDoxy wake, and pause after the idle time, under a short alias", async () => {
    assert.equal((await open("dash.example.test")).text, "hello\n");
    await becomes(dash, "paused");
    assert.equal((await open("dash.example.test")).text, "hello\n", "and wakes from there");
    await becomes(dash, "paused");
  });

  it("of Sablier wake its group at the hook, and stop all of it after the session", async () => {
    const answer = await callHook(nodoff.port, "traefik", { host: "cloud.test" });
    assert.ok(answer.status === 200 || answer.status === 307, String(answer.status));
    assert.ok((await cloud.running()) && (await worker.running()));
    assert.equal(
      (await open("cloud.test")).status,
      404,
      "its auth stands in Traefik: nodoff's own proxy does not serve it",
    );
    assert.equal((await open("site.test")).text, "hello\n", "but serves what says nodoff.proxy=true");
    assert.ok(await site.running());
    await becomes(cloud, "exited");
    await becomes(worker, "exited");
  });

  it("that are not adopted are told once, and by check", async () => {
    const told = nodoff.log().filter(({ message }) => message === "label not adopted");
    const about = (key: string) => told.filter(({ context }) => context?.["key"] === key).length;
    assert.equal(about("dag.icon"), 1);
    const { lines } = await runNodoff(["check", "--config", home.file, "--json"]);
    const { warnings } = JSON.parse(lines.join("\n")) as { warnings: { key: string; file: string }[] };
    assert.ok(warnings.some(({ key, file }) => key === "dag.icon" && file === `label ${shop.name}`));
  });

  it("are printed as nodoff's by nodoff migrate", async () => {
    const { code, lines } = await runNodoff(["migrate", "--config", home.file, "--domains", "example.test", "--json"]);
    assert.equal(code, 3, "one of them is wrong");
    const { containers } = JSON.parse(lines.join("\n")) as { containers: Migrated[] };
    const found = new Map(containers.map((container) => [container.name, container]));
    assert.equal(found.get(dash.name)?.labels["nodoff.stop_method"], "pause");
    assert.equal(found.get(shop.name)?.labels["nodoff.depends_on"], db.name);
    assert.equal(found.get(cloud.name)?.labels["nodoff.depends_on"], worker.name);
    assert.deepEqual(
      found.get(wrong.name)?.errors.map(({ key }) => key),
      ["dag.idle_timeout"],
    );
  });
});

describe("what docker-gateway does wrong", () => {
  it("one wrong label set leaves out that container alone, and its visitors are not served a broken page", async () => {
    const problems = (await nodoff.api("/config/errors")) as { errors: { key: string; message: string }[] };
    assert.deepEqual(
      problems.errors.map(({ key }) => key),
      ["dag.idle_timeout"],
    );
    assert.equal((await open("shop.test")).status, 200, "the others are there");
  });

  it("a group of the file stays while labels declare containers, and its members without a host sleep", async () => {
    for (let visit = 0; visit < 2; visit++) assert.equal((await open("pair.test")).text, "hello\n");
    assert.ok((await one.running()) && (await two.running()));
    await Promise.all([becomes(one, "exited"), becomes(two, "exited")]);
  });

  it("?container= of an unknown host neither reaches nor wakes anything", async () => {
    await becomes(shop, "exited");
    const before = await shop.startedAt();
    for (const name of [shop.name, "shop"]) {
      const reply = await ask(proxyPort, { host: "unknown.test", path: `/?container=${name}`, headers: navigation });
      assert.equal(reply.status, 404);
      assert.equal(
        (await ask(proxyPort, { host: "unknown.test", path: `/_health?container=${name}` })).status,
        name === "shop" ? 429 : 200,
      );
    }
    assert.equal(await shop.startedAt(), before);
    assert.equal(await nodoff.state("shop"), "napping");
  });

  it("a wake from the status page wakes what it depends on, too", async () => {
    await becomes(db, "exited");
    const before = await db.startedAt();
    const headers = { authorization: `Bearer ${adminToken}` };
    const path = `/_status/wake?container=${shop.name}`;
    assert.equal((await ask(proxyPort, { host: "status.test", path, method: "POST", headers })).status, 202);
    await nodoff.inState("shop", "ready");
    assert.ok((await db.startedAt()) > before);
  });

  it("a container that nobody asked for since the start is put to sleep all the same", async () => {
    await becomes(idler, "exited");
  });

  it("labels can declare what is only for others to depend on", async () => {
    const { workloads } = (await nodoff.api("/workloads")) as { workloads: { alias: string; routes: string[] }[] };
    assert.deepEqual(workloads.find(({ alias }) => alias === "worker")?.routes, []);
  });
});

it("a migrated compose file can be read again and needs nothing any more", async () => {
  const file = join(home.directory, "compose.yaml");
  const labels = { "dag.enabled": "true", "dag.host": "a.test", "dag.idle_timeout": "5m" };
  await writeFile(file, stringify({ services: { a: { image: "a", labels } } }));
  const first = await runNodoff(["migrate", file, "--json"]);
  assert.equal(first.code, 0, first.lines.join("\n"));
  const { containers } = JSON.parse(first.lines.join("\n")) as { containers: Migrated[] };
  await writeFile(file, stringify({ services: { a: { image: "a", labels: containers[0]?.labels } } }));
  const again = await runNodoff(["migrate", file]);
  assert.deepEqual([again.code, again.lines], [0, ["no labels of Sablier, GoDoxy or docker-gateway"]]);
});
