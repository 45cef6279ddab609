import { NodoffError } from "../core/errors.ts";
import { version } from "./assets.ts";
import { findCommand, readCall } from "./command-line.ts";
import { commands } from "./commands.ts";
import { CommandFailure } from "./failure.ts";
import { toManual, toOverview } from "./help.ts";
import { type ExitCode, exitCodes, type World } from "./world.ts";

/** Runs one command line and says how the process should end. */
export async function run(world: World): Promise<ExitCode> {
  try {
    return await dispatch(world);
  } catch (error) {
    // What a user can mend is one line; a trace is for defects of ours.
    const failure = toFailure(error);
    if (failure === null) throw error;
    world.err(failure.message);
    return failure.exitCode;
  }
}

async function dispatch(world: World): Promise<ExitCode> {
  const { argv } = world;
  // `nodoff help wake` is `nodoff wake --help`.
  if (argv[0] === "help") return help(argv.slice(1), world);
  const ended = argv.indexOf("--");
  const options = ended === -1 ? argv : argv.slice(0, ended);
  if (options.some((word) => word === "--help" || word === "-h")) return help(argv, world);
  if (options.includes("--version")) {
    world.out(version());
    return exitCodes.done;
  }
  const named = findCommand(argv, commands);
  const command = await named.row.load();
  return command.run(readCall(named, command), world);
}

async function help(argv: readonly string[], world: World): Promise<ExitCode> {
  const words = argv.filter((word) => !word.startsWith("-"));
  if (words.length === 0) {
    world.out(toOverview(commands));
    return exitCodes.done;
  }
  const { row } = findCommand(argv, commands);
  world.out(toManual(row, await row.load()));
  return exitCodes.done;
}

/** null: a defect of ours. */
function toFailure(error: unknown): CommandFailure | null {
  if (error instanceof CommandFailure) return error;
  if (error instanceof NodoffError)
    return new CommandFailure(
      error.message,
      error.code === "CONFIG_INVALID" ? exitCodes.configInvalid : exitCodes.failed,
    );
  // A file that cannot be read, a port that is taken: said by the system, in one line.
  return error instanceof Error && "syscall" in error ? new CommandFailure(error.message) : null;
}
