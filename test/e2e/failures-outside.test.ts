import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Box, openBoxes, web } from "../support/e2e/boxes.ts";
import { until } from "../support/e2e/child.ts";
import { navigation } from "../support/e2e/client.ts";
import { createEnds } from "../support/e2e/ends.ts";
import { openHome } from "../support/e2e/home.ts";
import { callHook, dialectNames, problemOf } from "../support/e2e/hook-caller.ts";

// Others have hands on the engine too: what they do there is followed, never fought.
const atEnd = createEnds();
const boxes = await openBoxes(atEnd);
const app = (name: string): Promise<Box> => boxes.create(name, { cmd: web(), expose: ["80/tcp"] });
const [paused, stopped, restarted, started, killed, slow, doomed, frozen] = await Promise.all([
  app("paused"),
  app("stopped"),
  app("restarted"),
  app("started"),
  app("killed"),
  boxes.create("slow", { cmd: web({ listensAfter: 1.5 }), expose: ["80/tcp"] }),
  boxes.create("doomed", { cmd: web({ listensAfter: "never" }), expose: ["80/tcp"] }),
  boxes.create("frozen", { cmd: web({ listensAfter: 1 }), expose: ["80/tcp"] }),
]);
const on = (name: string, { name: container }: Box): object => ({ container, host: `${name}.test`, port: 80 });
const home = await openHome(atEnd, {
  providers: { local: { type: "docker", discover: false } },
  defaults: { idle_timeout: 0, wake_timeout: "20s" },
  workloads: {
    paused: on("paused", paused),
    stopped: on("stopped", stopped),
    restarted: on("restarted", restarted),
    started: { ...on("started", started), idle_timeout: "2s" },
    killed: on("killed", killed),
    slow: on("slow", slow),
    doomed: on("doomed", doomed),
    frozen: on("frozen", frozen),
  },
});
const nodoff = await home.serve();

async function wake(alias: string): Promise<void> {
  await nodoff.inState(alias, (await nodoff.state(alias)) === "ready" ? "ready" : "napping");
  assert.equal((await callHook(nodoff.port, "caddy", { host: `${alias}.test` })).status, 200);
}

describe("somebody else", { concurrency: 3 }, () => {
  it("resumes what somebody paused, without a start", async () => {
    await wake("paused");
    const before = await paused.startedAt();
    await paused.container.pause();
    await nodoff.inState("paused", "napping");
    assert.equal((await paused.container.inspect()).State.Paused, true, "it stays as they left it");
    const answer = await callHook(nodoff.port, "traefik", { host: "paused.test" });
    assert.equal(answer.status, 200);
    assert.ok(answer.tookMs < 10_000);
    const { State } = await paused.container.inspect();
    assert.equal(State.Paused, false);
    assert.equal(Date.parse(State.StartedAt), before, "resumed, not started anew");
  });

  it("lets what somebody stopped nap, without an alarm, and wakes it on request", async () => {
    await wake("stopped");
    const mark = nodoff.mark();
    await stopped.container.stop({ t: 5 });
    await nodoff.inState("stopped", "napping");
    const view = (await nodoff.api("/workloads/stopped")) as { readonly error: unknown };
    assert.equal(view.error, null);
    assert.deepEqual(
      nodoff
        .log()
        .slice(mark)
        .filter(({ level, context }) => level === "error" && context?.["alias"] === "stopped"),
      [],
    );
    for (const proxy of dialectNames.slice(0, 2))
      assert.equal((await callHook(nodoff.port, proxy, { host: "stopped.test" })).status, 200);
    assert.ok(await stopped.running());
  });

  it("refuses nobody while somebody restarts it", async () => {
    await wake("restarted");
    const before = await restarted.startedAt();
    const state = { over: false };
    const restart = restarted.container.restart({ t: 5 }).then(() => (state.over = true));
    let asked = 0;
    while (!state.over) {
      const answer = await callHook(nodoff.port, "caddy", { host: "restarted.test" });
      assert.equal(answer.status, 200, answer.text);
      asked++;
    }
    await restart;
    assert.ok(asked > 0);
    await nodoff.inState("restarted", "ready");
    assert.ok((await restarted.startedAt()) > before);
  });

  it("calls what was killed by hand stopped, not crashed", async () => {
    await wake("killed");
    await killed.container.kill({ signal: "SIGKILL" });
    await nodoff.inState("killed", "napping");
    await wake("killed");
  });

  it("adopts what somebody started, and gives it a full idle period", async () => {
    await nodoff.inState("started", "napping");
    await started.container.start();
    await nodoff.inState("started", "ready");
    assert.equal((await callHook(nodoff.port, "traefik", { host: "started.test", method: "OPTIONS" })).status, 200);
    const begun = await started.startedAt();
    await started.end();
    const ranMs = (await started.finishedAt()) - begun;
    assert.ok(ranMs >= 2_000, `it ran for ${ranMs} ms`);
    await nodoff.inState("started", "napping");
  });

  it("tells callers that somebody stopped it while they waited, and leaves it so until the next request", async () => {
    await nodoff.inState("slow", "napping");
    const held = callHook(nodoff.port, "traefik", { host: "slow.test" });
    await until("slow runs", async () => ((await slow.running()) ? true : undefined));
    // It may not yet listen to SIGTERM.
    await slow.container.stop({ t: 0 });
    const answer = await held;
    assert.equal(answer.status, 503);
    assert.equal(problemOf(answer)["code"], "STOPPED_OUTSIDE");
    assert.ok(answer.at - (await slow.finishedAt()) < 8_000);
    assert.equal(await nodoff.state("slow"), "napping");
    assert.ok(!(await slow.running()), "whoever stopped it meant it");
    await wake("slow");
  });

  it("tells callers that somebody paused it while they waited, and resumes it for the next", async () => {
    await nodoff.inState("frozen", "napping");
    const held = callHook(nodoff.port, "caddy", { host: "frozen.test" });
    await until("frozen runs", async () => ((await frozen.running()) ? true : undefined));
    const started = await frozen.startedAt();
    await frozen.container.pause();
    assert.equal(problemOf(await held)["code"], "STOPPED_OUTSIDE");
    assert.equal((await frozen.container.inspect()).State.Paused, true);
    await wake("frozen");
    assert.equal(await frozen.startedAt(), started);
  });

  it("tells callers at once that the container was deleted, and finds it again under its name", async () => {
    await nodoff.inState("doomed", "napping");
    const callers = dialectNames.slice(0, 2).map((proxy) => callHook(nodoff.port, proxy, { host: "doomed.test" }));
    await until("doomed runs", async () => ((await doomed.running()) ? true : undefined));
    await nodoff.inState("doomed", "starting");
    await doomed.remove();
    const removedAt = Date.now();
    for (const answer of await Promise.all(callers)) {
      assert.equal(answer.status, 503);
      assert.equal(problemOf(answer)["code"], "GONE");
      assert.ok(answer.at - removedAt < 8_000, `told ${answer.at - removedAt} ms after it was gone`);
    }
    await nodoff.inState("doomed", "gone");
    const page = await callHook(nodoff.port, "traefik", { host: "doomed.test", headers: navigation });
    assert.equal(page.status, 503);
    assert.equal(page.headers["x-nodoff-state"], "gone");
    await app("doomed");
    await nodoff.inState("doomed", "napping");
    await wake("doomed");
  });
});
