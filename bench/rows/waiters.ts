import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../../test/support/e2e/child.ts";
import { type BenchChild, openFilesLimit, startChild } from "../child.ts";
import type { SteadySample } from "../clients/hook.ts";
import type { WaitersResult } from "../clients/waiters.ts";
import { type FakeEngine, openFakeEngine } from "../fake-engine.ts";
import { aliasOf, hostOf } from "../hook-request.ts";
import { type Product, startProduct, tempFolder } from "../product.ts";
import { atMost, type Figure, information, neverOver, type Row, type RowOptions, type RowResult } from "../row.ts";
import { percentile } from "../stats.ts";

/** Many callers held on one route, and everybody else meanwhile. */
export const waiters: Row = {
  name: "waiters",
  title: "10,000 held requests on one route",
  skip: () => Promise.resolve(null),
  run,
};

const wanted = 10_000;
/** Beside the waiters' connections: other requests, files, the engine. */
const spareFiles = 1_024;
/** Routes other than the one that is waited for; none of them sleeps. */
const otherRoutes = 100;
/** A machine on which a bare server takes so long, too, says nothing about the target of 50 ms. */
const noiseLimitMs = 25;
const heldPatienceMs = 20_000;

/** What came of one crowd. */
interface Crowd {
  readonly rssPerWaiter: number;
  readonly heapPerWaiter: number;
  /** From the first answer to the last. */
  readonly releaseMs: number;
  readonly othersP99Ms: number;
  readonly othersWorstMs: number;
  /** What the same client saw of a bare server meanwhile: what the machine alone is worth. */
  readonly bareP99Ms: number;
  /** How often the machine took the processor away from nodoff during the release: each time others wait for that, too. */
  readonly preempted: number;
  readonly starts: number;
}

async function run({ quick, again, nodeFlags }: RowOptions): Promise<RowResult> {
  const files = await openFilesLimit(wanted + spareFiles);
  const count = quick ? 1_000 : Math.min(wanted, files - spareFiles);
  const repetitions = quick ? 1 : again ? 5 : 3;
  const crowds: Crowd[] = [];
  const starts: number[] = [];
  while (crowds.length < repetitions) {
    if (starts.length >= repetitions * 3)
      throw new Error(`only ${crowds.length} of ${starts.length} releases were quiet`);
    const crowd = await gather(count, { nodeFlags, openFiles: files });
    starts.push(crowd.starts);
    if (crowd.bareP99Ms <= noiseLimitMs) crowds.push(crowd);
  }
  const scaledDown =
    !quick && count < wanted ? [`open files are limited to ${files} here: scaled down to ${count} waiters`] : [];
  return {
    figures: toFigures(crowds, starts, quick),
    notes: [
      `${count} held requests, all answered 200; ${repetitions} times on a fresh nodoff, ${starts.length - repetitions} more thrown away as noise`,
      ...scaledDown,
      "asked for directly, without a proxy; other routes: one request per millisecond from another process, however slow the answers",
    ],
  };
}

function toFigures(crowds: readonly Crowd[], starts: readonly number[], quick: boolean): readonly Figure[] {
  const all = (key: keyof Crowd): readonly number[] => crowds.map((crowd) => crowd[key]);
  const kilobytes = (key: keyof Crowd): readonly number[] => all(key).map((bytes) => bytes / 1_024);
  // A thousand do not outweigh the memory that any burst takes.
  const rss = kilobytes("rssPerWaiter");
  return [
    quick ? information("RSS per waiter", "KB", rss) : atMost("RSS per waiter", "KB", rss, 24),
    atMost("other routes during the release: 99th percentile", "ms", all("othersP99Ms"), 50),
    neverOver("engine starts", "", starts, 1),
    information("heap per waiter", "KB", kilobytes("heapPerWaiter")),
    information("release, first answer to last", "ms", all("releaseMs")),
    information("other routes during the release: worst", "ms", all("othersWorstMs")),
    information("processor taken away from nodoff during the release", "times", all("preempted")),
    information("bare node:http meanwhile: 99th percentile", "ms", all("bareP99Ms")),
  ];
}

