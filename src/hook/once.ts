import type { Clock } from "../core/clock.ts";

/** Says of each key whether it is new, so that clients cannot fill the log. */
export type Once = (key: string) => boolean;

const maxKeys = 1_000;
const forgetAfterMs = 3_600_000;

/**
 * True the first time a key is seen. Once full it says false to everything new until an hour after it was first asked;
 * then it forgets all. Clients choose the keys, so neither its memory nor the lines it lets through may grow with them.
 */
export function createOnce(clock: Clock): Once {
  const seen = new Set<string>();
  let since = 0;
  return (key) => {
    const now = clock.now();
    if (seen.size > 0 && now - since >= forgetAfterMs) seen.clear();
    if (seen.has(key) || seen.size >= maxKeys) return false;
    if (seen.size === 0) since = now;
    seen.add(key);
    return true;
  };
}
