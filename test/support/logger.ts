import type { LogContext, Logger } from "../../src/core/logger.ts";

export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly context: LogContext;
}

/** A logger that keeps its lines for assertions and prints nothing. */
export function recordingLogger(): Logger & { readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = [];
  const at = (base: LogContext): Logger => {
    const write =
      (level: LogLine["level"]) =>
      (message: string, context: LogContext = {}) =>
        void lines.push({ level, message, context: { ...base, ...context } });
    return {
      debugEnabled: true,
      debug: write("debug"),
      info: write("info"),
      warn: write("warn"),
      error: write("error"),
      child: (context) => at({ ...base, ...context }),
    };
  };
  return Object.assign(at({}), { lines });
}

/** A logger that forgets. */
export const silentLogger: Logger = {
  debugEnabled: false,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};
