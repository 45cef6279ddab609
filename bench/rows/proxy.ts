import { freePort } from "../../test/support/e2e/child.ts";
import { type BenchChild, startChild } from "../child.ts";
import type { ProxyLoad, ProxyResult } from "../clients/proxy.ts";
import { startCaddy, startNginx } from "../foreign.ts";
import { type Server } from "../load.ts";
import { startProduct } from "../product.ts";
import { ratiosOf, type Rounds, runRounds, type Variant } from "../rounds.ts";
import { atMost, type Figure, hopedFor, information, type Row, type RowOptions, type RowResult } from "../row.ts";

const ours = "nodoff";
const library = "http-proxy";

/** Until the compiler has settled: some 20,000 requests each. */
const warmUps = 14;

/** nodoff's own proxy against node:http with pipes, http-proxy, and nginx and Caddy where they are installed. */
export const proxy: Row = {
  name: "proxy",
  title: "Own proxy: 1 kB at 32 connections, and 100 MB at 2",
  skip: () => Promise.resolve(null),
  run,
};

interface Target {
  readonly name: string;
  readonly port: number;
  cpu(): Promise<number>;
}

async function run({ quick, again, nodeFlags }: RowOptions): Promise<RowResult> {
  await using app: Server = await startChild("servers/upstream.ts");
  const args = [String(app.self.port)];
  const port = await freePort();
  const route = { host: "app.test", upstream: `http://127.0.0.1:${args[0]}` };
  const config = { listen: { hook: "127.0.0.1:0", proxy: `127.0.0.1:${port}` }, providers: {}, routes: { app: route } };
  await using product = await startProduct(config, { nodeFlags });
  await using pipes: Server = await startChild("servers/pipe-proxy.ts", { args });
  await using known: Server = await startChild("servers/http-proxy.ts", { args });
  await using nginx = await startNginx(app.self.port);
  await using caddy = await startCaddy(app.self.port);
  await using client = await startChild<object>("clients/proxy.ts");
  const base = toTarget("node:http", pipes);
  const others: Target[] = [{ ...toTarget(ours, product), port }, toTarget(library, known)];
  for (const [name, foreign] of [["nginx", nginx] as const, ["Caddy", caddy] as const])
    if (foreign !== null) others.push({ name, port: foreign.port, cpu: () => foreign.cpu() });
  const measure = async (load: Omit<ProxyLoad, "port">, how: { warm: number; count: number }): Promise<Rounds> => {
    const variants = others.map((target) => toVariant(target, load, client));
    const first = toVariant(base, load, client);
    for (let time = 0; time < how.warm; time++) for (const variant of [first, ...variants]) await variant.measure();
    return runRounds(first, variants, { count: how.count });
  };
  const short = { path: "/", bodyBytes: 1_024, connections: 32, requests: 1_500 };
  const small = await measure(short, { warm: quick ? 4 : warmUps, count: quick ? 5 : again ? 40 : 20 });
  const megabytes = quick ? 20 : 100;
  const long = { path: `/mb/${megabytes}`, bodyBytes: megabytes * 1_048_576, connections: 2, requests: 2 };
  const large = await measure(long, { warm: 2, count: quick ? 3 : again ? 15 : 7 });
  return { figures: toFigures(small, large), notes: toNotes(small, large, megabytes) };
}

function toTarget(name: string, server: BenchChild<{ readonly port: number }>): Target {
  return { name, port: server.self.port, cpu: () => server.ask<number>("cpu") };
}

function toVariant({ name, port, cpu }: Target, load: Omit<ProxyLoad, "port">, client: BenchChild<object>): Variant {
  return {
    name,
    settle: () => Promise.resolve(),
    async measure() {
      const before = await cpu();
      const { elapsedMs, p99Ms } = await client.ask<ProxyResult>("closed", { ...load, port });
      const { requests } = load;
      return { cpuUs: ((await cpu()) - before) / requests, rps: (requests / elapsedMs) * 1_000, p99Ms };
    },
  };
}

function toFigures(small: Rounds, large: Rounds): readonly Figure[] {
  const names = [...(small.kept[0]?.others.keys() ?? [])].filter((name) => name !== ours);
  const atLeast = (value: number) => ({ is: "at least", value }) as const;
  return [
    atMost("1 kB: CPU per request, of node:http with pipes", "x", ratiosOf(small, ours, "cpuUs"), 0.9),
    hopedFor("1 kB: requests per second, of node:http with pipes", "x", ratiosOf(small, ours, "rps"), atLeast(1.1)),
    hopedFor("1 kB: requests per second, of http-proxy", "x", ratiosOf(small, ours, "rps", library), atLeast(1.4)),
    hopedFor("large bodies: rate, of http-proxy", "x", ratiosOf(large, ours, "rps", library), atLeast(1)),
    ...names.map((name) => information(`1 kB: CPU per request, of ${name}`, "x", ratiosOf(small, ours, "cpuUs", name))),
    ...names.map((name) =>
      information(`1 kB: requests per second, of ${name}`, "x", ratiosOf(small, ours, "rps", name)),
    ),
    ...names.map((name) => information(`large bodies: rate, of ${name}`, "x", ratiosOf(large, ours, "rps", name))),
    information("large bodies: CPU, of http-proxy", "x", ratiosOf(large, ours, "cpuUs", library)),
    information(
      "1 kB: requests per second, node:http",
      "/s",
      small.kept.map(({ base }) => base.rps),
    ),
    information(
      "1 kB: CPU per request, node:http",
      "µs",
      small.kept.map(({ base }) => base.cpuUs),
    ),
  ];
}

function toNotes(small: Rounds, large: Rounds, megabytes: number): readonly string[] {
  return [
    `${small.kept.length} and ${large.kept.length} rounds, ${small.thrownAway + large.thrownAway} thrown away as noise`,
    `large bodies: ${megabytes} MB at 2 connections; every proxy filters hop-by-hop headers and adds X-Forwarded-*`,
    "nodoff is the whole app from src/app.ts; app and client have processes of their own and are not counted",
  ];
}
