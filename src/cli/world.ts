/** What commands get of the process they run in. */
export interface World {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** One line to standard output. */
  readonly out: (line: string) => void;
  /** One line to standard error. */
  readonly err: (line: string) => void;
  /** All of standard input, to its end. */
  readonly input: () => Promise<string>;
  /** Whether standard output is a terminal. */
  readonly isTerminal: boolean;
  /** Aborts at SIGTERM or SIGINT. */
  readonly stop: AbortSignal;
  /** Path of the running Node. */
  readonly execPath: string;
  /** `process.kill`. */
  readonly kill: (pid: number, signal: number) => void;
}

/** How a command line may end (contract.md "CLI"), with what each means for the manual. */
export const exitCodes = { done: 0, failed: 1, usage: 2, configInvalid: 3, notReachable: 4 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** In the order of their numbers. */
export const exitCodeTexts = ["done", "failed", "usage", "configuration invalid", "not reachable"] as const;
