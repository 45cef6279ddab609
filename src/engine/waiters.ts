import type { Outcome } from "../core/workload-handle.ts";

/** Callers that wait for one workload. */
export interface Waiters {
  /** Resolves at the next `release`, or with `aborted` when `signal` aborts first. */
  wait(signal: AbortSignal): Promise<Outcome>;
  /** Answers everybody who waits now; those who come later wait for the next release. */
  release(outcome: Outcome): void;
}

/** So many are answered per turn of the event loop: 10,000 at once would keep other routes waiting for 0.3 s. */
const slice = 100;

interface Waiter {
  readonly resolve: (outcome: Outcome) => void;
}

/** `onCount` is told how many wait whenever that changes. */
export function createWaiters(defer: (run: () => void) => void, onCount: (count: number) => void): Waiters {
  let waiting = new Set<Waiter>();

  const answer = (waiters: readonly Waiter[], outcome: Outcome, from: number): void => {
    const end = Math.min(from + slice, waiters.length);
    for (const waiter of waiters.slice(from, end)) waiter.resolve(outcome);
    if (end < waiters.length) defer(() => answer(waiters, outcome, end));
  };

  return {
    wait(signal) {
      if (signal.aborted) return Promise.resolve({ kind: "aborted" });
      return new Promise((resolve) => {
        const end = (outcome: Outcome): void => {
          signal.removeEventListener("abort", leave);
          resolve(outcome);
        };
        const waiter: Waiter = { resolve: end };
        const leave = (): void => {
          waiting.delete(waiter);
          onCount(waiting.size);
          end({ kind: "aborted" });
        };
        signal.addEventListener("abort", leave, { once: true });
        waiting.add(waiter);
        onCount(waiting.size);
      });
    },
    release(outcome) {
      if (waiting.size === 0) return;
      const released = [...waiting];
      waiting = new Set();
      onCount(0);
      answer(released, outcome, 0);
    },
  };
}
