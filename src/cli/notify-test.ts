import { z } from "zod";
import { openClient } from "./client.ts";
import { defineCommand } from "./command.ts";
import { clientOptions, jsonOption } from "./options.ts";
import { exitCodes } from "./world.ts";

const Answer = z.object({
  results: z.array(z.object({ sender: z.string(), type: z.string(), error: z.string().nullable() })),
});

/** Lets a running nodoff send a test notice to each receiver, and says who took it. */
export const notifyTest = defineCommand({
  about: "Each receiver under `notify` gets one notice. Ends with 1 unless all of them took it.",
  options: { ...clientOptions, ...jsonOption },
  async run({ options }, world) {
    const { results } = await (await openClient(options, world)).post("notify/test", Answer);
    if (options.json) world.out(JSON.stringify({ results }, null, 2));
    else if (results.length === 0) world.err("nobody is to be told: there is nothing under notify");
    else for (const { sender, type, error } of results) world.out(`${sender} (${type}): ${error ?? "sent"}`);
    const isDone = results.length > 0 && results.every(({ error }) => error === null);
    return isDone ? exitCodes.done : exitCodes.failed;
  },
});
