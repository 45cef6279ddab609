import assert from "node:assert/strict";
import { createServer } from "node:http";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type ActivityApp, openActivityApps } from "../support/e2e/activity-apps.ts";
import { type Column, idleTimeoutMs, openColumn } from "../support/e2e/activity-column.ts";
import { describeMatrix } from "../support/e2e/activity-matrix.ts";
import { startCaddy } from "../support/e2e/caddy.ts";
import { until } from "../support/e2e/child.ts";
import { createEnds } from "../support/e2e/ends.ts";
import { passToEngine } from "../support/e2e/engine-view.ts";
import { createRelay, type Relay } from "../support/relay.ts";

const graceMs = 15_000;

/** In parallel: most of their time is waiting. */
describe("activity signals", { concurrency: true }, () => {
  // Every use and every proxy once or more; test/soak/matrix.ts tries all pairs.
  describeMatrix("what is in use stays awake, what is not sleeps", [
    ["idle keep-alive only", "Traefik"],
    ["WebSocket, a word every 10 s", "own proxy"],
    ["WebSocket, silent", "nginx"],
    ["SSE, an event every 10 s", "Caddy"],
    ["slow download", "Traefik"],
    ["long upload", "nginx"],
    ["CPU job", "Caddy"],
    ["docker exec", "own proxy"],
    ["TCP client, silent", "Caddy"],
    ["monitor, every 2 s", "nginx"],
  ]);
  describe("Caddy's admin endpoint as the only source of a required signal", { concurrency: 1 }, describeSource);
});

interface Workload {
  readonly state: string;
  readonly reasons: readonly { readonly signal: string; readonly verdict: string; readonly text: string }[];
}

function describeSource(): void {
  const atEnd = createEnds();
  let column: Column;
  let admin: Relay;
  let app: ActivityApp;

  before(async () => {
    const directory = await mkdtemp(join(tmpdir(), "nodoff-activity-"));
    atEnd(() => rm(directory, { recursive: true, force: true }));
    const apps = await openActivityApps();
    atEnd(() => apps.close());
    app = await apps.create();
    const engine = join(directory, "engine.sock");
    atEnd(await listenWithoutExec(engine));
    const caddy = join(directory, "caddy.sock");
    const proc = join(directory, "proc");
    await mkdir(proc);
    column = await openColumn(
      {
        config: {
          providers: { local: { type: "docker", discover: false, url: `unix://${engine}` } },
          signals: { caddy: { admin_url: `unix://${directory}/relay.sock` }, netns: { proc } },
        },
        open: (hookPort, sites) => startCaddy({ hookPort, sites, admin: `unix/${caddy}` }),
      },
      new Map([["blog", app]]),
      { defaults: { idle_timeout: `${idleTimeoutMs}ms`, activity: { connections: { required: true } } } },
    );
    atEnd(() => column.close());
    admin = await createRelay({ listen: `${directory}/relay.sock`, target: caddy });
    atEnd(() => admin.close());
  });

  const view = (): Promise<Workload> => column.nodoff.api("/workloads/blog") as Promise<Workload>;

  async function staysAwakeAndSays(words: RegExp): Promise<void> {
    const said = await until("the reason", async () =>
      (await view()).reasons.find(({ signal, verdict }) => signal === "connections" && verdict === "unreadable"),
    );
    assert.match(said.text, /counts as in use: Caddy's admin endpoint/);
    assert.match(said.text, words);
    await delay(2 * idleTimeoutMs);
    assert.equal(await app.running(), true);
    assert.equal((await view()).state, "ready");
  }

  for (const [how, breakIt, mendIt, words] of [
    ["answers no more", () => admin.freeze("all"), () => admin.thaw(), /no answer within/],
    ["is gone", () => admin.down(), () => admin.up(), /ENOENT/],
  ] as const) {
    it(`keeps the app awake while it ${how}, says so, and recovers`, async () => {
      await column.wake("blog");
      await breakIt();
      await staysAwakeAndSays(words);
      const slept = app.ended();
      const mendedAt = Date.now();
      await mendIt();
      const asleepAfterMs = (await slept) - mendedAt;
      assert.ok(asleepAfterMs < idleTimeoutMs + graceMs, `${asleepAfterMs} ms after it was back`);
      await column.nodoff.inState("blog", "napping");
      const { reasons } = await view();
      assert.ok(!reasons.some(({ verdict }) => verdict === "unreadable"), JSON.stringify(reasons));
    });
  }
}

/** The engine behind a socket proxy that allows no exec. Returns what ends it. */
async function listenWithoutExec(socketPath: string): Promise<() => Promise<void>> {
  const server = createServer((req, res) => {
    const path = req.url ?? "/";
    if (/\/exec$|\/exec\//.test(path)) res.writeHead(403).end("forbidden");
    else passToEngine(req, res, path);
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
}
