import type { ErrorCode } from "../core/errors.ts";
import { toFailure } from "../core/errors.ts";
import type { Reading } from "../core/signal.ts";

/** What `read` says, or why it cannot. `mend` is told where a right is missing: the line that would help. */
export async function readSafely(read: () => Promise<Reading>, mend: string): Promise<Reading> {
  try {
    return await read();
  } catch (error) {
    return { kind: "unreadable", why: toWhy(error, mend) };
  }
}

/** A failure in words, with what would mend it. */
export function toWhy(error: unknown, mend: string): string {
  const { code, message } = toFailure(error);
  const mendable: ErrorCode = "PROVIDER_FORBIDDEN";
  return code === mendable ? `${message}; ${mend}` : message;
}

/** "1 open request", "2 open requests". */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
