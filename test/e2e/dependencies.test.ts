import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConfigErrors } from "../../src/control/schema.ts";
import { untilTerm } from "../support/docker.ts";
import { endsAfter, web } from "../support/e2e/boxes.ts";
import { until } from "../support/e2e/child.ts";
import { navigation } from "../support/e2e/client.ts";
import { createEnds } from "../support/e2e/ends.ts";
import { openHome, runNodoff } from "../support/e2e/home.ts";
import { callHook, callWake, problemOf } from "../support/e2e/hook-caller.ts";
import { createAsker } from "../support/e2e/stack-ask.ts";
import { openStack } from "../support/e2e/stack.ts";

// Who needs whom on a real engine, told by the order of its events. One nodoff for all: each test has its containers.
const atEnd = createEnds();
const stack = await openStack(atEnd);
const { box, service, projectOf, events } = stack;
const app = { cmd: web(), expose: ["80/tcp"] };
const enable = { "nodoff.enable": "true" };
/** Ends well after a moment of work. */
const oneShot = { cmd: ["sh", "-c", "sleep 0.3; exit 0"] };
/** Says that it is healthy a second after its start. */
const checked = {
  cmd: ["sh", "-c", `busybox rm -f /tmp/up; ${untilTerm[2].replace("echo one", "sleep 1; touch /tmp/up")}`],
  more: { Healthcheck: { Test: ["CMD", "test", "-f", "/tmp/up"], Interval: 3e8, Timeout: 5e9, Retries: 100 } },
};

const [first, second, shared, site, schema, blocked, hidden, broken, memberOne, memberTwo] = await Promise.all([
  box("first", app),
  box("second", app),
  box("shared"),
  box("site", app),
  box("schema", oneShot),
  box("blocked", app),
  box("hidden", app),
  box("broken", { cmd: endsAfter(0) }),
  box("member-one", app),
  box("member-two", app),
  service("shop", "web", {
    ...app,
    labels: { ...enable, "nodoff.name": "shop", "nodoff.host": "shop.test", "nodoff.port": "80" },
    dependsOn: { db: "service_healthy", cache: "service_started", migrate: "service_completed_successfully" },
  }),
  service("shop", "db", checked),
  service("shop", "cache"),
  service("shop", "migrate", { ...oneShot, dependsOn: { db: "service_healthy" } }),
  service("all", "ui", {
    ...app,
    labels: { ...enable, "nodoff.host": "ui.test", "nodoff.port": "80" },
    dependsOn: { api: "service_started" },
  }),
  service("all", "api", { labels: enable, dependsOn: { store: "service_healthy" } }),
  service("all", "store", { ...checked, labels: enable }),
  service("wiki", "front", {
    ...app,
    labels: { ...enable, "nodoff.host": "front.test", "nodoff.port": "80", "nodoff.depends_on_sleep": "true" },
    dependsOn: { data: "service_started" },
  }),
  service("wiki", "data"),
  // Many projects have a container of their own name.
  service("media", "server", {
    ...app,
    containerName: "media",
    dependsOn: { library: "service_healthy", setup: "service_completed_successfully" },
  }),
  service("media", "library", checked),
  service("media", "setup", oneShot),
  service("farm", "egg", {
    ...app,
    labels: { ...enable, "nodoff.host": "egg.test", "nodoff.port": "80" },
    dependsOn: { hen: "service_started" },
  }),
  service("farm", "hen", { labels: enable, dependsOn: { egg: "service_started" } }),
]);
const tool = await service("wiki", "tool", { dependsOn: { data: "service_started" } });

const home = await openHome(atEnd);
const on = (name: string, { name: container }: { readonly name: string }, more = {}): object => ({
  container,
  host: `${name}.test`,
  port: 80,
  ...more,
});
await home.write({
  providers: { local: { type: "docker", url: `unix://${await stack.view(home.directory)}` } },
  // What the checks of health burn here, one every 300 ms, would count as use.
  defaults: { idle_timeout: "1s", wake_timeout: "30s", activity: { cpu: false } },
  workloads: {
    first: on("first", first, { depends_on: ["shared"] }),
    second: on("second", second, { depends_on: ["shared"] }),
    shared: { container: shared.name },
    site: on("site", site, { depends_on: ["schema:completed"] }),
    schema: { container: schema.name },
    blocked: on("blocked", blocked, { depends_on: [`${broken.name}:completed`], show_details: true }),
    hidden: on("hidden", hidden, { depends_on: [`${broken.name}:completed`] }),
    media: { compose: projectOf("media"), host: "media.test", port: 80 },
    pair: { group: ["member-one", "member-two"], wake: "one", host: "pair.test" },
    "member-one": { container: memberOne.name, port: 80 },
    "member-two": { container: memberTwo.name, port: 80 },
  },
});
const nodoff = await home.serve();
const { when, post, get, workload } = createAsker(nodoff);
// Labels are read a moment after nodoff listens.
await Promise.all(["shop", "ui", "front", "egg"].map((alias) => nodoff.inState(alias, "napping")));

