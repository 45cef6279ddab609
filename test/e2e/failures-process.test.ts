import assert from "node:assert/strict";
import { connect } from "node:net";
import { describe, it } from "node:test";
import { type Box, openBoxes, web } from "../support/e2e/boxes.ts";
import { freePort, until } from "../support/e2e/child.ts";
import { ask, navigation } from "../support/e2e/client.ts";
import { createEnds } from "../support/e2e/ends.ts";
import { openHome, runNodoff, type Served } from "../support/e2e/home.ts";
import { callHook, dialectNames, problemOf } from "../support/e2e/hook-caller.ts";

// nodoff itself ends: killed, told to stop, or never able to start.
const atEnd = createEnds();
const boxes = await openBoxes(atEnd);
const app = (name: string, listensAfter = 0): Promise<Box> =>
  boxes.create(name, { cmd: web({ listensAfter }), expose: ["80/tcp"] });

interface Workload {
  readonly state: string;
  readonly last_used_at: string;
  readonly sleeps_at: string | null;
}
const view = async (nodoff: Served, alias: string): Promise<Workload> =>
  (await nodoff.api(`/workloads/${alias}`)) as Workload;

const toConfig = (workloads: Readonly<Record<string, object>>): Record<string, unknown> => ({
  providers: { local: { type: "docker", discover: false } },
  defaults: { wake_timeout: "20s" },
  workloads,
});
const on = (name: string, { name: container }: Box, more: object = {}): object => ({
  container,
  host: `${name}.test`,
  port: 80,
  ...more,
});

describe("kill -9 and a restart", { concurrency: true }, () => {
  it("after kill -9 allows running apps at once, and the idle clock goes on from the store", async () => {
    const [used, long, waking] = await Promise.all([app("used"), app("long"), app("waking", 1.5)]);
    const workloads = {
      used: on("used", used, { idle_timeout: "60s", min_awake: "1s" }),
      long: on("long", long, { idle_timeout: "60s" }),
      waking: on("waking", waking, { idle_timeout: "60s" }),
    };
    const home = await openHome(atEnd, toConfig(workloads));
    const first = await home.serve();
    for (const alias of ["used", "long"]) {
      await first.inState(alias, "napping");
      assert.equal((await callHook(home.port, "traefik", { host: `${alias}.test` })).status, 200);
    }
    const before = await view(first, "used");
    const starts = [await used.startedAt(), await long.startedAt()];
    // A wake is under way when it ends, and the store has had its second to write.
    const held = callHook(home.port, "caddy", { host: "waking.test" }).catch(() => "cut");
    await until("waking runs", async () => ((await waking.running()) ? true : undefined));
    const savedBy = Date.parse(before.last_used_at) + 2_500;
    await until("saved", async () => (Date.now() > savedBy ? true : undefined));
    await first.child.kill();
    await held;

    // Up for longer than a wake may take: taken for ready as it stands.
    await home.write(toConfig({ ...workloads, long: on("long", long, { idle_timeout: "60s", wake_timeout: "1s" }) }));
    const second = await home.serve();
    for (const proxy of ["traefik", "caddy"] as const) {
      for (const alias of ["used", "long"]) {
        const answer = await callHook(home.port, proxy, { host: `${alias}.test`, method: "OPTIONS" });
        assert.equal(answer.status, 200);
        // Far less than a hold.
        assert.ok(answer.tookMs < 10_000, `${alias} held for ${answer.tookMs} ms`);
      }
    }
    assert.equal((await callHook(home.port, "caddy", { host: "waking.test" })).status, 200, "its wake is taken over");
    const after = await view(second, "used");
    // Preflights do not count: the last use is still the one of before the end.
    const drift = Date.parse(after.last_used_at) - Date.parse(before.last_used_at);
    assert.ok(Math.abs(drift) < 100, `last use moved by ${drift} ms`);
    assert.ok(Math.abs(Date.parse(after.sleeps_at ?? "") - Date.parse(after.last_used_at) - 60_000) < 100);
    assert.deepEqual([await used.startedAt(), await long.startedAt()], starts, "none was stopped");
    assert.ok((await used.running()) && (await long.running()));
    await second.close();
  });

  it("never stops at once what was idle for long while it was away", async () => {
    const idle = await app("idle");
    const home = await openHome(
      atEnd,
      toConfig({ idle: on("idle", idle, { idle_timeout: "2s", min_awake: "1500ms" }) }),
    );
    const first = await home.serve();
    await first.inState("idle", "napping");
    assert.equal((await callHook(home.port, "traefik", { host: "idle.test" })).status, 200);
    const { last_used_at } = await view(first, "idle");
    await first.child.kill();
    const idleSince = Date.parse(last_used_at) + 2_000;
    await until("idle for longer than idle_timeout", async () => (Date.now() > idleSince ? true : undefined));
    const restartedAt = Date.now();
    const second = await home.serve();
    await second.inState("idle", "ready");
    await idle.end();
    const ranMs = (await idle.finishedAt()) - restartedAt;
    assert.ok(ranMs >= 1_500, `stopped ${ranMs} ms after the restart`);
    const line = await second.logged(({ message }) => message === "asleep", "line that says why it sleeps");
    assert.ok(Array.isArray(line.context?.["reasons"]));
    await second.close();
  });

  it("finishes nothing and loses nothing when it is killed while it stops a container", async () => {
    const stubborn = await boxes.create("stubborn", {
      cmd: ["sh", "-c", 'trap "" TERM; echo hello >/tmp/index.html; httpd -f -p 80 -h /tmp'],
      expose: ["80/tcp"],
    });
    const workload = on("stubborn", stubborn, { idle_timeout: "1s", stop_timeout: "3s" });
    const home = await openHome(atEnd, toConfig({ stubborn: workload }));
    const first = await home.serve();
    await first.inState("stubborn", "napping");
    assert.equal((await callHook(home.port, "caddy", { host: "stubborn.test" })).status, 200);
    await first.inState("stubborn", "stopping");
    await first.child.kill();
    const second = await home.serve();
    // The engine goes on with the stop it was asked for.
    const answer = await until("stubborn answers", async () => {
      const tried = await callHook(home.port, "caddy", { host: "stubborn.test" });
      return tried.status === 200 && (await stubborn.running()) ? tried : undefined;
    });
    assert.equal(answer.headers["x-nodoff-state"], "ready");
    await second.close();
  });
});

