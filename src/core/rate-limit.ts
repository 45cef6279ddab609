import type { Rate } from "./spec.ts";

/** Counts per key in fixed windows; memory is bounded by `maxKeys` (the oldest window is forgotten first). */
export interface RateLimiter {
  /** Takes one; false when `key` has none left in its window. `now` is monotonic ms. */
  take(key: string, now: number): boolean;
  /** Whether `take` would fail, without taking. */
  spent(key: string, now: number): boolean;
}

interface Window {
  readonly endsAt: number;
  used: number;
}

export function createRateLimiter(rate: Rate, maxKeys = 10_000): RateLimiter {
  const windows = new Map<string, Window>();
  const current = (key: string, now: number): Window | undefined => {
    const window = windows.get(key);
    return window === undefined || window.endsAt <= now ? undefined : window;
  };
  const open = (key: string, now: number): Window => {
    const window = { endsAt: now + rate.perMs, used: 0 };
    // Deleted first so that a renewed key moves to the young end of the map.
    windows.delete(key);
    for (const oldest of windows.keys()) {
      if (windows.size < maxKeys) break;
      windows.delete(oldest);
    }
    windows.set(key, window);
    return window;
  };
  return {
    take(key, now) {
      const window = current(key, now) ?? open(key, now);
      if (window.used >= rate.count) return false;
      window.used++;
      return true;
    },
    spent: (key, now) => (current(key, now)?.used ?? 0) >= rate.count,
  };
}

/**
 * Whom to count an address as: itself, but for IPv6 its /64, since one client has all of that. Expects what
 * `normaliseAddress` gives.
 */
export function clientKey(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  return [...left, ...Array.from({ length: zeros }, () => "0"), ...right].slice(0, 4).join(":");
}