async function wake(alias: string): Promise<void> {
  // A hold may end before a chain of several is up.
  await until(`${alias} awake`, async () => {
    const { status, text } = await callHook(home.port, "caddy", { host: `${alias}.test` });
    if (status === 503 && text.includes('"code":"WAKING"')) return undefined;
    assert.equal(status, 200, text);
    return true;
  });
}
const asleep = (alias: string): Promise<unknown> => when(alias, "asleep", ({ state }) => state === "napping");

/** What happened on the engine to these services and boxes. */
function told(since: number, ...names: readonly string[]): readonly string[] {
  return events(since, ...names).map(({ text }) => text);
}

/** On a machine that has other work, too. */
const patienceMs = 40_000;

/** Resolves once all of it has happened; fails where the first time of each is not in this order. */
async function inOrder(since: number, ...steps: readonly string[]): Promise<readonly string[]> {
  const names = [...new Set(steps.map((step) => step.replace(/^.* /, "")))];
  const happened = await until(
    `events ${steps.join(", ")}`,
    async () => {
      const seen = told(since, ...names);
      return steps.every((step) => seen.includes(step)) ? seen : undefined;
    },
    patienceMs,
  );
  const found = happened.filter((text, at) => steps.includes(text) && happened.indexOf(text) === at);
  assert.deepEqual(found, steps);
  return happened;
}

/** By its start: the engine tells of health a little later than it shows it. */
function waitedForHealth(since: number, dependency: string, dependant: string): void {
  const at = (wanted: string): number => events(since).find(({ text }) => text === wanted)?.at ?? Number.NaN;
  const waitedMs = at(dependant) - at(dependency);
  assert.ok(waitedMs >= 900, `${dependant} came ${waitedMs} ms after ${dependency}`);
}

const times = (happened: readonly string[], text: string): number => happened.filter((each) => each === text).length;

