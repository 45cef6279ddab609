/** Facts of a log line. Names follow contract.md "Logs": `alias`, `key`, `provider`, `method` where they apply. */
export type LogContext = Readonly<Record<string, unknown>>;

/** A fixed message plus facts; never a template, never called per allowed request. */
export interface Logger {
  /** Check before building an expensive debug context. */
  readonly debugEnabled: boolean;
  debug(message: string, context?: LogContext): void;
  info(message: string, context?: LogContext): void;
  warn(message: string, context?: LogContext): void;
  error(message: string, context?: LogContext): void;
  /** A logger that adds `context` to every line. */
  child(context: LogContext): Logger;
}
