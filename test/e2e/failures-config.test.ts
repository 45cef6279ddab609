import assert from "node:assert/strict";
import { it } from "node:test";
import { type Box, openBoxes, web } from "../support/e2e/boxes.ts";
import { freePort, until } from "../support/e2e/child.ts";
import { ask } from "../support/e2e/client.ts";
import { createEnds } from "../support/e2e/ends.ts";
import { openHome } from "../support/e2e/home.ts";
import { callHook, problemOf } from "../support/e2e/hook-caller.ts";

// The file changes under a running nodoff. One story, told in order.
const atEnd = createEnds();
const boxes = await openBoxes(atEnd);
const app = (name: string): Promise<Box> => boxes.create(name, { cmd: web(), expose: ["80/tcp"] });
const [blog, wiki, shop, slow] = await Promise.all([
  app("blog"),
  app("wiki"),
  app("shop"),
  boxes.create("slow", { cmd: web({ listensAfter: "never" }), expose: ["80/tcp"] }),
]);
const home = await openHome(atEnd);
const proxy = `127.0.0.1:${await freePort()}`;
const on = (name: string, { name: container }: Box, more: object = {}): object => ({
  container,
  host: `${name}.test`,
  port: 80,
  ...more,
});
const toConfig = (workloads: object, routes: object): Record<string, unknown> => ({
  listen: { proxy },
  providers: { local: { type: "docker", discover: false } },
  defaults: { idle_timeout: 0, wake_timeout: "20s" },
  workloads,
  routes,
});
const first = toConfig(
  { blog: on("blog", blog), wiki: on("wiki", wiki) },
  { old: { host: "old.test", workload: "wiki" } },
);
await home.write(first);
const nodoff = await home.serve();

interface Workload {
  readonly state: string;
  readonly last_used_at: string;
  readonly sleeps_at: string | null;
}
interface Route {
  readonly in_flight: number;
  readonly requests_total: number;
}
const errors = async (): Promise<
  readonly { readonly source: string; readonly key: string; readonly message: string }[]
> => ((await nodoff.api("/config/errors")) as { readonly errors: [] }).errors;
const aliases = async (): Promise<readonly string[]> =>
  ((await nodoff.api("/routes")) as { readonly routes: readonly { readonly alias: string }[] }).routes
    .map(({ alias }) => alias)
    .sort();

async function reload(config: Parameters<typeof home.write>[0]): Promise<void> {
  const mark = nodoff.mark();
  await home.write(config);
  await nodoff.loggedSince(mark, ({ message }) => message === "configuration reloaded", "reload");
}

it("keeps the running configuration when the file breaks, and logs each error with its place", async () => {
  for (const alias of ["blog", "wiki"]) {
    await nodoff.inState(alias, "napping");
    assert.equal((await callHook(nodoff.port, "traefik", { host: `${alias}.test` })).status, 200);
  }
  const broken = [
    "listen:",
    `  hook: 127.0.0.1:${home.port}`,
    "workloads:",
    "  blog:",
    `    container: ${blog.name}`,
    "    host: blog.test",
    "    idle_timeout: 5",
    "  wiki:",
    "    contaner: wiki",
    "routes:",
    "  shop: { host: shop.test, workload: nobody }",
    "",
  ].join("\n");
  const mark = nodoff.mark();
  await home.write(broken);
  await nodoff.loggedSince(
    mark,
    ({ level, context }) => level === "error" && String(context?.["error"]).startsWith(`${home.file}:7:`),
    "first error",
  );
  const shown = await until("errors in the API", async () => {
    const found = await errors();
    return found.length >= 3 ? found : undefined;
  });
  const logged = nodoff
    .log()
    .slice(mark)
    .filter(({ level }) => level === "error")
    .map(({ context }) => String(context?.["error"]));
  assert.equal(logged.length, shown.length, "each of them is logged");
  const places: readonly (readonly [RegExp, RegExp])[] = [
    [/:7:\d+ workloads\.blog\.idle_timeout: /, /"5" is not a duration.*did you mean "5m"/],
    [/:9:\d+ workloads\.wiki/, /contaner.*did you mean "container"/],
    [/:11:\d+ routes\.shop\.workload: /, /nobody/],
  ];
  for (const [place, words] of places) {
    const line = logged.find((text) => place.test(text));
    assert.ok(line !== undefined, `${place} in\n${logged.join("\n")}`);
    assert.match(line, words);
    assert.ok(line.startsWith(`${home.file}:`));
  }
  const idle = shown.find(({ key }) => key === "workloads.blog.idle_timeout");
  assert.match(idle?.source ?? "", /:7:\d+$/);
  for (const alias of ["blog", "wiki"])
    assert.equal((await callHook(nodoff.port, "caddy", { host: `${alias}.test` })).status, 200);
  assert.deepEqual(await aliases(), ["blog", "old", "wiki"]);
  assert.ok((await nodoff.get("/metrics")).text.includes('nodoff_config_reloads_total{result="failed"} 1'));
});