describe("who needs whom", { concurrency: true }, () => {
  describe("dependencies", { concurrency: true }, () => {
    it("wakes what two apps share before the first, and lets it sleep only after the second", async () => {
      const since = await stack.now();
      await Promise.all([asleep("first"), asleep("second"), asleep("shared")]);
      // Pinned, so that a slow machine does not let one sleep before the other is awake.
      for (const alias of ["first", "second"]) {
        assert.equal((await post(alias, "pin", { for: "1h" })).status, 202);
        await wake(alias);
      }
      assert.equal((await post("first", "unpin")).status, 202);
      await asleep("first");
      const kept = await workload("shared");
      assert.equal(kept.state, "ready");
      assert.deepEqual(kept.dependants.toSorted(), ["first", "second"]);
      assert.ok(
        kept.reasons.some(({ signal, text }) => signal === "dependants" && text === "second needs it"),
        JSON.stringify(kept.reasons),
      );
      assert.equal((await post("second", "unpin")).status, 202);
      const happened = await inOrder(
        since,
        "start shared",
        "start first",
        "start second",
        "die first",
        "die second",
        "die shared",
      );
      assert.equal(times(happened, "start shared"), 1);
      await asleep("shared");
    });

    it("runs what has to complete once per wake, however many ask", async () => {
      await Promise.all([asleep("site"), asleep("schema")]);
      for (const round of [1, 2]) {
        const since = await stack.now();
        await Promise.all(Array.from({ length: 5 }, () => wake("site")));
        const happened = await inOrder(since, "start schema", "die schema", "start site");
        assert.equal(times(happened, "start schema"), 1, `wake ${round}`);
        await asleep("site");
        assert.equal(await nodoff.state("schema"), "napping");
      }
    });

    it("tells callers which dependency failed and why, where details may be shown", async () => {
      await asleep("blocked");
      const answer = await callHook(home.port, "traefik", { host: "blocked.test" });
      const problem = problemOf(answer);
      assert.deepEqual([answer.status, problem["code"]], [503, "DEPENDENCY_FAILED"]);
      assert.match(String(problem["detail"]), new RegExp(`^${broken.name}: .*exit code 3$`));
      const page = await callHook(home.port, "traefik", { host: "blocked.test", headers: navigation });
      assert.ok(page.text.includes(broken.name) && page.text.includes("exit code 3"), "so does the page");
      assert.equal(problemOf(await callWake(home.port, { host: "blocked.test" }))["code"], "DEPENDENCY_FAILED");
      assert.ok(!(await blocked.running()), "it was not started without it");
      const { error, depends_on } = await workload("blocked");
      assert.deepEqual([error?.code, depends_on], ["DEPENDENCY_FAILED", [broken.name]]);
    });

    it("tells strangers that a dependency failed, and no name", async () => {
      await asleep("hidden");
      const answer = await callHook(home.port, "caddy", { host: "hidden.test" });
      assert.equal(problemOf(answer)["code"], "DEPENDENCY_FAILED");
      const page = await callHook(home.port, "caddy", { host: "hidden.test", headers: navigation });
      const steps = await callHook(home.port, "caddy", { host: "hidden.test", path: "/.nodoff/events" });
      assert.equal(page.status, 503);
      assert.ok(steps.text.includes("waking_dependency"), steps.text);
      for (const { text } of [answer, page, steps])
        assert.ok(!text.includes(broken.name) && !/exit code/.test(text), text);
    });

    it("wakes one member of a group where one will do, and lets it sleep", async () => {
      const since = await stack.now();
      await Promise.all([asleep("pair"), asleep("member-one"), asleep("member-two")]);
      const { headers } = await callHook(home.port, "traefik", { host: "pair.test", suffix: "?route=pair" });
      const answer = await fetch(String(headers["x-nodoff-upstream"]));
      assert.equal(await answer.text(), "hello\n", "and names its address");
      assert.equal((await workload("pair")).kind, "group");
      await asleep("pair");
      await Promise.all([asleep("member-one"), asleep("member-two")]);
      const happened = await until("one member's end", async () => {
        const seen = told(since, "member-one", "member-two");
        return seen.some((text) => text.startsWith("die ")) ? seen : undefined;
      });
      assert.ok(
        ["start member-one,die member-one", "start member-two,die member-two"].includes(happened.join()),
        happened.join(),
      );
    });
  });

  describe("compose projects", { concurrency: true }, () => {
    it("wakes by compose's own conditions, and stops only what opted in", async () => {
      const since = await stack.now();
      await asleep("shop");
      await Promise.all([wake("shop"), wake("shop"), wake("shop")]);
      await inOrder(since, "start db", "start migrate", "die migrate", "start web");
      await inOrder(since, "start cache", "start web");
      waitedForHealth(since, "start db", "start migrate");
      assert.deepEqual((await workload("shop")).depends_on.toSorted(), ["cache", "db", "migrate"]);
      await asleep("shop");
      const { state, reasons } = await workload("db");
      assert.equal(state, "ready");
      assert.equal(reasons[0]?.signal, "not_opted_in");
      const refused = await post("db", "sleep", { force: true });
      assert.deepEqual([refused.status, (JSON.parse(refused.text) as { code: string }).code], [409, "REFUSED"]);
      await wake("shop");
      await asleep("shop");
      const names = ["web", "db", "cache", "migrate"] as const;
      const happened = await until("the second end", async () => {
        const seen = told(since, ...names);
        return times(seen, "die web") === 2 ? seen : undefined;
      });
      assert.deepEqual(
        names.map((name) => [name, times(happened, `start ${name}`), times(happened, `die ${name}`)]),
        [
          ["web", 2, 2],
          ["db", 1, 0],
          ["cache", 1, 0],
          ["migrate", 2, 2],
        ],
      );
    });

    it("puts a project to sleep in reverse where all of it opted in", async () => {
      const since = await stack.now();
      await asleep("ui");
      await wake("ui");
      await inOrder(since, "start store", "start api", "start ui");
      waitedForHealth(since, "start store", "start api");
      await inOrder(since, "die ui", "die api", "die store");
    });

    it("lets dependencies sleep too where their dependant says so, but not while something beside it needs them", async () => {
      const since = await stack.now();
      await asleep("front");
      await tool.container.start();
      await wake("front");
      const held = await when("data", "held by what runs beside it", ({ reasons }) =>
        reasons.some(({ signal, text }) => signal === "dependants" && text === `${tool.name} depends on it`),
      );
      assert.equal(held.state, "ready");
      assert.equal(await nodoff.state("front"), "napping");
      await tool.container.stop({ t: 5 });
      await inOrder(since, "start data", "start front", "die front", "die tool", "die data");
      await asleep("data");
    });

    it("takes a whole project for one workload behind one port", async () => {
      const since = await stack.now();
      await asleep("media");
      const { status, headers } = await callHook(home.port, "caddy", { host: "media.test", suffix: "?route=media" });
      assert.equal(status, 200);
      assert.equal(await (await fetch(String(headers["x-nodoff-upstream"]))).text(), "hello\n");
      await inOrder(since, "start library", "start server");
      waitedForHealth(since, "start library", "start server");
      const happened = await inOrder(since, "start setup", "die setup", "start server", "die server");
      assert.equal(times(happened, "start setup"), 1);
      await inOrder(since, "die server", "die library");
      await asleep("media");
    });

    it("reports a cycle of labels, and runs all the same", async () => {
      const { errors } = await get("/config/errors", ConfigErrors);
      assert.equal(errors.length, 1, JSON.stringify(errors));
      assert.match(errors[0]!.message, /^(?:egg -> hen -> egg|hen -> egg -> hen) is a cycle/);
      assert.equal(errors[0]!.key, "depends_on");
      await asleep("egg");
      await wake("egg");
      await asleep("egg");
      const check = await runNodoff(["check", "--config", home.file]);
      assert.equal(check.code, 3, check.lines.join("\n"));
      assert.ok(
        check.lines.some((line) => /depends_on: (?:egg -> hen -> egg|hen -> egg -> hen) is a cycle/.test(line)),
        check.lines.join("\n"),
      );
    });
  });
});
