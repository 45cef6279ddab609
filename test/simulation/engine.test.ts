import { it } from "node:test";
import fc from "fast-check";
import { plans } from "./actions.ts";
import { simulate } from "./simulation.ts";

const numRuns = Number(process.env["SIMULATION_RUNS"] ?? 500);
const seed = process.env["SIMULATION_SEED"];

void it("keeps the invariants of the engine whatever happens", async () => {
  await fc.assert(fc.asyncProperty(plans, simulate), {
    numRuns,
    ...(seed === undefined ? {} : { seed: Number(seed) }),
  });
});
