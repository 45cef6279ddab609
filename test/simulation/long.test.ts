import { it } from "node:test";
import { simulateLong } from "./long/run.ts";

/** As for the short plans: always the same ones, so that a red run is about the change. The soak runs more and longer. */
const asked = process.env["SIMULATION_SEED"];
const seeds = asked === undefined ? [1, 2, 3] : [asked === "random" ? Math.floor(Math.random() * 1e6) : Number(asked)];
const events = 50_000;

for (const seed of seeds) {
  void it(`keeps every invariant through ${events} events of seed ${seed}`, async () => {
    await simulateLong(seed, events);
  });
}