it("survives a file that is no YAML", async () => {
  const mark = nodoff.mark();
  await home.write("workloads: [\n");
  await nodoff.loggedSince(
    mark,
    ({ context }) => /^\S+nodoff\.yaml:\d+:\d+ /.test(String(context?.["error"])),
    "error about the syntax",
  );
  assert.equal((await callHook(nodoff.port, "traefik", { host: "blog.test" })).status, 200);
});

it("takes a good file over at once: idle_timeout changed, a route added, another removed, nothing restarted", async () => {
  const before = [await blog.startedAt(), await wiki.startedAt()];
  const { requests_total } = (await nodoff.api("/routes/wiki")) as Route;
  await reload(
    toConfig(
      { blog: on("blog", blog, { idle_timeout: "1h" }), wiki: on("wiki", wiki), shop: on("shop", shop) },
      { new: { host: "new.test", path: "/wiki", workload: "wiki" } },
    ),
  );
  assert.deepEqual(await errors(), []);
  assert.deepEqual(await aliases(), ["blog", "new", "shop", "wiki"]);
  const { sleeps_at, last_used_at } = (await nodoff.api("/workloads/blog")) as Workload;
  assert.ok(Math.abs(Date.parse(sleeps_at ?? "") - Date.parse(last_used_at) - 3_600_000) <= 2);
  assert.equal(((await nodoff.api("/workloads/wiki")) as Workload).sleeps_at, null);
  const added = await callHook(nodoff.port, "traefik", { host: "new.test", path: "/wiki/page" });
  assert.equal(added.headers["x-nodoff-route"], "new");
  const removed = await callHook(nodoff.port, "traefik", { host: "old.test" });
  assert.equal(removed.status, 200, "nobody's any more");
  assert.equal(removed.headers["x-nodoff-route"], undefined);
  assert.equal(((await nodoff.api("/routes/wiki")) as Route).requests_total, requests_total, "counters go on");
  await nodoff.inState("shop", "napping");
  assert.equal((await callHook(nodoff.port, "caddy", { host: "shop.test" })).status, 200);
  assert.deepEqual([await blog.startedAt(), await wiki.startedAt()], before);
});

it("stops what got a shorter idle_timeout, and lets what left the file alone", async () => {
  await reload(toConfig({ blog: on("blog", blog, { idle_timeout: "1s" }), wiki: on("wiki", wiki) }, {}));
  await blog.end();
  await nodoff.inState("blog", "napping");
  assert.ok(await shop.running(), "no longer nodoff's business");
  assert.equal((await nodoff.get("/api/v1/workloads/shop")).status, 404);
});

it("tells callers who wait for what leaves the file, and leaves it running", async () => {
  const others = { blog: on("blog", blog), wiki: on("wiki", wiki) };
  await reload(toConfig({ ...others, slow: on("slow", slow) }, {}));
  await nodoff.inState("slow", "napping");
  const held = callHook(nodoff.port, "traefik", { host: "slow.test" });
  await until("slow runs", async () => ((await slow.running()) ? true : undefined));
  await reload(toConfig(others, {}));
  const answer = await held;
  assert.equal(answer.status, 503);
  assert.equal(problemOf(answer)["code"], "GONE");
  assert.ok(await slow.running());
});

it("never stops an app for which a request is open since before a reload", async () => {
  const before = await wiki.startedAt();
  const open = ask(Number(proxy.split(":")[1]), { host: "wiki.test", path: "/cgi-bin/slow" });
  await until("request carried", async () => {
    const { in_flight } = (await nodoff.api("/routes/wiki")) as Route;
    return in_flight === 1 ? true : undefined;
  });
  await reload(toConfig({ wiki: on("wiki", wiki, { idle_timeout: "1s" }) }, {}));
  const reply = await open;
  assert.equal(reply.status, 200);
  assert.equal(reply.text, "begin\nend\n");
  assert.equal(await wiki.startedAt(), before);
  await wiki.end();
});

it("keeps running with an engine address that cannot be used", async () => {
  const mark = nodoff.mark();
  await home.write({ providers: { local: { type: "docker", url: "unix://relative.sock" } } });
  await nodoff.loggedSince(
    mark,
    ({ context }) => String(context?.["error"]).includes("providers.local.url"),
    "error about the address",
  );
  await nodoff.inState("wiki", "napping");
  assert.equal((await callHook(nodoff.port, "traefik", { host: "wiki.test" })).status, 200);
});
