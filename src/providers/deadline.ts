import type { Clock } from "../core/clock.ts";

export interface Deadline {
  readonly signal: AbortSignal;
  readonly end: () => void;
}

/** Aborts with `outer`, or after `ms`. `end` disarms both: the signal then never aborts any more. */
export function deadline(clock: Clock, ms: number, outer: AbortSignal): Deadline {
  // Not AbortSignal.any: what it returns may be collected as garbage before it aborts.
  const controller = new AbortController();
  const onOuter = (): void => controller.abort(outer.reason);
  if (outer.aborted) onOuter();
  else outer.addEventListener("abort", onOuter, { once: true });
  const cancel = clock.after(ms, () => controller.abort(new Error(`no answer within ${ms} ms`)));
  const end = (): void => {
    cancel();
    outer.removeEventListener("abort", onOuter);
  };
  return { signal: controller.signal, end };
}

/**
 * Settles as `work`, or rejects when `signal` aborts. dockerode never calls back when an answer breaks off in the
 * middle, so passing it the signal is not enough.
 */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    const settle = (then: () => void): void => {
      signal.removeEventListener("abort", onAbort);
      then();
    };
    work.then(
      (value) => settle(() => resolve(value)),
      (error: unknown) => settle(() => reject(error as Error)),
    );
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
}

/** Resolves after `ms`, or rejects when `signal` aborts. */
export function wait(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = clock.after(ms, resolve);
  return untilAborted(promise, signal).finally(cancel);
}

/** A timer armed by calling it; while armed, further calls do nothing. After `cancel` it is never armed again. */
export interface Once {
  (): void;
  readonly cancel: () => void;
}

export function once(clock: Clock, delayMs: number, run: () => void): Once {
  let disarm: (() => void) | null = null;
  const arm = (): void => {
    disarm ??= clock.after(delayMs, () => {
      disarm = null;
      run();
    });
  };
  const cancel = (): void => {
    disarm?.();
    disarm = () => undefined;
  };
  return Object.assign(arm, { cancel });
}
