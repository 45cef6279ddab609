import { openClient } from "./client.ts";
import { defineCommand } from "./command.ts";
import { CommandFailure } from "./failure.ts";
import { noRoute, toLine } from "./health.ts";
import { clientOptions, jsonOption } from "./options.ts";
import { AllHealth, Health } from "./shapes.ts";
import { exitCodes } from "./world.ts";

const failing: ReadonlySet<string> = new Set(["unhealthy", "error"]);

/** Checks one route now. */
export const healthCheck = defineCommand({
  about:
    "Checks now and waits for the answer. What sleeps is not woken and not asked. Ends with 1 if the route is unhealthy.",
  arguments: [{ name: "ALIAS", help: "the route to check" }],
  options: { ...clientOptions, ...jsonOption },
  examples: ["health check blog"],
  async run({ args: [alias = ""], options }, world) {
    const client = await openClient(options, world);
    const now = await client.post(`health/${encodeURIComponent(alias)}/check`, Health).catch(async (error: unknown) => {
      if (!(error instanceof CommandFailure) || error.code !== "NOT_FOUND") throw error;
      const known = Object.keys(await client.get("health", AllHealth));
      throw new CommandFailure(known.includes(alias) ? `nobody watches "${alias}"` : noRoute(alias, known));
    });
    world.out(options.json ? JSON.stringify({ alias, health: now }, null, 2) : toLine(alias, now, world));
    return failing.has(now.status) ? exitCodes.failed : exitCodes.done;
  },
});
