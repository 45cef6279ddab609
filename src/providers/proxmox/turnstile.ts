/** Lets so many through at a time, the others in the order they came. */
export interface Turnstile {
  /** Resolves with how to leave; rejects with the signal's reason when that aborts first. */
  enter(key: string, signal: AbortSignal): Promise<() => void>;
}

interface Lane {
  inside: number;
  readonly waiting: Set<() => void>;
}

/** One lane per key. All calls to one node run in its few workers: more at once only keep its own users waiting. */
export function createTurnstile(perKey: number): Turnstile {
  const lanes = new Map<string, Lane>();

  function leave(key: string, lane: Lane): void {
    lane.inside--;
    const [next] = lane.waiting;
    if (next !== undefined) next();
    else if (lane.inside === 0) lanes.delete(key);
  }

  return {
    async enter(key, signal) {
      signal.throwIfAborted();
      const lane = lanes.get(key) ?? { inside: 0, waiting: new Set() };
      lanes.set(key, lane);
      if (lane.inside >= perKey) await untilCalled(lane, signal);
      lane.inside++;
      return () => leave(key, lane);
    },
  };
}

function untilCalled(lane: Lane, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (then: () => void): void => {
      lane.waiting.delete(go);
      signal.removeEventListener("abort", onAbort);
      then();
    };
    const go = (): void => settle(resolve);
    const onAbort = (): void => settle(() => reject(signal.reason as Error));
    lane.waiting.add(go);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
