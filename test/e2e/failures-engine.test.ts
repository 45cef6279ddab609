import assert from "node:assert/strict";
import { join } from "node:path";
import { it } from "node:test";
import { type Box, openBoxes, web } from "../support/e2e/boxes.ts";
import { until } from "../support/e2e/child.ts";
import { navigation } from "../support/e2e/client.ts";
import { createEnds } from "../support/e2e/ends.ts";
import { openHome } from "../support/e2e/home.ts";
import { callHook, problemOf } from "../support/e2e/hook-caller.ts";
import { dockerSocket } from "../support/docker.ts";
import { createRelay, type Relay } from "../support/relay.ts";

// The engine goes away and comes back; nodoff stays up. One story, told in order: each test begins where the last ended.
const atEnd = createEnds();
const boxes = await openBoxes(atEnd);
const app = (name: string): Promise<Box> => boxes.create(name, { cmd: web(), expose: ["80/tcp"] });
const names = ["awake", "asleep", "stops", "starts", "deleted", "pauses", "ends"] as const;
const created = await Promise.all(names.map(async (name) => [name, await app(name)] as const));
const apps = Object.fromEntries(created) as Record<(typeof names)[number], Box>;
const home = await openHome(atEnd);
const socket = join(home.directory, "engine.sock");
await home.write({
  providers: { local: { type: "docker", url: `unix://${socket}`, discover: false } },
  defaults: { idle_timeout: 0, wake_timeout: "20s" },
  workloads: Object.fromEntries(
    created.map(([name, box]) => [name, { container: box.name, host: `${name}.test`, port: 80 }]),
  ),
});
const nodoff = await home.serve();
/** The way to the engine, once there is one. */
let relay: Relay | undefined;
atEnd(async () => relay?.close());

interface Provider {
  readonly name: string;
  readonly connected: boolean;
  readonly error: { readonly code: string; readonly message: string } | null;
}
const provider = async (): Promise<Provider | undefined> =>
  ((await nodoff.api("/providers")) as { readonly providers: readonly Provider[] }).providers[0];
const connected = (wanted: boolean): Promise<true> =>
  until(`provider connected: ${wanted}`, async () => ((await provider())?.connected === wanted ? true : undefined));
const metric = async (line: string): Promise<boolean> => (await nodoff.get("/metrics")).text.includes(`\n${line}\n`);

it("starts without an engine, says so, and lets requests through when in doubt", async () => {
  const line = await nodoff.logged(({ message }) => message === "engine not reachable", "line about the engine");
  assert.equal(line.level, "error");
  assert.equal(line.context?.["code"], "PROVIDER_UNAVAILABLE");
  assert.ok(String(line.context?.["error"]).includes(socket), "it names the socket");
  assert.equal(await nodoff.state("awake"), "unknown");
  const answer = await callHook(nodoff.port, "traefik", { host: "awake.test" });
  assert.equal(answer.status, 200);
  assert.ok(answer.tookMs < 10_000, `held for ${answer.tookMs} ms`);
  const { connected, error } = (await provider())!;
  assert.equal(connected, false);
  assert.equal(error?.code, "PROVIDER_UNAVAILABLE");
  assert.ok(await metric('nodoff_provider_connected{provider="local"} 0'));
});

it("is alive all the time, and ready once it has waited long enough for a first look", async () => {
  assert.equal((await nodoff.get("/healthz")).status, 200);
  await until("readyz", async () => ((await nodoff.get("/readyz")).status === 200 ? true : undefined));
});

it("looks as soon as the engine is there", async () => {
  await apps.awake.container.start();
  await apps.stops.container.start();
  await apps.pauses.container.start();
  await apps.ends.container.start();
  relay = await createRelay({ listen: socket, target: dockerSocket });
  await connected(true);
  for (const name of ["awake", "stops", "pauses", "ends"]) await nodoff.inState(name, "ready");
  for (const name of ["asleep", "starts", "deleted"]) await nodoff.inState(name, "napping");
  await nodoff.logged(({ message }) => message === "engine connected", "line about the engine");
  assert.ok(await metric('nodoff_provider_connected{provider="local"} 1'));
});

it("stands by what it knows while the engine is away", async () => {
  const mark = nodoff.mark();
  await relay?.down();
  await connected(false);
  await nodoff.loggedSince(mark, ({ message }) => message === "engine not reachable", "line about the engine");
  const ready = await callHook(nodoff.port, "traefik", { host: "awake.test" });
  assert.equal(ready.status, 200);
  assert.ok(ready.tookMs < 5_000);
});

it("says at once that the engine is not reachable to whoever wants to wake something", async () => {
  const answer = await callHook(nodoff.port, "traefik", { host: "asleep.test" });
  assert.equal(answer.status, 503);
  assert.equal(problemOf(answer)["code"], "PROVIDER_UNAVAILABLE");
  assert.ok(answer.tookMs < 10_000, `held for ${answer.tookMs} ms`);
  assert.ok(!answer.text.includes(socket), "strangers see no path");
  const page = await callHook(nodoff.port, "caddy", { host: "asleep.test", headers: navigation });
  assert.equal(page.status, 503);
  assert.equal(page.headers["x-nodoff-state"], "error");
});

it("makes up for everything that happened while the engine was away", async () => {
  const { stops, starts, deleted, pauses, ends } = apps;
  await stops.container.stop({ t: 5 });
  await starts.container.start();
  await deleted.remove();
  await pauses.container.pause();
  await ends.container.kill({ signal: "SIGKILL" });
  await ends.container.start();
  await relay?.up();
  await connected(true);
  await nodoff.inState("stops", "napping");
  await nodoff.inState("starts", "ready");
  await nodoff.inState("deleted", "gone");
  await nodoff.inState("pauses", "napping");
  await nodoff.inState("ends", "ready");
  await nodoff.inState("awake", "ready");
  const again = await until("asleep woken", async () => {
    const answer = await callHook(nodoff.port, "caddy", { host: "asleep.test" });
    return answer.status === 200 ? answer : undefined;
  });
  assert.equal(again.headers["x-nodoff-state"], "ready");
  for (const name of ["stops", "pauses"])
    assert.equal((await callHook(nodoff.port, "traefik", { host: `${name}.test` })).status, 200);
});

it("loses nothing when only the connections break", async () => {
  const mark = nodoff.mark();
  const before = relay?.connections ?? 0;
  relay?.cut();
  await apps.awake.container.stop({ t: 5 });
  await nodoff.inState("awake", "napping");
  assert.ok((relay?.connections ?? 0) > before);
  assert.equal((await callHook(nodoff.port, "traefik", { host: "awake.test" })).status, 200);
  assert.ok(
    !nodoff
      .log()
      .slice(mark)
      .some(({ message }) => message === "wake failed"),
  );
});
