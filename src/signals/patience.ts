import type { Clock } from "../core/clock.ts";
import { NodoffError } from "../core/errors.ts";
import { formatDuration } from "../core/duration.ts";

export interface Patience {
  readonly clock: Clock;
  readonly ms: number;
  /** Gives up as well when this aborts. */
  readonly outer?: AbortSignal;
}

/**
 * Settles as `run` does, or rejects with PROVIDER_UNAVAILABLE once time is up or `outer` aborts, also where `run` does
 * not listen to its signal.
 */
export async function within<T>({ clock, ms, outer }: Patience, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const late = new NodoffError("PROVIDER_UNAVAILABLE", `no answer within ${formatDuration(ms)}`);
  const cancel = clock.after(ms, () => controller.abort(late));
  try {
    return await untilAborted(outer === undefined ? [controller.signal] : [controller.signal, outer], () =>
      run(controller.signal),
    );
  } finally {
    cancel();
    // Whoever lost the race hears of it.
    controller.abort(late);
  }
}

/** Settles as `run` does, or rejects when one of the signals aborts; what `run` began may go on. */
export function untilAborted<T>(signals: readonly AbortSignal[], run: () => Promise<T>): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const onAbort = (event: Event): void => reject(reasonOf(event.target as AbortSignal));
  const aborted = signals.find((signal) => signal.aborted);
  if (aborted !== undefined) return Promise.reject(reasonOf(aborted));
  for (const signal of signals) signal.addEventListener("abort", onAbort, { once: true });
  run().then(resolve, reject);
  return promise.finally(() => {
    for (const signal of signals) signal.removeEventListener("abort", onAbort);
  });
}

function reasonOf(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof NodoffError ? reason : new NodoffError("PROVIDER_UNAVAILABLE", "not waited for any longer");
}
