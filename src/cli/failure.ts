import { exitCodes, type ExitCode } from "./world.ts";

/** What a user can mend: ends the command with this one line and exit code, without a trace. */
export class CommandFailure extends Error {
  override readonly name = "CommandFailure";
  readonly exitCode: ExitCode;
  /** Of the API, where it refused (docs/errors.md). */
  readonly code: string | null;

  constructor(message: string, exitCode: ExitCode = exitCodes.failed, code: string | null = null) {
    super(message);
    this.exitCode = exitCode;
    this.code = code;
  }
}

/** A command line that cannot be meant: exit code 2, and where to read more, of one command if it is known which. */
export function usageFailure(message: string, command?: string): CommandFailure {
  const more = command === undefined ? "--help" : `help ${command}`;
  return new CommandFailure(`nodoff: ${message}\nTry: nodoff ${more}`, exitCodes.usage);
}
