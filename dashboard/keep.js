/**
 * What changed, and only that, as new objects: whoever compares by identity draws again no more than he has to.
 * @template T
 * @param {ReadonlyMap<string, T>} before
 * @param {readonly T[]} now
 * @param {(one: T) => string} keyOf
 * @returns {ReadonlyMap<string, T>}
 */
export function keepSame(before, now, keyOf) {
  /** @type {Map<string, T>} */
  const after = new Map();
  let changed = before.size !== now.length;
  for (const one of now) {
    const key = keyOf(one);
    const known = before.get(key);
    const kept = known !== undefined && isSame(known, one) ? known : one;
    changed ||= kept !== known;
    after.set(key, kept);
  }
  return changed ? after : before;
}

/**
 * Whether two values from JSON say the same.
 * @param {unknown} one
 * @param {unknown} other
 */
export function isSame(one, other) {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}
