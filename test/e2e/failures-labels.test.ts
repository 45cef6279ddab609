import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { it } from "node:test";
import { type Box, openBoxes, web } from "../support/e2e/boxes.ts";
import { until } from "../support/e2e/child.ts";
import { createEnds } from "../support/e2e/ends.ts";
import { openEngineView } from "../support/e2e/engine-view.ts";
import { openHome } from "../support/e2e/home.ts";
import { callHook, callWake, dialectNames } from "../support/e2e/hook-caller.ts";

// Labels alone, on a real engine: what they declare, and what a wrong one does. Only containers of this run are seen.
const atEnd = createEnds();
const run = randomBytes(4).toString("hex");
const boxes = await openBoxes(atEnd);
const labelled = (name: string, labels: Readonly<Record<string, string>>): Promise<Box> =>
  boxes.create(name, { cmd: web(), expose: ["80/tcp"], labels: { ...labels, "nodoff-test.run": run } });
const home = await openHome(atEnd);
const socket = join(home.directory, "engine.sock");
const view = await openEngineView(socket, `nodoff-test.run=${run}`);
atEnd(() => view.close());

const enable = { "nodoff.enable": "true" };
const [plain, wrong, typo, traefik, caddy, virtual, unreadable, bystander, disabled] = await Promise.all([
  labelled("plain", {
    ...enable,
    "nodoff.name": "plain",
    "nodoff.host": "plain.test,also-plain.test",
    "nodoff.idle_timeout": "2s",
  }),
  labelled("wrong", { ...enable, "nodoff.name": "wrong", "nodoff.host": "wrong.test", "nodoff.idle_timeout": "5" }),
  labelled("typo", { ...enable, "nodoff.name": "typo", "nodoff.hots": "typo.test" }),
  labelled("traefik", {
    ...enable,
    "nodoff.name": "router",
    "traefik.http.routers.app.rule": "Host(`router.test`) && PathPrefix(`/app`)",
    "traefik.http.services.app.loadbalancer.server.port": "80",
  }),
  labelled("caddy", {
    ...enable,
    "nodoff.name": "site",
    caddy: "site.test",
    "caddy.reverse_proxy": "{{upstreams 80}}",
  }),
  labelled("virtual", { ...enable, "nodoff.name": "virtual", VIRTUAL_HOST: "virtual.test" }),
  labelled("unreadable", {
    ...enable,
    "nodoff.name": "unreadable",
    "traefik.http.routers.app.rule": "HostRegexp(`.+`)",
  }),
  labelled("bystander", { "nodoff.host": "bystander.test" }),
  labelled("disabled", { "nodoff.enable": "false", "nodoff.host": "disabled.test" }),
]);
// Everybody but who has no route is refused, so that being let through means something.
await home.write({
  unknown_host: "deny",
  providers: { local: { type: "docker", url: `unix://${socket}` } },
  defaults: { idle_timeout: 0 },
  workloads: {},
});
const nodoff = await home.serve();

interface Route {
  readonly alias: string;
  readonly hosts: readonly string[];
  readonly path: string;
  readonly provider: string;
  readonly workload: string | null;
}
interface Problem {
  readonly source: string;
  readonly key: string;
  readonly message: string;
}
const routes = async (): Promise<readonly Route[]> =>
  ((await nodoff.api("/routes")) as { readonly routes: readonly Route[] }).routes;
const workloads = async (): Promise<readonly string[]> =>
  ((await nodoff.api("/workloads")) as { readonly workloads: readonly { readonly alias: string }[] }).workloads
    .map(({ alias }) => alias)
    .sort();
const errorsOf = async ({ name }: Box): Promise<readonly Problem[]> =>
  ((await nodoff.api("/config/errors")) as { readonly errors: readonly Problem[] }).errors.filter(
    ({ source }) => source === `label ${name}`,
  );
const summary = ({ hosts, path, provider, workload }: Route): object => ({ hosts, path, provider, workload });

it("finds what labels declare, and nobody else", async () => {
  await nodoff.inState("plain", "napping");
  assert.deepEqual(await workloads(), ["plain", "router", "site", "virtual"]);
  const found = Object.fromEntries((await routes()).map((route) => [route.alias, summary(route)]));
  assert.deepEqual(found["plain"], {
    hosts: ["plain.test", "also-plain.test"],
    path: "/",
    provider: "local",
    workload: "plain",
  });
  assert.deepEqual(found["router"], { hosts: ["router.test"], path: "/app", provider: "local", workload: "router" });
  assert.deepEqual(found["site"], { hosts: ["site.test"], path: "/", provider: "local", workload: "site" });
  assert.deepEqual(found["virtual"], { hosts: ["virtual.test"], path: "/", provider: "local", workload: "virtual" });
  for (const host of ["bystander.test", "disabled.test"])
    assert.equal((await callHook(nodoff.port, "caddy", { host })).status, 403, `${host} did not opt in`);
  assert.ok(!(await bystander.running()) && !(await disabled.running()));
});

