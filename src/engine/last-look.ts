import type { Signal } from "../core/signal.ts";
import type { NamedReading } from "../core/verdict.ts";

/** The readings that are there without waiting; a signal that has to ask is left out. For what people see. */
export function readNow(signals: readonly Signal[], alias: string): readonly NamedReading[] {
  const readings: NamedReading[] = [];
  for (const signal of signals) {
    if (!signal.covers(alias)) continue;
    const reading = signal.read(alias, { signal: AbortSignal.abort() });
    if (!(reading instanceof Promise)) readings.push({ signal: signal.name, required: false, reading });
  }
  return readings;
}

/**
 * Asks every signal at the same time. Use while the slow ones answer shows only in `touch`: the caller compares its
 * last use before and after.
 */
export function readAll(
  signals: readonly Signal[],
  alias: string,
  abort: AbortSignal,
): Promise<readonly NamedReading[]> {
  const covering = signals.filter((signal) => signal.covers(alias));
  return Promise.all(
    covering.map(async (signal) => ({
      signal: signal.name,
      required: false,
      reading: await signal.read(alias, { signal: abort }),
    })),
  );
}
