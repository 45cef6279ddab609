import { setTimeout as delay } from "node:timers/promises";
import { type DockerFixture, dockerMissing, dockerSocket, openDocker } from "../../test/support/docker.ts";
import { freePort } from "../../test/support/e2e/child.ts";
import { type BenchChild, startChild } from "../child.ts";
import type { HeldResult } from "../clients/hook.ts";
import { hostOf } from "../hook-request.ts";
import { type Product, startProduct } from "../product.ts";
import { atMost, information, neverOver, type Row, type RowOptions, type RowResult } from "../row.ts";

/** How long a held caller waits beyond the moment the app answers. */
export const wake: Row = {
  name: "wake",
  title: "Wake of a real container",
  skip: async () => (await dockerMissing()) || null,
  run,
};

const alias = "sleeper";
/** An app that answers half a second after its start; its published port accepts long before. */
const app = ["sh", "-c", "echo awake >/tmp/index.html; sleep 0.5; exec httpd -f -p 80 -h /tmp"];
const napPatienceMs = 10_000;

type DockerContainer = ReturnType<DockerFixture["container"]>;

interface Stage {
  readonly container: DockerContainer;
  readonly product: Product;
  /** Asks the hook. */
  readonly caller: BenchChild<object>;
  /** Asks the app itself, to learn the earliest moment anybody could have had an answer. */
  readonly floor: BenchChild<object>;
  readonly port: number;
}

/** What one wake took, in ms. */
interface Wake {
  readonly total: number;
  /** Beyond the floor's first answer. */
  readonly added: number;
}

async function run({ quick, again, nodeFlags }: RowOptions): Promise<RowResult> {
  const docker = await openDocker("bench");
  try {
    const port = await freePort();
    const name = await docker.create("app", {
      cmd: app,
      expose: ["80/tcp"],
      host: { PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: String(port) }] } },
    });
    await using product = await startProduct(toConfig(name, port), { nodeFlags });
    await using caller = await startChild<object>("clients/hook.ts");
    await using floor = await startChild<object>("clients/floor.ts");
    const stage = { container: docker.docker.getContainer(name), product, caller, floor, port };
    return await measure(stage, quick ? 2 : again ? 15 : 9);
  } finally {
    await docker.close();
  }
}

function toConfig(name: string, port: number): object {
  return {
    providers: { local: { type: "docker", url: `unix://${dockerSocket}`, discover: false } },
    workloads: { [alias]: { container: name, host: hostOf(0), upstream: `http://127.0.0.1:${port}` } },
  };
}

async function measure(stage: Stage, repetitions: number): Promise<RowResult> {
  const { container } = stage;
  const stop = (): Promise<unknown> => container.stop({ t: 0 });
  const pause = (): Promise<unknown> => container.pause();
  // The first one also fills the engine's caches.
  await wakeOnce(stage, stop);
  const started: Wake[] = [];
  for (let n = 0; n < repetitions; n++) started.push(await wakeOnce(stage, stop));
  await wakeOnce(stage, pause);
  const resumed: Wake[] = [];
  for (let n = 0; n < repetitions; n++) resumed.push(await wakeOnce(stage, pause));
  return toResult(started, resumed);
}

/** Wakes it by a request that is held, beside a client that asks the app itself; then `sleep` puts it back. */
async function wakeOnce(stage: Stage, sleep: () => Promise<unknown>): Promise<Wake> {
  await napping(stage.product);
  const [{ sentAt, answeredAt }, floorAt] = await Promise.all([
    held(stage),
    stage.floor.ask<number>("firstAnswer", { port: stage.port }),
  ]);
  await sleep();
  return { total: answeredAt - sentAt, added: answeredAt - floorAt };
}

function held({ caller, product }: Stage): Promise<HeldResult> {
  return caller.ask<HeldResult>("held", { port: product.self.port, n: 0 });
}

/** Resolves once nodoff knows that it sleeps. */
async function napping(product: Product): Promise<void> {
  const deadline = performance.now() + napPatienceMs;
  while ((await product.metric(`nodoff_workload_state{workload="${alias}",state="napping"}`)) !== 1) {
    if (performance.now() > deadline) throw new Error("nodoff did not notice that the container stopped");
    await delay(25);
  }
}

function toResult(started: readonly Wake[], resumed: readonly Wake[]): RowResult {
  const addedMs = started.map(({ added }) => added);
  return {
    figures: [
      atMost("added to the floor, app ready 0.5 s after start", "ms", addedMs, 50),
      neverOver("added to the floor, at worst", "ms", addedMs, 150),
      atMost(
        "paused container: hook to 200",
        "ms",
        resumed.map(({ total }) => total),
        100,
      ),
      information(
        "stopped container: hook to 200",
        "ms",
        started.map(({ total }) => total),
      ),
      information(
        "paused container: added to the floor",
        "ms",
        resumed.map(({ added }) => added),
      ),
    ],
    notes: [
      `${started.length} starts and ${resumed.length} resumes of a container with a published port, by the Docker engine of this machine`,
      "floor: a client of its own that asks the published port every 4 ms, overlapping",
    ],
  };
}
