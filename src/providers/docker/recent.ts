import type { RawEvent } from "./raw.ts";

const kept = 1024;
/** JSON numbers of this size are exact to 256 ns only: ask for a little more than was missed. */
const marginNs = 1_000_000;

/** The place in the engine's event history that was reached. */
export interface Recent {
  /** False when it was seen before: a replay repeats what was told last. */
  isNew(event: RawEvent): boolean;
  /** `since` for the next stream: `seconds.nanoseconds` of the engine's clock; undefined before the first event. */
  since(): string | undefined;
  /** Where to start if no event comes: wall clock ms, of use only when the engine has the same clock. */
  begin(wallMs: number): void;
}

export function createRecent(): Recent {
  const seen = new Set<string>();
  let lastNs = 0;
  return {
    isNew({ timeNano = 0, Actor, Action }) {
      const key = `${timeNano} ${Actor?.ID} ${Action}`;
      if (seen.has(key)) return false;
      seen.add(key);
      if (seen.size > kept) for (const oldest of seen.values().take(1)) seen.delete(oldest);
      lastNs = Math.max(lastNs, timeNano);
      return true;
    },
    since() {
      if (lastNs === 0) return undefined;
      const from = lastNs - marginNs;
      const seconds = Math.floor(from / 1e9);
      return `${seconds}.${String(Math.floor(from - seconds * 1e9)).padStart(9, "0")}`;
    },
    begin(wallMs) {
      lastNs ||= Math.floor(wallMs) * 1e6;
    },
  };
}
