import { parseDuration } from "../core/duration.ts";
import { aliasesArgument, askEach } from "./ask-each.ts";
import { defineCommand } from "./command.ts";
import { usageFailure } from "./failure.ts";
import { clientOptions, jsonOption, reasonOption } from "./options.ts";

/** Keeps workloads awake for a while. */
export const pin = defineCommand({
  about: "Keeps awake for so long, and wakes what sleeps. A later pin takes the place of an earlier one.",
  arguments: aliasesArgument,
  options: {
    for: { value: "TIME", help: "how long, from 1s to 30d: 90m, 2h, 1d12h" },
    ...reasonOption,
    ...clientOptions,
    ...jsonOption,
  },
  examples: ['pin blog --for 2h --reason "film night"'],
  run({ args: aliases, options }, world) {
    const { for: time } = options;
    if (time === undefined) throw usageFailure("pin needs --for TIME, such as --for 2h", "pin");
    if (parseDuration(time) === undefined) throw usageFailure(`"${time}" is not a duration such as 90m or 2h`, "pin");
    return askEach({ verb: "pin", aliases, options, body: { for: time } }, world);
  },
});
