import assert from "node:assert/strict";
import { it } from "node:test";
import { type Box, openBoxes, web } from "../support/e2e/boxes.ts";
import { freePort, until } from "../support/e2e/child.ts";
import { ask, navigation, program, type Reply } from "../support/e2e/client.ts";
import { createEnds } from "../support/e2e/ends.ts";
import { openHome } from "../support/e2e/home.ts";
import { callHook, callWake, dialectNames } from "../support/e2e/hook-caller.ts";

// Whoever may visit one host can do nothing to another: neither wake it nor keep it awake.
const atEnd = createEnds();
const boxes = await openBoxes(atEnd);
const app = (name: string): Promise<Box> => boxes.create(name, { cmd: web(), expose: ["80/tcp"] });
const [blog, victim, lonely] = await Promise.all([app("blog"), app("victim"), app("lonely")]);
const proxyPort = await freePort();
const workloads = {
  blog: { container: blog.name, host: "blog.test", port: 80, idle_timeout: 0 },
  victim: { container: victim.name, host: "victim.test", port: 80, idle_timeout: "2s" },
  // Found by its host alone where it has one; `?route=` may name it from anywhere only where it has none.
  lonely: { container: lonely.name, host: "lonely.test", port: 80 },
};
const config = {
  listen: { proxy: `127.0.0.1:${proxyPort}` },
  providers: { local: { type: "docker", discover: false } },
  defaults: { wake_timeout: "20s" },
  workloads,
};
const home = await openHome(atEnd, config);
const nodoff = await home.serve();
await nodoff.inState("victim", "napping");
await nodoff.inState("blog", "napping");
assert.equal((await callHook(nodoff.port, "caddy", { host: "blog.test" })).status, 200);

/** Headers a client may send; each proxy's hook reads only those its proxy sets itself. */
const forged = {
  "X-Forwarded-Host": "victim.test",
  "X-Forwarded-Uri": "/",
  "X-Forwarded-Method": "GET",
  "X-Original-URI": "http://victim.test/",
  "X-Original-URL": "http://victim.test/",
  "X-Original-Method": "GET",
  "X-Original-Host": "victim.test",
  "X-Host": "victim.test",
  Forwarded: "host=victim.test;proto=http",
  "X-Nodoff-Route": "victim",
  "X-Nodoff-Upstream": "http://victim.test",
  "X-Nodoff-State": "ready",
  Referer: "http://victim.test/",
  Origin: "http://victim.test",
} as const;

const { name } = victim;
const suffixes = [
  "?route=victim",
  `?route=${name}`,
  `?container=${name}`,
  "?route=blog&route=victim",
  "?via=docker&route=victim",
];
const hosts = [
  name,
  `${name}.test`,
  `${name}:80`,
  "victim",
  "victim.test.evil.test",
  "evil.victim.test",
  "blog.test, victim.test",
];
const paths = [
  `/${name}`,
  "/?route=victim",
  `/?container=${name}`,
  "//victim.test/",
  "http://victim.test/",
  "/.nodoff/wait?route=victim",
  "/.nodoff/health?route=victim",
  "/.nodoff/loading?route=victim&return=http://victim.test/",
];

type Trick = readonly [what: string, play: () => Promise<Reply>];

