import { startChild } from "../child.ts";
import { atMost, information, type Row, type RowOptions, type RowResult } from "../row.ts";

/** What nodoff may use of a core to look at signals, however many workloads there are. */
const budget = 0.05;
const minuteUs = 60_000_000;

/** What 10,000 workloads cost the engine: memory asleep and awake, the sweep, a minute of looking at signals. */
export const sleepers: Row = {
  name: "sleepers",
  title: "10,000 workloads",
  skip: () => Promise.resolve(null),
  run,
};

async function run({ quick, nodeFlags }: RowOptions): Promise<RowResult> {
  const count = quick ? 1_000 : 10_000;
  const asleep = await measure(count, "asleep", nodeFlags);
  const awake = await measure(count, "awake", nodeFlags);
  return {
    figures: [
      atMost("sweep, all asleep", "ms", asleep.sweepsMs, 1),
      atMost("sweep, all awake and idle", "ms", awake.sweepsMs, 1),
      atMost("engine's heap per sleeping workload", "bytes", [asleep.heap / count], 1_024),
      information("engine's heap per awake workload", "bytes", [awake.heap / count]),
      atMost("signals of all, share of a core", "x", [awake.cpuUs / minuteUs], budget),
      information("looks at signals per second", "", [awake.looks / 60]),
      information("CPU per look", "µs", [awake.cpuUs / awake.looks]),
    ],
    notes: [
      `${count} workloads in the engine and its store; the provider answers at once, so that nodoff's own part is measured`,
      "heap: without the configuration and what a provider keeps of its containers",
      `signals: the first minute in which all want to be looked at; budget ${budget} of a core at 200 looks a second`,
    ],
  };
}

interface Measured {
  readonly heap: number;
  readonly sweepsMs: readonly number[];
  readonly cpuUs: number;
  readonly looks: number;
}

async function measure(count: number, power: "asleep" | "awake", flags: readonly string[]): Promise<Measured> {
  const nodeFlags = ["--expose-gc", ...flags];
  await using engine = await startChild<object>("servers/sleepers.ts", { nodeFlags, args: [String(count), power] });
  const states = await engine.ask<Readonly<Record<string, number>>>("states");
  if (states[power === "asleep" ? "napping" : "ready"] !== count) throw new Error(JSON.stringify(states));
  const heap = await engine.ask<number>("heap");
  const sweepsMs = await engine.ask<readonly number[]>("sweeps");
  const round =
    power === "asleep" ? { cpuUs: 0, looks: 0 } : await engine.ask<Omit<Measured, "heap" | "sweepsMs">>("round");
  return { heap, sweepsMs, ...round };
}
