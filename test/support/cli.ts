import { run } from "../../src/cli/cli.ts";
import type { ExitCode, World } from "../../src/cli/world.ts";

/** What one command line wrote and how it ended. */
export interface RanLine {
  readonly code: ExitCode;
  readonly out: readonly string[];
  readonly err: readonly string[];
}

/** Runs one command line in this process. Told to stop from the start, unless `world` says otherwise. */
export async function runLine(argv: readonly string[], world: Partial<World> = {}): Promise<RanLine> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await run({
    argv,
    env: {},
    out: (line) => void out.push(line),
    err: (line) => void err.push(line),
    input: () => Promise.resolve(""),
    isTerminal: false,
    stop: AbortSignal.abort(),
    execPath: "node",
    kill: () => undefined,
    ...world,
  });
  return { code, out, err };
}