it("on SIGTERM answers everybody who waits at once, stops nothing, and ends with 0", async () => {
  const [busy, slow] = await Promise.all([app("busy"), app("slow", 30)]);
  const home = await openHome(atEnd, toConfig({ busy: on("busy", busy), slow: on("slow", slow) }));
  const nodoff = await home.serve();
  await Promise.all(["busy", "slow"].map((alias) => nodoff.inState(alias, "napping")));
  assert.equal((await callHook(home.port, "traefik", { host: "busy.test" })).status, 200);
  const callers = dialectNames.map((proxy) => callHook(home.port, proxy, { host: "slow.test" }));
  const page = callHook(home.port, "traefik", { host: "slow.test", headers: navigation });
  const stream = fetch(`http://127.0.0.1:${home.port}/.nodoff/events?route=slow`, { headers: { Host: "slow.test" } });
  await until("slow runs", async () => ((await slow.running()) ? true : undefined));
  await page;
  await until("callers held", async () => {
    const { waiters } = (await nodoff.api("/routes/slow")) as { readonly waiters: number };
    return waiters >= callers.length ? true : undefined;
  });
  // Somebody who keeps a connection open and says nothing must not keep nodoff.
  const idle = connect(home.port, "127.0.0.1");
  await new Promise((resolve) => idle.once("connect", resolve));
  idle.on("error", () => undefined);
  const toldAt = Date.now();
  process.kill(nodoff.child.pid, "SIGTERM");
  for (const [index, answer] of (await Promise.all(callers)).entries()) {
    const proxy = dialectNames[index];
    assert.equal(answer.status, proxy === "nginx" ? 401 : 503);
    assert.ok(answer.at - toldAt < 8_000, `${proxy} was told after ${answer.at - toldAt} ms`);
    if (proxy !== "nginx") assert.equal(problemOf(answer)["code"], "SHUTTING_DOWN");
  }
  assert.equal(await nodoff.child.ended, 0);
  const tookMs = Date.now() - toldAt;
  assert.ok(tookMs < 20_000, `it took ${tookMs} ms`);
  idle.destroy();
  await stream.then((answer) => answer.body?.cancel()).catch(() => undefined);
  assert.ok((await busy.running()) && (await slow.running()), "nothing was stopped");
  assert.ok(!nodoff.child.lines.some((line) => /^\s+at /.test(line)), "no stack traces");
});

it("on SIGTERM lets requests finish that its own proxy carries", async () => {
  const carried = await app("carried");
  const proxyPort = await freePort();
  const listen = { proxy: `127.0.0.1:${proxyPort}` };
  const home = await openHome(atEnd, { ...toConfig({ carried: on("carried", carried) }), listen });
  const nodoff = await home.serve();
  await nodoff.inState("carried", "napping");
  const open = ask(proxyPort, { host: "carried.test", path: "/cgi-bin/slow" });
  await until("request carried", async () => {
    const { in_flight } = (await nodoff.api("/routes/carried")) as { readonly in_flight: number };
    return in_flight === 1 ? true : undefined;
  });
  process.kill(nodoff.child.pid, "SIGTERM");
  assert.equal((await open).text, "begin\nend\n");
  assert.equal(await nodoff.child.ended, 0);
  assert.ok(await carried.running());
});

it("says clearly that its port is taken, and ends", async () => {
  const home = await openHome(atEnd, toConfig({}));
  const first = await home.serve();
  const { code, lines } = await runNodoff(["serve", "--config", home.file]);
  assert.equal(code, 1);
  const text = lines.join("\n");
  assert.ok(text.includes(`cannot listen on 127.0.0.1:${home.port}: another program listens there already`), text);
  assert.ok(!lines.some((line) => /^\s+at /.test(line)), "no stack trace");
  assert.equal((await first.get("/healthz")).status, 200, "the first goes on");
  await first.close();
});
