import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import { describe, it } from "node:test";
import { type Box, endsAfter, openBoxes, web } from "../support/e2e/boxes.ts";
import { freePort, until } from "../support/e2e/child.ts";
import { ask, navigation } from "../support/e2e/client.ts";
import { createEnds } from "../support/e2e/ends.ts";
import { openHome } from "../support/e2e/home.ts";
import { callHook, callWake, dialectNames, problemOf } from "../support/e2e/hook-caller.ts";

// Wakes that fail, and wakes that only look as if they had succeeded. One nodoff, one container per test.
const atEnd = createEnds();
const boxes = await openBoxes(atEnd);
const takenPort = await freePort();
const publishedPort = await freePort();
const publish = (port: number): object => ({
  PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: `${port}` }] },
});

const [crash, crashLater, ends, badCommand, noPort, silent, late, published, login, hidden] = await Promise.all([
  boxes.create("crash", { cmd: endsAfter(0), expose: ["80/tcp"] }),
  boxes.create("crash-later", { cmd: endsAfter(1), expose: ["80/tcp"] }),
  boxes.create("ends", {
    cmd: ["sh", "-c", "echo hello >/tmp/index.html; httpd -p 80 -h /tmp; sleep 2; exit 7"],
    expose: ["80/tcp"],
  }),
  boxes.create("bad-command", { cmd: ["/no/such/program"], expose: ["80/tcp"] }),
  boxes.create("port", { cmd: web(), expose: ["80/tcp"], host: publish(takenPort) }),
  boxes.create("silent", { cmd: web({ listensAfter: "never" }), expose: ["80/tcp"] }),
  boxes.create("late", { cmd: web({ listensAfter: 2.5 }), expose: ["80/tcp"] }),
  boxes.create("published", { cmd: web({ listensAfter: 5 }), expose: ["80/tcp"], host: publish(publishedPort) }),
  boxes.create("login", { cmd: web({ login: true }), expose: ["80/tcp"] }),
  boxes.create("hidden", { cmd: endsAfter(0), expose: ["80/tcp"] }),
]);
/** Far less than any wake may take. */
const atOnceMs = 8_000;
const on = (name: string, { name: container }: Box): object => ({ container, host: `${name}.test`, port: 80 });
const home = await openHome(atEnd, {
  providers: { local: { type: "docker", discover: false } },
  defaults: { idle_timeout: 0, wake_timeout: "20s", show_details: true },
  workloads: {
    crash: on("crash", crash),
    "crash-later": on("crash-later", crashLater),
    ends: on("ends", ends),
    "bad-command": on("bad-command", badCommand),
    port: on("port", noPort),
    silent: { ...on("silent", silent), wake_timeout: "3s" },
    late: { ...on("late", late), wake_timeout: "1s" },
    published: { container: published.name, host: "published.test", upstream: `http://127.0.0.1:${publishedPort}` },
    login: on("login", login),
    hidden: { ...on("hidden", hidden), show_details: false },
  },
});
const nodoff = await home.serve();

interface Workload {
  readonly state: string;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly next_try_at: string | null;
}
const workload = async (alias: string): Promise<Workload> => (await nodoff.api(`/workloads/${alias}`)) as Workload;

it("tells callers of every proxy at once that the container has ended, once for all of them", async () => {
  await nodoff.inState("crash-later", "napping");
  const answers = await Promise.all(
    dialectNames.map((proxy) => callHook(nodoff.port, proxy, { host: "crash-later.test" })),
  );
  const ended = await crashLater.finishedAt();
  for (const [index, answer] of answers.entries()) {
    const late = answer.at - ended;
    assert.ok(late >= 0 && late < atOnceMs, `${dialectNames[index]} was told ${late} ms after the exit`);
  }
  for (const answer of answers.slice(0, 2)) {
    assert.equal(answer.status, 503);
    assert.equal(problemOf(answer)["code"], "EXITED");
    assert.match(String(problemOf(answer)["detail"]), /exit code 3/);
  }
  assert.equal(answers[2]?.status, 401, "nginx fetches the reason from /wake");
  assert.equal(problemOf(await callWake(nodoff.port, { host: "crash-later.test" }))["code"], "EXITED");
  const wakes = nodoff
    .log()
    .filter(({ message, context }) => message === "wake begun" && context?.["alias"] === "crash-later");
  assert.equal(wakes.length, 1);
});

it("tells that the container ended at once, also people, and says so in log and API", async () => {
  await nodoff.inState("crash", "napping");
  const answer = await callHook(nodoff.port, "traefik", { host: "crash.test" });
  assert.equal(answer.status, 503);
  assert.equal(problemOf(answer)["code"], "EXITED");
  assert.ok(answer.at - (await crash.finishedAt()) < atOnceMs);
  const { state, error, next_try_at } = await workload("crash");
  assert.equal(state, "error");
  assert.equal(error?.code, "EXITED");
  assert.match(error?.message ?? "", /exit code 3/);
  assert.ok(Date.parse(next_try_at ?? "") > answer.at, "and when the next try is");
  await nodoff.logged(
    ({ level, message, context }) => level === "error" && message === "wake failed" && context?.["alias"] === "crash",
    "failed wake",
  );
  const page = await callHook(nodoff.port, "caddy", { host: "crash.test", headers: navigation });
  assert.equal(page.status, 503);
  assert.equal(page.headers["x-nodoff-state"], "error");
  assert.ok(page.text.includes("exit code 3"));
});

