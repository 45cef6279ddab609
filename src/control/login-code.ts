import { randomInt } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import { isSame } from "./secrets.ts";

/** Signs in once, instead of the token: for whoever sees the log of a nodoff that was given none. */
export interface LoginCode {
  readonly text: string;
  /** True once, within 15 minutes, for the right code. */
  take(given: string): boolean;
}

export const loginCodeMinutes = 15;

/** Crockford's base 32: no letter looks like another. Twelve are 60 bits. */
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

export function createLoginCode(clock: Clock): LoginCode {
  const part = (): string => Array.from({ length: 4 }, () => alphabet[randomInt(alphabet.length)]).join("");
  const text = `${part()}-${part()}-${part()}`;
  const endsAt = clock.now() + loginCodeMinutes * 60_000;
  let taken = false;
  return {
    text,
    take(given) {
      const isRight = isSame(given.trim().toUpperCase(), text) && !taken && clock.now() < endsAt;
      taken ||= isRight;
      return isRight;
    },
  };
}
