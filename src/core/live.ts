/** Adds fixed parts to an object of getters; a spread would read the getters once and for all. */
export function withLive<L extends object, P extends object>(live: L, parts: P): L & P {
  return Object.assign(Object.create(live) as L, parts);
}
