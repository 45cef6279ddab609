import { aliasesArgument, askEach, waitOption } from "./ask-each.ts";
import { defineCommand } from "./command.ts";
import { clientOptions, jsonOption, reasonOption } from "./options.ts";

/** Puts workloads to sleep now, after one more look. */
export const sleep = defineCommand({
  about:
    "Looks once more, then puts to sleep. What is in use is refused with the reasons, unless forced; what did not opt in " +
    "to sleep is never stopped.",
  arguments: aliasesArgument,
  options: {
    force: { help: "also what is in use" },
    ...waitOption,
    ...reasonOption,
    ...clientOptions,
    ...jsonOption,
  },
  examples: ["sleep blog", "sleep blog --force --reason backup"],
  run: ({ args: aliases, options }, world) =>
    askEach(
      {
        verb: "sleep",
        aliases,
        options,
        body: { force: options.force },
        ...(options.wait ? { until: "napping" } : {}),
      },
      world,
    ),
});
