import { createHmac, randomBytes } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import { NodoffError } from "../core/errors.ts";
import type { PasswordHash } from "../core/password-hash.ts";
import { isPassword, nobodysHash } from "./password.ts";

/** Checks passwords one after the other: each takes memory and a thread that DNS and files need too. */
export interface Passwords {
  /** `known` undefined: there is no such user; takes as long. Rejects with RATE_LIMITED when too many wait already. */
  check(given: string, known: PasswordHash | undefined): Promise<boolean>;
}

const mostWaiting = 20;
const longestPassword = 1_024;
/** Basic sends the password with each request: a right one is not worked out again for so long. */
const rememberMs = 5 * 60_000;
const mostRemembered = 100;

export function createPasswords({ clock }: { readonly clock: Clock }): Passwords {
  const key = randomBytes(32);
  /** Fingerprints of what was right, and until when that is believed. */
  const right = new Map<string, number>();
  let waiting = 0;
  let last: Promise<unknown> = Promise.resolve();

  const remember = (mark: string): void => {
    for (const oldest of right.keys()) {
      if (right.size < mostRemembered) break;
      right.delete(oldest);
    }
    right.set(mark, clock.now() + rememberMs);
  };
  return {
    async check(given, known) {
      if (given.length > longestPassword) return false;
      // With the hash in it: a password that was changed is worked out anew.
      const mark = createHmac("sha256", key).update(`${known?.salt} ${known?.hash} ${given}`).digest("base64url");
      if (known !== undefined && (right.get(mark) ?? 0) > clock.now()) return true;
      right.delete(mark);
      if (waiting >= mostWaiting) throw new NodoffError("RATE_LIMITED", "too many sign in at once: try again");
      waiting++;
      const turn = last.then(() => isPassword(given, known ?? nobodysHash));
      last = turn.catch(() => undefined);
      try {
        const isRight = (await turn) && known !== undefined;
        if (isRight) remember(mark);
        return isRight;
      } finally {
        waiting--;
      }
    },
  };
}
