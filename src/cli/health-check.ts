import { openClient } from "./client.ts";
import { defineCommand } from "./command.ts";
import { CommandFailure } from "./failure.ts";
import { noRoute, toLine, toList } from "./health.ts";
import { clientOptions, jsonOption } from "./options.ts";
import { AllHealth, Health } from "./shapes.ts";
import { exitCodes } from "./world.ts";

const failing: ReadonlySet<string> = new Set(["unhealthy", "error"]);

/** Checks one route now, or all of them. */
export const healthCheck = defineCommand({
  about:
    "Checks now and waits for the answer; without an alias every route, some at a time. What sleeps is not woken and not " +
    "asked. Ends with 1 if one is unhealthy.",
  arguments: [{ name: "ALIAS", help: "the route to check; default: all of them", optional: true }],
  options: { ...clientOptions, ...jsonOption },
  examples: ["health check", "health check blog"],
  async run({ args: [alias], options }, world) {
    const client = await openClient(options, world);
    if (alias === undefined) {
      const all = await client.post("health/check", AllHealth, { patient: true });
      if (options.json) world.out(JSON.stringify(all, null, 2));
      else for (const line of toList(all, world)) world.out(line);
      return Object.values(all).some(({ status }) => failing.has(status)) ? exitCodes.failed : exitCodes.done;
    }
    const now = await client.post(`health/${encodeURIComponent(alias)}/check`, Health).catch(async (error: unknown) => {
      if (!(error instanceof CommandFailure) || error.code !== "NOT_FOUND") throw error;
      const known = Object.keys(await client.get("health", AllHealth));
      throw new CommandFailure(known.includes(alias) ? `nobody watches "${alias}"` : noRoute(alias, known));
    });
    world.out(options.json ? JSON.stringify({ alias, health: now }, null, 2) : toLine(alias, now, world));
    return failing.has(now.status) ? exitCodes.failed : exitCodes.done;
  },
});
