import { setTimeout as delay } from "node:timers/promises";
import { openLoad, warmUp } from "../load.ts";
import { neverSleeping, type Product, startProduct, startReadyWorkloads } from "../product.ts";
import { ratioOfTotals, ratiosOf, runRounds, valuesOf } from "../rounds.ts";
import { atMost, information, type Row, type RowOptions, type RowResult } from "../row.ts";

const many = "many workloads";

/** What the number of routes costs: per request, per second, per route. */
export const scale: Row = {
  name: "scale",
  title: "10,000 routes against 1",
  skip: () => Promise.resolve(null),
  run,
};

async function run(options: RowOptions): Promise<RowResult> {
  const { quick, again, nodeFlags } = options;
  const count = quick ? 1_000 : 10_000;
  const doorBytes = await bytesPerDoor(count, nodeFlags);
  await using single = await startReadyWorkloads(1, { nodeFlags });
  await using full = await startReadyWorkloads(count, { nodeFlags });
  const startUs = (await full.ask<number>("cpu")) - (await single.ask<number>("cpu"));
  await using load = await openLoad();
  // Every route has been asked for once: what the hook keeps of it is there.
  await load.check(single, 1);
  await load.check(full, count);
  const workloadBytes = ((await full.ask<number>("heap")) - (await single.ask<number>("heap"))) / (count - 1);
  const sweepsMs = await idleSweeps(full, quick ? 2 : 15);
  const base = load.variant("one workload", single, 1);
  const other = load.variant(many, full, count);
  for (const product of [single, full]) await product.ask("hold");
  await warmUp([base, other]);
  const rounds = await runRounds(base, [other], { count: quick ? 10 : again ? 240 : 120 });
  return {
    figures: [
      atMost("CPU per request, of one workload", "x", ratiosOf(rounds, many, "cpuUs"), 1.1),
      information("the same, all rounds together", "x", [ratioOfTotals(rounds, many)]),
      atMost("idle sweep", "ms", sweepsMs, 1),
      // What is there once, however many there are, would weigh too much in a thousand.
      quick
        ? information("heap per route that never sleeps", "bytes", [doorBytes])
        : atMost("heap per route that never sleeps", "bytes", [doorBytes], 1_024),
      information("heap per ready workload with its route, on Docker", "bytes", [workloadBytes]),
      information("start until ready, CPU per workload on Docker", "ms", [startUs / 1_000 / (count - 1)]),
      information(
        "one workload: CPU per request",
        "µs",
        rounds.kept.map((round) => round.base.cpuUs),
      ),
      information(`${count} workloads: CPU per request`, "µs", valuesOf(rounds, many, "cpuUs")),
    ],
    notes: [
      `${rounds.kept.length} rounds, ${rounds.thrownAway} thrown away as noise; ${count} routes, workloads and sweep candidates`,
      "nodoff is the whole app from src/app.ts; its workloads are containers of a simulated Docker engine, running",
      "heap: difference of heapUsed after a collection between 1 and all, every route asked for once",
    ],
  };
}

/** Heap one more route that never sleeps takes. */
async function bytesPerDoor(count: number, nodeFlags: readonly string[]): Promise<number> {
  const [one, all] = [await heapOfDoors(1, nodeFlags), await heapOfDoors(count, nodeFlags)];
  return (all - one) / (count - 1);
}

async function heapOfDoors(count: number, nodeFlags: readonly string[]): Promise<number> {
  await using product = await startProduct(neverSleeping(count), { nodeFlags });
  await using load = await openLoad();
  await load.check(product, count);
  return await product.ask<number>("heap");
}

/** Durations of `count` sweeps in which nothing was used since the one before. */
async function idleSweeps(product: Product, count: number): Promise<readonly number[]> {
  // The first ones hand what was just used to the store.
  await delay(2_500);
  await product.ask("sweeps");
  await delay(count * 1_000 + 500);
  return product.ask<readonly number[]>("sweeps");
}
