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
  const at = (n: number): number => heap[n]?.at ?? Number.POSITIVE_INFINITY;

  function swap(a: number, b: number): void {
    const [first, second] = [heap[a], heap[b]];
    if (first === undefined || second === undefined) return;
    heap[a] = second;
    heap[b] = first;
  }

  return {
    add(dueAt, item) {
      let n = heap.push({ at: dueAt, item }) - 1;
      for (let parent = (n - 1) >> 1; n > 0 && at(parent) > at(n); parent = (n - 1) >> 1) {
        swap(n, parent);
        n = parent;
      }
    },
    get next() {
      return at(0);
    },
    take() {
      swap(0, heap.length - 1);
      const first = heap.pop();
      for (let n = 0; ;) {
        const left = 2 * n + 1;
        const child = at(left + 1) < at(left) ? left + 1 : left;
        if (at(child) >= at(n)) return first;
        swap(n, child);
        n = child;
      }
    },
    get size() {
      return heap.length;
    },
  };
}
