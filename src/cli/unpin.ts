import { aliasesArgument, askEach } from "./ask-each.ts";
import { defineCommand } from "./command.ts";
import { clientOptions, jsonOption, reasonOption } from "./options.ts";

/** Ends pins. */
export const unpin = defineCommand({
  about: "Ends a pin: it sleeps again when nobody uses it.",
  arguments: aliasesArgument,
  options: { ...reasonOption, ...clientOptions, ...jsonOption },
  examples: ["unpin blog"],
  run: ({ args: aliases, options }, world) => askEach({ verb: "unpin", aliases, options }, world),
});
