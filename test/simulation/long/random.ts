/** Numbers that look random and are the same for the same seed. */
export interface Random {
  /** From 0 to 1, 1 left out. */
  next(): number;
  /** An integer, both ends included. */
  between(min: number, max: number): number;
  chance(part: number): boolean;
  pick<T>(list: readonly T[]): T;
  /** Small times are the most frequent, every order of magnitude is as likely as the next. */
  span(minMs: number, maxMs: number): number;
}

/** mulberry32 (Tommy Ettinger, public domain): 32 bits of state, good enough to choose what happens next. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  return {
    next,
    between: (min, max) => min + Math.floor(next() * (max - min + 1)),
    chance: (part) => next() < part,
    pick<T>(list: readonly T[]): T {
      return list[Math.floor(next() * list.length)] as T;
    },
    span: (minMs, maxMs) => Math.round(minMs * (maxMs / minMs) ** next()),
  };
}
