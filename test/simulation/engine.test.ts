import { it } from "node:test";
import fc from "fast-check";
import { plans } from "./actions.ts";
import { simulate } from "./simulation.ts";

const numRuns = Number(process.env["SIMULATION_RUNS"] ?? 500);
/** The same plans at every run, so that a red run is about the change; `SIMULATION_SEED=random` looks for new ones. */
const seed = process.env["SIMULATION_SEED"] ?? "20261121";

void it("keeps the invariants of the engine whatever happens", async () => {
  await fc.assert(fc.asyncProperty(plans, simulate), {
    numRuns,
    ...(seed === "random" ? {} : { seed: Number(seed) }),
  });
});
