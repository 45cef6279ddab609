import { parseArgs } from "node:util";
import { simulateLong, toHeading, toRow } from "../simulation/long/run.ts";

/**
 * The whole engine in simulated time: `--seeds` runs of `--events` events each, from seed 1 on, or only that of
 * SIMULATION_SEED. Prints a line per seed; a breach of an invariant ends it with exit code 1 and says how to see it
 * again.
 */
const { values } = parseArgs({
  options: { seeds: { type: "string", default: "20" }, events: { type: "string", default: "500000" } },
});
const only = process.env["SIMULATION_SEED"];
const seeds = only === undefined ? Array.from({ length: Number(values.seeds) }, (_, nth) => nth + 1) : [Number(only)];

console.log(toHeading());
let total = 0;
for (const seed of seeds) {
  const figures = await simulateLong(seed, Number(values.events));
  total += figures.events;
  console.log(toRow(figures));
}
console.log(`${total} events over ${seeds.length} seeds, every invariant held`);
