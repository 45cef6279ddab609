import { after } from "node:test";

/** Keeps what has to be closed after a file's tests. */
export type AtEnd = (end: () => Promise<unknown>) => void;

/**
 * What a test file opened is closed after its tests, the last first. One that fails to close does not keep the others
 * open: a forgotten child process would keep the test run waiting for ever.
 */
export function createEnds(): AtEnd {
  const ends: (() => Promise<unknown>)[] = [];
  after(async () => {
    const errors: unknown[] = [];
    for (const end of ends.reverse()) await end().catch((error: unknown) => errors.push(error));
    if (errors.length > 0) throw new AggregateError(errors, `not closed cleanly: ${errors.map(String).join("; ")}`);
  });
  return (end) => void ends.push(end);
}
