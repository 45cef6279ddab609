/** Lines that somebody writes and one reader takes, one after the other, waiting for the next. */
export interface LineQueue extends AsyncIterable<string> {
  /** A reader that is slower loses the oldest. */
  push(line: string): void;
  /** No more will come: the reader ends once it has taken what is there, or fails with `error`. */
  end(error?: unknown): void;
}

/** Keeps at most `most` lines that nobody took yet. `onLeave` is called once the reader stops, for whatever reason. */
export function createLineQueue(most: number, onLeave: () => void): LineQueue {
  const lines: string[] = [];
  let over: { readonly error: unknown } | null = null;
  let wake = (): void => undefined;

  async function* read(): AsyncGenerator<string> {
    try {
      for (;;) {
        const line = lines.shift();
        if (line !== undefined) yield line;
        else if (over === null) await new Promise<void>((resolve) => (wake = resolve));
        else if (over.error === undefined) return;
        else throw over.error;
      }
    } finally {
      onLeave();
    }
  }
  return {
    push(line) {
      if (over !== null) return;
      lines.push(line);
      if (lines.length > most) lines.shift();
      wake();
    },
    end(error) {
      over ??= { error };
      wake();
    },
    [Symbol.asyncIterator]: read,
  };
}
