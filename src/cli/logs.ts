import type { Dispatcher } from "undici";
import { z } from "zod";
import { waitingClock } from "../system-clock.ts";
import { openClient } from "./client.ts";
import { defineCommand } from "./command.ts";
import { CommandFailure, usageFailure } from "./failure.ts";
import { clientOptions, jsonOption } from "./options.ts";
import { plain } from "./paint.ts";
import { orUnknown } from "./workload-at.ts";
import { exitCodes } from "./world.ts";

const LogLine = z.object({ line: z.string() });
const Problem = z.object({ message: z.string() });

/** The stream never ends: what is quiet for so long has told all there was. */
const quietMs = 1_500;

/** What a workload writes. */
export const logs = defineCommand({
  about:
    "The last lines of its output, and with --follow each further one, over sleeps and wakes. Colours and other control " +
    "characters are left out. Looking wakes nothing.",
  arguments: [{ name: "ALIAS", help: "the workload" }],
  options: {
    follow: { short: "f", help: "go on until Ctrl-C" },
    lines: { value: "N", short: "n", help: "how many to begin with, 1 to 1000 (100)" },
    ...clientOptions,
    ...jsonOption,
  },
  examples: ["logs blog", "logs blog -f --lines 20", "logs blog --json"],
  async run({ args: [alias = ""], options }, world) {
    const { lines } = options;
    if (lines !== undefined && !/^\d{1,4}$/.test(lines))
      throw usageFailure(`--lines "${lines}" is not a number`, "logs");
    const client = await openClient(options, world);
    const end = new AbortController();
    const query = lines === undefined ? "" : `?lines=${lines}`;
    const path = `workloads/${encodeURIComponent(alias)}/logs${query}`;
    const signal = AbortSignal.any([world.stop, end.signal]);
    const reply = await orUnknown(client.open(path, { signal }), client, alias);
    let cancel = (): void => undefined;
    const wait = (): void => {
      cancel();
      if (!options.follow) cancel = waitingClock.after(quietMs, () => end.abort());
    };
    wait();
    try {
      for await (const { event, data } of framesOf(reply, signal)) {
        wait();
        const line = LogLine.safeParse(data);
        if (line.success) world.out(options.json ? JSON.stringify(line.data) : plain(line.data.line));
        const problem = Problem.safeParse(data);
        if (event === "problem" && problem.success) {
          if (!options.follow) throw new CommandFailure(plain(problem.data.message));
          world.err(plain(problem.data.message));
        }
      }
    } finally {
      cancel();
    }
    return exitCodes.done;
  },
});

interface Frame {
  readonly event: string;
  readonly data: unknown;
}

/** Server-sent events as they come, until `signal`. Comments and ids are nobody's business here. */
async function* framesOf({ body }: Dispatcher.ResponseData, signal: AbortSignal): AsyncGenerator<Frame> {
  let rest = "";
  try {
    for await (const chunk of body.setEncoding("utf8")) {
      const blocks = (rest + String(chunk)).split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) {
        const frame = toFrame(block);
        if (frame !== null) yield frame;
      }
    }
  } catch (error) {
    if (!signal.aborted) throw new CommandFailure("nodoff ended the stream", exitCodes.notReachable);
    if (!(error instanceof Error)) throw error;
  }
}

function toFrame(block: string): Frame | null {
  const fields = block.split("\n").map((line) => /^(\w+): ?(.*)$/.exec(line));
  const field = (name: string): string | undefined => fields.find((found) => found?.[1] === name)?.[2];
  const data = field("data");
  return data === undefined ? null : { event: field("event") ?? "message", data: JSON.parse(data) as unknown };
}
