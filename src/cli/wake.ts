import { aliasesArgument, askEach, waitOption } from "./ask-each.ts";
import { defineCommand } from "./command.ts";
import { clientOptions, jsonOption, reasonOption } from "./options.ts";

/** Wakes workloads, whatever the back-off after failed wakes says. */
export const wake = defineCommand({
  about: "Wakes at once, also within the back-off after a failed wake. What is awake stays as it is.",
  arguments: aliasesArgument,
  options: { ...waitOption, ...reasonOption, ...clientOptions, ...jsonOption },
  examples: ["wake blog", "wake blog wiki --wait"],
  run: ({ args: aliases, options }, world) =>
    askEach({ verb: "wake", aliases, options, ...(options.wait ? { until: "ready" } : {}) }, world),
});
