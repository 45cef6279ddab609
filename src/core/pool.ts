/** Things by alias. Every operation but the iteration takes the same time however many there are. */
export interface Pool<T> extends Iterable<T> {
  get(alias: string): T | undefined;
  readonly size: number;
  /** Each one that is there when its turn comes, once, whatever is added, replaced or deleted meanwhile. */
  [Symbol.iterator](): Iterator<T>;
}

export interface MutablePool<T> extends Pool<T> {
  /** Replaces what had this alias. */
  add(alias: string, item: T): void;
  /** The one that had it, or undefined. */
  delete(alias: string): T | undefined;
  clear(): void;
}

export function createPool<T>(): MutablePool<T> {
  const items = new Map<string, T>();
  return {
    get: (alias) => items.get(alias),
    get size() {
      return items.size;
    },
    add: (alias, item) => void items.set(alias, item),
    delete(alias) {
      const item = items.get(alias);
      items.delete(alias);
      return item;
    },
    clear: () => items.clear(),
    *[Symbol.iterator]() {
      // A map's own iterator would come again to what is deleted and added anew.
      const aliases = Array.from(items.keys());
      for (const alias of aliases) {
        const item = items.get(alias);
        if (item !== undefined) yield item;
      }
    },
  };
}