interface Stage {
  readonly engine: FakeEngine;
  readonly product: Product;
  readonly crowd: BenchChild<object>;
  readonly others: BenchChild<object>;
  readonly bare: BenchChild<{ readonly port: number }>;
  /** The port the workload answers on, once somebody listens. */
  readonly appPort: number;
}

/** A fresh nodoff, one sleeping workload, `count` callers, one release. */
async function gather(
  count: number,
  options: { readonly nodeFlags: readonly string[]; readonly openFiles: number },
): Promise<Crowd> {
  await using folder = await tempFolder();
  using engine = await openFakeEngine(join(folder.path, "engine.sock"), { names: [aliasOf(0)], running: false });
  const appPort = await freePort();
  await using product = await startProduct(toConfig({ engine: engine.url, appPort }), options);
  await using crowd = await startChild<object>("clients/waiters.ts", { openFiles: options.openFiles });
  await using others = await startChild<object>("clients/hook.ts");
  await using bare = await startChild<{ port: number }>("servers/bare.ts");
  return await measure({ engine, product, crowd, others, bare, appPort }, count);
}

function toConfig({ engine, appPort }: { readonly engine: string; readonly appPort: number }): object {
  const routes: Record<string, object> = {};
  for (let n = 1; n <= otherRoutes; n++) routes[aliasOf(n)] = { host: hostOf(n), upstream: "http://127.0.0.1:9" };
  const sleeper = { container: aliasOf(0), host: hostOf(0), upstream: `http://127.0.0.1:${appPort}` };
  return {
    providers: { local: { type: "docker", url: engine } },
    limits: { waiters_per_workload: wanted, waiters: wanted },
    workloads: { [aliasOf(0)]: sleeper },
    routes,
  };
}

async function measure({ engine, product, crowd, others, bare, appPort }: Stage, count: number): Promise<Crowd> {
  const { port } = product.self;
  for (const server of [product, bare]) {
    await others.ask("steadyBegin", { port: server.self.port, hosts: otherRoutes + 1 });
  }
  // The hook has been in use for a while before the crowd comes.
  await delay(1_000);
  const heapBefore = await product.ask<number>("heap");
  const rssBefore = await product.ask<number>("rss");
  await crowd.ask("open", { port, count });
  await allHeld(product, count);
  const rss = await product.ask<number>("rss");
  const heap = await product.ask<number>("heap");
  const preemptedBefore = await product.ask<number>("preempted");
  const release = crowd.ask<WaitersResult>("answered");
  const app = await listenAt(appPort);
  const { answered, firstAt, lastAt } = await release;
  const preempted = (await product.ask<number>("preempted")) - preemptedBefore;
  await delay(200);
  const samples = await others.ask<readonly (readonly SteadySample[])[]>("steadyEnd");
  app.close();
  if (answered !== count) throw new Error(`${answered} of ${count} were answered`);
  const [ours = [], bares = []] = samples.map((each) => during(each, firstAt, lastAt));
  return {
    rssPerWaiter: (rss - rssBefore) / count,
    heapPerWaiter: (heap - heapBefore) / count,
    releaseMs: lastAt - firstAt,
    othersP99Ms: percentile(ours, 0.99),
    othersWorstMs: Math.max(...ours),
    bareP99Ms: percentile(bares, 0.99),
    preempted,
    starts: engine.starts,
  };
}

/** How long those took that were under way at any moment of the release. */
function during(samples: readonly SteadySample[], firstAt: number, lastAt: number): readonly number[] {
  // Requests wait for the turn before the first answer got out, too.
  const turnMs = 20;
  return samples
    .filter(([sentAt, tookMs]) => sentAt <= lastAt && sentAt + tookMs >= firstAt - turnMs)
    .map(([, tookMs]) => tookMs);
}

async function allHeld(product: Product, count: number): Promise<void> {
  const deadline = performance.now() + heldPatienceMs;
  while ((await product.metric(`nodoff_waiters{route="${aliasOf(0)}"}`)) < count) {
    if (performance.now() > deadline) throw new Error("not everybody is held");
    await delay(50);
  }
}

/** The workload is up at last. */
async function listenAt(port: number): Promise<Server> {
  const app = createServer((_req, res) => void res.end("awake"));
  await new Promise<void>((resolve) => app.listen(port, "127.0.0.1", resolve));
  return app;
}