it("wakes by hosts of labels, of Traefik's rules and of Caddy's sites", async () => {
  const doors = [
    ["also-plain.test", "/", plain],
    ["site.test", "/page", caddy],
    ["virtual.test", "/", virtual],
  ] as const;
  for (const [host, path, box] of doors) {
    assert.equal((await callHook(nodoff.port, "caddy", { host, path })).status, 200);
    assert.ok(await box.running());
  }
  assert.equal((await callHook(nodoff.port, "traefik", { host: "router.test", path: "/other" })).status, 403);
  assert.ok(!(await traefik.running()), "not its path");
  // Traefik's Docker provider learns of the start late: the client comes again.
  const handed = await callHook(nodoff.port, "traefik", { host: "router.test", path: "/app/x?y=1" });
  assert.equal(handed.status, 307);
  assert.equal(handed.headers["location"], "http://router.test/app/x?y=1");
  assert.equal((await callHook(nodoff.port, "traefik", { host: "router.test", path: "/app/x?y=1" })).status, 200);
});

it("puts to sleep by labels", async () => {
  const { State } = await plain.container.inspect();
  if (State.Running) await plain.end();
  await nodoff.inState("plain", "napping");
});

it("leaves out only the container with a wrong label, says so, and lets its visitors through", async () => {
  const [value] = await errorsOf(wrong);
  assert.equal(value?.key, "nodoff.idle_timeout");
  assert.match(value?.message ?? "", /"5" is not a duration.*did you mean "5m"/);
  const [key] = await errorsOf(typo);
  assert.equal(key?.key, "nodoff.hots");
  assert.match(key?.message ?? "", /did you mean "hosts?"/);
  const [rule] = await errorsOf(unreadable);
  assert.match(rule?.message ?? "", /needs nodoff\.host/);
  for (const { name } of [wrong, typo, unreadable]) {
    const line = await nodoff.logged(
      ({ level, context }) => level === "warn" && context?.["source"] === `label ${name}`,
      "warning",
    );
    assert.equal(typeof line.context?.["error"], "string");
  }
  await wrong.container.start();
  for (const proxy of dialectNames)
    assert.equal((await callHook(nodoff.port, proxy, { host: "wrong.test" })).status, 200);
  assert.notEqual((await callWake(nodoff.port, { host: "wrong.test" })).status, 403);
  assert.ok(await wrong.running());
});

it("takes a container that is created later, and another one under the same name", async () => {
  const labels = { ...enable, "nodoff.name": "later", "nodoff.host": "later.test" };
  const first = await labelled("later", labels);
  await nodoff.inState("later", "napping");
  assert.equal((await callHook(nodoff.port, "caddy", { host: "later.test" })).status, 200);
  await first.remove();
  await nodoff.inState("later", "gone");
  // The same name, another host: nothing of the first is left.
  await labelled("later", { ...labels, "nodoff.host": "moved.test" });
  await nodoff.inState("later", "napping");
  assert.equal((await callHook(nodoff.port, "caddy", { host: "later.test" })).status, 403);
  assert.equal((await callHook(nodoff.port, "caddy", { host: "moved.test" })).status, 200);
});

it("keeps a name with the container that has it while another is made to replace it, as compose does", async () => {
  const labels = { ...enable, "nodoff.name": "shop", "nodoff.host": "shop.test" };
  const old = await labelled("shop", labels);
  await nodoff.inState("shop", "napping");
  assert.equal((await callHook(nodoff.port, "caddy", { host: "shop.test" })).status, 200);
  // Compose makes the new one under a name that sorts first, stops and removes the old one, then gives it the name.
  const replacement = await labelled("000-shop", labels);
  await until("the clash reported", async () => ((await errorsOf(replacement)).length > 0 ? true : undefined));
  assert.equal(await nodoff.state("shop"), "ready");
  assert.equal((await callHook(nodoff.port, "caddy", { host: "shop.test" })).status, 200);
  assert.ok(!(await replacement.running()), "nobody asked for it");
  await old.remove();
  await replacement.container.rename({ name: old.name });
  const { ref } = await until("the new one in its place", async () => {
    const answer = await nodoff.get("/api/v1/workloads/shop");
    const shop = JSON.parse(answer.text) as { readonly ref?: string; readonly state?: string };
    return shop.ref === old.name && shop.state === "napping" ? { ref: shop.ref } : undefined;
  });
  assert.equal(ref, old.name);
  assert.deepEqual(await errorsOf(old), []);
  assert.equal((await callHook(nodoff.port, "caddy", { host: "shop.test" })).status, 200);
  assert.ok((await boxes.docker.getContainer(old.name).inspect()).State.Running);
});

it("lets the file win over labels", async () => {
  const mine = await labelled("mine", { ...enable, "nodoff.name": "by-label", "nodoff.host": "by-label.test" });
  await nodoff.inState("by-label", "napping");
  const mark = nodoff.mark();
  await home.write({
    providers: { local: { type: "docker", url: `unix://${socket}` } },
    defaults: { idle_timeout: 0 },
    workloads: { mine: { container: mine.name, host: "by-file.test", port: 80 } },
  });
  await nodoff.loggedSince(mark, ({ message }) => message === "configuration reloaded", "reload");
  await nodoff.inState("mine", "napping");
  assert.ok(!(await workloads()).includes("by-label"));
  assert.deepEqual(await errorsOf(mine), [], "as it was meant to be: no error");
  await nodoff.logged(
    ({ message, context }) => message === "not used" && context?.["source"] === `label ${mine.name}`,
    "word about the labels that lose",
  );
  assert.equal((await callHook(nodoff.port, "caddy", { host: "by-file.test" })).status, 200);
});
