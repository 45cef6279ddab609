/** Promises that fail unheard, instead of the test runner. */
export function watchRejections() {
  const seen: unknown[] = [];
  const former = process.listeners("unhandledRejection");
  const onRejection = (reason: unknown): void => void seen.push(reason);
  process.removeAllListeners("unhandledRejection");
  process.on("unhandledRejection", onRejection);
  return {
    seen,
    end() {
      process.removeListener("unhandledRejection", onRejection);
      for (const listener of former) process.on("unhandledRejection", listener);
    },
  };
}