/** Everything a visitor of blog.test, or of no host at all, could try. */
function tricks(): readonly Trick[] {
  const { port } = nodoff;
  const headers = { ...program, ...forged };
  const all: Trick[] = [];
  for (const proxy of dialectNames) {
    all.push([`${proxy} with forged headers`, () => callHook(port, proxy, { host: "blog.test", headers })]);
    for (const suffix of suffixes)
      all.push([`${proxy} ${suffix}`, () => callHook(port, proxy, { host: "blog.test", suffix })]);
    for (const host of hosts) all.push([`${proxy} at ${host}`, () => callHook(port, proxy, { host })]);
    for (const path of paths)
      all.push([`${proxy} ${path}`, () => callHook(port, proxy, { host: "blog.test", path, headers: navigation })]);
  }
  for (const suffix of ["", ...suffixes])
    all.push([`/wake${suffix}`, () => callWake(port, { host: "blog.test", suffix, headers })]);
  all.push([
    "Caddy's /wake",
    () =>
      ask(port, {
        host: "nodoff",
        path: "/wake?dialect=caddy&route=victim",
        headers: { ...headers, "X-Forwarded-Host": "blog.test", "X-Forwarded-Uri": "/" },
      }),
  ]);
  for (const path of paths) {
    if (path.startsWith("/.nodoff")) all.push([`direct ${path}`, () => ask(port, { host: "blog.test", path })]);
    // To whom it talks itself, the absolute form says the host (RFC 9112 §3.2.2).
    if (path.startsWith("/"))
      all.push([`own proxy ${path}`, () => ask(proxyPort, { host: "blog.test", path, headers })]);
  }
  for (const host of hosts) all.push([`own proxy at ${host}`, () => ask(proxyPort, { host, path: "/" })]);
  return all;
}

it("nobody is woken through another host, by ?route=, other proxies' headers or a container's name", async () => {
  for (const [what, play] of tricks()) {
    const reply = await play();
    assert.notEqual(reply.headers["x-nodoff-route"], "victim", what);
    assert.notEqual(reply.headers["x-nodoff-upstream"], "http://victim.test", what);
    assert.ok(!reply.text.includes(name), `${what} names the container`);
    assert.equal(await nodoff.state("victim"), "napping", what);
  }
  assert.ok(Number.isNaN(await victim.startedAt()), "never started");
});

it("nobody is kept awake that way", async () => {
  assert.equal((await callHook(nodoff.port, "traefik", { host: "victim.test" })).status, 200);
  const used = Date.now();
  const ended = { yet: false };
  const end = victim.end().then(() => (ended.yet = true));
  while (!ended.yet) {
    for (const [, play] of tricks()) {
      if (ended.yet) break;
      await play();
    }
    assert.ok(Date.now() - used < 30_000, "still awake 30 s after its last use");
  }
  await end;
  await nodoff.inState("victim", "napping");
});

it("a page of one host hears nothing of another", async () => {
  for (const path of ["wait", "health", "events", "logs", "loading"]) {
    const direct = await ask(nodoff.port, { host: "blog.test", path: `/.nodoff/${path}?route=victim` });
    assert.equal(direct.status, 404, path);
    const hooked = await callHook(nodoff.port, "caddy", { host: "blog.test", path: `/.nodoff/${path}?route=victim` });
    assert.equal(hooked.status, 404, path);
  }
});

it("says once that a name was ignored, and that a peer is not trusted", async () => {
  const line = await nodoff.logged(({ message }) => message === "?route= of the hook ignored", "warning");
  assert.equal(line.context?.["route"], "victim");
  const mark = nodoff.mark();
  await home.write({ ...config, trusted_proxies: ["10.99.0.0/16"] });
  await nodoff.loggedSince(mark, ({ message }) => message === "configuration reloaded", "reload");
  for (const proxy of dialectNames)
    assert.equal((await callHook(nodoff.port, proxy, { host: "lonely.test" })).status, 403);
  assert.equal((await ask(nodoff.port, { host: "lonely.test", path: "/.nodoff/wait?route=lonely" })).status, 403);
  const refused = nodoff.log().filter(({ message }) => message === "refused a peer that is not trusted");
  assert.equal(refused.length, 1);
  assert.equal(refused[0]?.context?.["key"], "trusted_proxies");
  assert.equal(refused[0]?.context?.["peer"], "127.0.0.1");
  assert.ok(Number.isNaN(await lonely.startedAt()));
  // Health probes are for everybody.
  await until("healthz", async () => ((await nodoff.get("/healthz")).status === 200 ? true : undefined));
});
