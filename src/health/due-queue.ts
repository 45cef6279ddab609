/** Things by the time they are due, soonest first: a binary heap, so that thousands cost little. */
export interface DueQueue<T> {
  add(at: number, item: T): void;
  /** When the first is due; Infinity = there is none. */
  readonly next: number;
  /** Takes the first one out, with the time it was added for; undefined = there is none. */
  take(): Due<T> | undefined;
  readonly size: number;
}

export interface Due<T> {
  readonly at: number;
  readonly item: T;
}

export function createDueQueue<T>(): DueQueue<T> {
  const heap: Due<T>[] = [];

  /** Puts `due` where it belongs among those above place `n`, which is free. */
  function rise(n: number, due: Due<T>): void {
    while (n > 0) {
      const parent = heap[(n - 1) >> 1];
      if (parent === undefined || parent.at <= due.at) break;
      heap[n] = parent;
      n = (n - 1) >> 1;
    }
    heap[n] = due;
  }

  /** The same among those below. */
  function sink(n: number, due: Due<T>): void {
    for (;;) {
      const [left, right] = [heap[2 * n + 1], heap[2 * n + 2]];
      const isRight = left !== undefined && right !== undefined && right.at < left.at;
      const child = isRight ? right : left;
      if (child === undefined || child.at >= due.at) break;
      heap[n] = child;
      n = 2 * n + (isRight ? 2 : 1);
    }
    heap[n] = due;
  }

  return {
    add: (at, item) => rise(heap.length, { at, item }),
    get next() {
      return heap[0]?.at ?? Number.POSITIVE_INFINITY;
    },
    take() {
      const [first] = heap;
      const last = heap.pop();
      if (last !== undefined && last !== first) sink(0, last);
      return first;
    },
    get size() {
      return heap.length;
    },
  };
}
