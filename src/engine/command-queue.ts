/**
 * Engine calls of one workload, one after the other: a stop never overtakes the start before it, and a look taken here
 * is never older than the last command.
 */
export interface CommandQueue {
  run<T>(call: () => Promise<T>): Promise<T>;
}

export function createCommandQueue(): CommandQueue {
  let tail: Promise<unknown> = Promise.resolve();
  return {
    run(call) {
      const result = tail.then(call);
      tail = result.catch(() => undefined);
      return result;
    },
  };
}
