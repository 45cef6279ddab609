import { setTimeout as delay } from "node:timers/promises";
import { type BenchChild, startChild } from "../child.ts";
import { openLoad, warmUp } from "../load.ts";
import { type Product, startProduct, watchedDoors } from "../product.ts";
import { ratiosOf, runRounds } from "../rounds.ts";
import { atMost, hopedFor, information, neverOver, type Row, type RowOptions, type RowResult } from "../row.ts";

const on = "monitor on";
const settlesMs = 60_000;

/** What watching 10,000 routes costs: by itself, and the hook beside it. */
export const health: Row = {
  name: "health",
  title: "Health monitor, 10,000 HTTP checks per 30 s",
  skip: () => Promise.resolve(null),
  run,
};

async function run(options: RowOptions): Promise<RowResult> {
  const { quick, again, nodeFlags } = options;
  const count = quick ? 1_000 : 10_000;
  // As many checks per second in a smoke run.
  const intervalS = quick ? 3 : 30;
  await using checked = await startChild<{ readonly port: number }>("servers/checked.ts");
  const upstream = `http://127.0.0.1:${checked.self.port}`;
  const watched = watchedDoors(count, { upstream, health: { interval: `${intervalS}s`, timeout: "3s" } });
  await using silent = await startProduct(watchedDoors(count, { upstream, health: { disabled: true } }), { nodeFlags });
  const heapBefore = await silent.ask<number>("heap");
  await using busy = await startProduct(watched, { nodeFlags });
  await until(checked, count);
  const burstPeak = await checked.ask<number>("peak");
  // The first round is over; what is kept of each route is there.
  const heapPerRoute = ((await busy.ask<number>("heap")) - heapBefore) / count;
  await using bare = await startChild<object>("clients/checks.ts");
  await using asked = await startChild<{ readonly port: number }>("servers/checked.ts");
  const windows: Window[] = [];
  const [askedUs, connectedUs]: [number[], number[]] = [[], []];
  const checking = { port: asked.self.port, perSecond: count / intervalS, durationMs: quick ? 3_000 : 10_000 };
  // Each route's second check comes at its own place, half an interval to one and a half after the first. By then the
  // compiler has seen what it compiles; it does so for another minute, which is no price of a check.
  await delay(1_500 * intervalS + (quick ? 0 : settlesMs));
  await bare.ask<number>("check", { ...checking, asks: true });
  for (let n = 0; n < (again ? 4 : 2); n++) {
    askedUs.push(await bare.ask<number>("check", { ...checking, asks: true }));
    windows.push(await idleWindow({ checked, busy, silent }, intervalS));
    connectedUs.push(await bare.ask<number>("check", { ...checking, asks: false }));
  }
  const peak = await checked.ask<number>("peak");
  await using load = await openLoad();
  const off = load.variant("monitor off", silent, count);
  const beside = load.variant(on, busy, count);
  await warmUp([off, beside]);
  const rounds = await runRounds(off, [beside], { count: quick ? 10 : again ? 80 : 40 });
  const perCheckUs = windows.map(({ cpuUs, checks }) => cpuUs / checks);
  return {
    figures: [
      atMost(
        "CPU of one core",
        "%",
        windows.map(({ cpuUs, elapsedMs }) => cpuUs / elapsedMs / 10),
        6,
      ),
      neverOver("checks in flight", "", [peak], 64),
      hopedFor("hook 99th percentile, of monitor off", "x", ratiosOf(rounds, on, "p99Ms"), {
        is: "at most",
        value: 1.3,
      }),
      information("hook CPU per request, of monitor off", "x", ratiosOf(rounds, on, "cpuUs")),
      information("CPU per check", "µs", perCheckUs),
      information("CPU per check of bare sockets, in the same minutes", "µs", askedUs),
      information("CPU per connection of bare sockets, nothing asked", "µs", connectedUs),
      information(
        "checks per second",
        "/s",
        windows.map(({ checks, elapsedMs }) => (checks / elapsedMs) * 1_000),
      ),
      information("checks in flight in the first round", "", [burstPeak]),
      information("heap per watched route", "bytes", [heapPerRoute]),
    ],
    notes: [
      `${count} routes every ${intervalS} s against a local server; CPU is that of nodoff with the monitor less that of one without, over whole intervals`,
      `${rounds.kept.length} rounds at the hook, ${rounds.thrownAway} thrown away as noise`,
      "in flight: requests the server had not answered, at most, first round included",
    ],
  };
}

async function until(checked: BenchChild<unknown>, count: number): Promise<void> {
  for (let tries = 0; (await checked.ask<number>("checks")) < count; tries++) {
    if (tries > 600) throw new Error("the first round of checks does not end");
    await delay(100);
  }
}

interface Window {
  readonly cpuUs: number;
  readonly elapsedMs: number;
  readonly checks: number;
}

/** CPU the monitor takes over a whole interval in which nothing else happens. */
async function idleWindow(
  {
    checked,
    busy,
    silent,
  }: { readonly checked: BenchChild<unknown>; readonly busy: Product; readonly silent: Product },
  intervalS: number,
): Promise<Window> {
  const look = async (): Promise<readonly [number, number, number]> => [
    await busy.ask<number>("cpu"),
    await silent.ask<number>("cpu"),
    await checked.ask<number>("checks"),
  ];
  const begun = performance.now();
  const before = await look();
  await delay(intervalS * 1_000);
  const after = await look();
  const [busyUs = 0, silentUs = 0, checks = 0] = after.map((value, at) => value - (before[at] ?? 0));
  return { cpuUs: busyUs - silentUs, elapsedMs: performance.now() - begun, checks };
}
