import { aliasesArgument, askEach, waitOption } from "./ask-each.ts";
import { defineCommand } from "./command.ts";
import { clientOptions, jsonOption, reasonOption } from "./options.ts";

/** Stops and starts workloads. */
export const restart = defineCommand({
  about: "Stops and starts, in use or not. What did not opt in to sleep is refused.",
  arguments: aliasesArgument,
  options: { ...waitOption, ...reasonOption, ...clientOptions, ...jsonOption },
  examples: ["restart blog --wait"],
  run: ({ args: aliases, options }, world) =>
    askEach({ verb: "restart", aliases, options, ...(options.wait ? { until: "ready" } : {}) }, world),
});