it("shows strangers no engine text without show_details", async () => {
  await nodoff.inState("hidden", "napping");
  const answer = await callHook(nodoff.port, "traefik", { host: "hidden.test" });
  const page = await callHook(nodoff.port, "traefik", { host: "hidden.test", headers: navigation });
  assert.equal(problemOf(answer)["code"], "EXITED");
  for (const text of [answer.text, page.text]) {
    assert.ok(!/exit code/.test(text), "the page says what, not how");
    assert.ok(!text.includes(hidden.name), "nor the container's name");
  }
});

it("names a command that cannot be run", async () => {
  await nodoff.inState("bad-command", "napping");
  const answer = await callHook(nodoff.port, "caddy", { host: "bad-command.test" });
  assert.equal(answer.status, 503);
  assert.equal(problemOf(answer)["code"], "BAD_COMMAND");
  assert.match((await workload("bad-command")).error?.message ?? "", /\/no\/such\/program/);
});

// Each of these waits for seconds to pass: together they take as long as the longest.
describe("wakes that take their time", { concurrency: true }, () => {
  it("names a host port that is taken, waits out the back-off without a start, then wakes", async () => {
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(takenPort, "127.0.0.1", resolve));
    try {
      await nodoff.inState("port", "napping");
      const answer = await callHook(nodoff.port, "traefik", { host: "port.test" });
      assert.equal(problemOf(answer)["code"], "PORT_CONFLICT");
      assert.match(String(problemOf(answer)["detail"]), new RegExp(`host port ${takenPort} is taken`));
    } finally {
      await new Promise((resolve) => squatter.close(resolve));
    }
    const early = await callHook(nodoff.port, "traefik", { host: "port.test" });
    assert.equal(problemOf(early)["code"], "PORT_CONFLICT");
    const nextTryAt = Date.parse(String(problemOf(early)["next_try_at"]));
    assert.ok(nextTryAt > early.at && nextTryAt <= early.at + 5_000);
    assert.ok(Number(early.headers["retry-after"]) >= 1);
    const woken = await until("port woken", async () => {
      const answer = await callHook(nodoff.port, "traefik", { host: "port.test" });
      return answer.status === 200 ? answer : undefined;
    });
    assert.ok((await noPort.startedAt()) >= nextTryAt, "no start before");
    assert.ok(woken.at > nextTryAt);
  });

  it("tells an app that ended by itself while it was in use from one that sleeps", async () => {
    await nodoff.inState("ends", "napping");
    assert.equal((await callHook(nodoff.port, "caddy", { host: "ends.test" })).status, 200);
    await nodoff.inState("ends", "error");
    const { error } = await workload("ends");
    assert.equal(error?.code, "EXITED");
    assert.match(error?.message ?? "", /exit code 7/);
    await nodoff.logged(
      ({ level, message, context }) =>
        level === "error" && message === "ended by itself" && context?.["alias"] === "ends",
      "line about the end",
    );
    const answer = await callHook(nodoff.port, "caddy", { host: "ends.test" });
    assert.equal(problemOf(answer)["code"], "EXITED");
    assert.ok(Number(answer.headers["retry-after"]) >= 1);
  });

  it("gives up on an app that never listens after wake_timeout, and names what it saw", async () => {
    await nodoff.inState("silent", "napping");
    const answer = await callHook(nodoff.port, "traefik", { host: "silent.test" });
    assert.equal(problemOf(answer)["code"], "WAKE_TIMEOUT");
    assert.ok(answer.tookMs >= 2900 && answer.tookMs < 12_000, `${answer.tookMs} ms`);
    const { state, error } = await workload("silent");
    assert.equal(state, "error");
    assert.match(error?.message ?? "", /^not ready within 3 s: .*(?:refused|ECONNREFUSED)/);
    assert.ok(await silent.running(), "nobody asked to stop it");
  });

  it("lets an app through that got ready after wake_timeout", async () => {
    await nodoff.inState("late", "napping");
    const answer = await callHook(nodoff.port, "traefik", { host: "late.test" });
    assert.equal(problemOf(answer)["code"], "WAKE_TIMEOUT");
    await nodoff.inState("late", "ready");
    const again = await callHook(nodoff.port, "traefik", { host: "late.test" });
    assert.equal(again.status, 200);
    assert.equal((await late.container.inspect()).RestartCount, 0);
  });

  it("takes a published port that accepts before the app listens for no readiness, and never answers too early", async () => {
    await nodoff.inState("published", "napping");
    const held = callHook(nodoff.port, "traefik", { host: "published.test" });
    const page = await until("page", async () => {
      const answer = await callHook(nodoff.port, "caddy", { host: "published.test", headers: navigation });
      return answer.headers["x-nodoff-state"] === "starting" ? answer : undefined;
    });
    assert.equal(page.status, 503);
    await until("port accepts", () => accepts(publishedPort));
    assert.equal(await nodoff.state("published"), "starting", "the port relay accepts, the app does not listen");
    const answer = await held;
    assert.equal(answer.status, 200);
    const app = await ask(publishedPort, { host: "published.test", path: "/" });
    assert.equal(app.text, "hello\n", "whom the hook lets through meets the app");
    const started = await published.startedAt();
    assert.ok(answer.at - started >= 5_000, `answered ${answer.at - started} ms after the start`);
    assert.ok(answer.at - started < 15_000, `answered ${answer.at - started} ms after the start`);
  });
});

it("takes 401 on / for an answer", async () => {
  await nodoff.inState("login", "napping");
  const answer = await callHook(nodoff.port, "caddy", { host: "login.test", path: "/deep?link=1" });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers["x-nodoff-state"], "ready");
});

/** Whether something accepts connections there; it may close them at once. */
function accepts(port: number): Promise<true | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(undefined));
  });
}
