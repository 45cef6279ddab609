import { startChild } from "../child.ts";
import { openLoad, type Server, serverFlags, warmUp } from "../load.ts";
import { minutesWork, neverSleeping, startProduct, startReadyWorkloads } from "../product.ts";
import { ratioOfTotals, ratiosOf, type Rounds, runRounds, valuesOf } from "../rounds.ts";
import { atMost, type Figure, hopedFor, information, type Row, type RowOptions, type RowResult } from "../row.ts";

const workloads = "ready workloads";
const routes = "routes that never sleep";
const express = "Express";

/** The hook against a server that only says 200, and against the same code as an Express route. */
export const hook: Row = {
  name: "hook",
  title: "Hook of an awake service, 32 connections",
  skip: () => Promise.resolve(null),
  run,
};

async function run(options: RowOptions): Promise<RowResult> {
  const { quick, again, nodeFlags } = options;
  const hosts = quick ? 1_000 : 10_000;
  await using sleepers = await startReadyWorkloads(hosts, { nodeFlags });
  await using doors = await startProduct(neverSleeping(hosts), { nodeFlags });
  await using load = await openLoad();
  await using bareServer: Server = await startChild("servers/bare.ts", { nodeFlags: serverFlags });
  await using expressServer: Server = await startChild("servers/express.ts", {
    args: [doors.config],
    nodeFlags: serverFlags,
  });
  for (const server of [sleepers, doors, expressServer]) await load.check(server, hosts);
  const bare = load.variant("bare", bareServer, hosts);
  const ours = [load.variant(workloads, sleepers, hosts), load.variant(routes, doors, hosts)];
  const others = [...ours, load.variant(express, expressServer, hosts)];
  for (const product of [sleepers, doors]) await product.ask("hold");
  await warmUp([bare, ...others]);
  const rounds = await runRounds(bare, others, { count: quick ? 10 : again ? 160 : 80 });
  for (const [n, product] of [sleepers, doors].entries()) {
    const asked = hosts + (ours[n]?.asked() ?? 0);
    const allowed = await product.allowed();
    if (allowed !== asked) throw new Error(`${asked} requests were answered, /metrics knows of ${allowed}`);
  }
  const perWorkload = (await minutesWork(sleepers)) / 1_000 / hosts;
  const background = information("each minute besides, CPU per workload on Docker", "ms", [perWorkload]);
  return { figures: [...toFigures(rounds), background], notes: toNotes(hosts, rounds) };
}

function toFigures(rounds: Rounds): readonly Figure[] {
  const bare = (key: "cpuUs" | "rps" | "p99Ms"): readonly number[] => rounds.kept.map(({ base }) => base[key]);
  return [
    ...[workloads, routes].flatMap((name) => [
      atMost(`${name}: CPU per request, of bare node:http`, "x", ratiosOf(rounds, name, "cpuUs"), 1.2),
      information(`${name}: the same, all rounds together`, "x", [ratioOfTotals(rounds, name)]),
      hopedFor(`${name}: requests per second, of bare node:http`, "x", ratiosOf(rounds, name, "rps"), {
        is: "at least",
        value: 0.85,
      }),
    ]),
    atMost(`${routes}: CPU per request, of Express`, "x", ratiosOf(rounds, routes, "cpuUs", express), 0.8),
    information("bare node:http: CPU per request", "µs", bare("cpuUs")),
    ...[workloads, routes, express].map((name) =>
      information(`${name}: CPU per request`, "µs", valuesOf(rounds, name, "cpuUs")),
    ),
    information("bare node:http: requests per second", "/s", bare("rps")),
    information(`${workloads}: requests per second`, "/s", valuesOf(rounds, workloads, "rps")),
    information("bare node:http: 99th percentile", "ms", bare("p99Ms")),
    information(`${workloads}: 99th percentile`, "ms", valuesOf(rounds, workloads, "p99Ms")),
    information(`${express}: 99th percentile`, "ms", valuesOf(rounds, express, "p99Ms")),
  ];
}

function toNotes(hosts: number, { kept, thrownAway }: Rounds): readonly string[] {
  return [
    `${kept.length} rounds, ${thrownAway} thrown away as noise; ${hosts} hosts in turn, 19 headers each`,
    "nodoff is the whole app from src/app.ts with metrics on; its count of allowed requests was compared with the client's",
    `"${workloads}": containers of a simulated Docker engine, running, so that each request is counted as use`,
    "Express: the same hook code called from an Express 5 route",
  ];
}
