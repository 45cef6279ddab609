/**
 * A map by host name, for look-ups with strings that were just read from a socket. `Map` takes such a string to the
 * engine's table of all strings first, in C++: with 10,000 hosts that is memory nothing else of a request touches, and
 * costs more than the rest of the decision.
 */
export interface HostMap<T> {
  get(host: string): T | undefined;
  set(host: string, value: T): void;
  delete(host: string): void;
}

/**
 * Open addressing, linear probing, never more than half full: a look-up ends after a place or two. A host and its value
 * stand side by side, to be read together.
 */
export function createHostMap<T extends object>(): HostMap<T> {
  let pairs = toPairs<T>(32);
  let size = 0;

  /** Where `host` is, or the free place where it belongs. */
  const placeOf = (host: string): number => {
    const end = pairs.length - 1;
    let at = (hashOf(host) << 1) & end;
    for (let found = pairs[at]; found !== undefined && found !== host; found = pairs[at]) at = (at + 2) & end;
    return at;
  };
  const put = (host: string, value: T): void => {
    const at = placeOf(host);
    if (pairs[at] === undefined) size++;
    pairs[at] = host;
    pairs[at + 1] = value;
  };
  const grow = (): void => {
    const before = pairs;
    pairs = toPairs(before.length * 2);
    size = 0;
    for (let at = 0; at < before.length; at += 2) {
      const host = before[at];
      if (typeof host === "string") put(host, before[at + 1] as T);
    }
  };
  /** Empties a place; what stands behind it, up to the next gap, may have been put there only because it was taken. */
  const clear = (place: number): void => {
    const end = pairs.length - 1;
    pairs[place] = undefined;
    pairs[place + 1] = undefined;
    size--;
    for (let at = (place + 2) & end; pairs[at] !== undefined; at = (at + 2) & end) {
      const [host, value] = [pairs[at] as string, pairs[at + 1] as T];
      pairs[at] = undefined;
      pairs[at + 1] = undefined;
      size--;
      put(host, value);
    }
  };

  return {
    get: (host) => pairs[placeOf(host) + 1] as T | undefined,
    set(host, value) {
      put(host, value);
      if (size * 4 > pairs.length) grow();
    },
    delete(host) {
      const at = placeOf(host);
      if (pairs[at] !== undefined) clear(at);
    },
  };
}

/** Places for `length` / 2 hosts and their values, all free. */
function toPairs<T>(length: number): (string | T | undefined)[] {
  return Array.from({ length });
}

/** Java's string hash, its upper bits folded in. Hosts come from the configuration, so nobody outside picks them. */
function hashOf(host: string): number {
  let hash = 0;
  for (let at = 0; at < host.length; at++) hash = (Math.imul(hash, 31) + host.charCodeAt(at)) | 0;
  return hash ^ (hash >>> 15);
}
