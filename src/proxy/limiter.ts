import type { IncomingMessage } from "node:http";
import type { Clock } from "../core/clock.ts";
import { clientKey, createRateLimiter } from "../core/rate-limit.ts";
import type { RateLimiter } from "../core/rate-limit.ts";
import type { Rate, RouteLimits } from "../core/spec.ts";
import type { Entrance } from "./entrance.ts";

/** What a request is refused for, before anything is asked or woken. */
export interface Excess {
  readonly code: "BODY_TOO_BIG" | "RATE_LIMITED";
  readonly retryAfterS?: number;
}

/** Holds requests against the `limits` of their routes. */
export interface Limiter {
  /** null = within them, and counted. A body without a length is counted as it comes (`createBody`). */
  excess(limits: RouteLimits, req: IncomingMessage, entrance: Entrance & { readonly kind: "route" }): Excess | null;
}

export function createLimiter(clock: Clock): Limiter {
  // By the route's own object: a changed configuration begins anew, and a route that is gone takes its counts along.
  const limiters = new WeakMap<RouteLimits, RateLimiter>();
  const limiterOf = (limits: RouteLimits, rate: Rate): RateLimiter => {
    const known = limiters.get(limits);
    if (known !== undefined) return known;
    const made = createRateLimiter(rate);
    limiters.set(limits, made);
    return made;
  };
  return {
    excess(limits, { headers }, { facts }) {
      const { rate, bodyBytes } = limits;
      if (rate !== null && !limiterOf(limits, rate).take(clientKey(facts.client ?? ""), clock.now()))
        return { code: "RATE_LIMITED", retryAfterS: rate.perMs / 1_000 };
      if (bodyBytes !== null && Number(headers["content-length"] ?? 0) > bodyBytes) return { code: "BODY_TOO_BIG" };
      return null;
    },
  };
}
