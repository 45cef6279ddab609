import { rateLimit } from "express-rate-limit";
import type { Store } from "express-rate-limit";
import type { RequestHandler } from "express";
import { clientKey } from "../core/rate-limit.ts";
import type { Rate } from "../core/spec.ts";
import type { Clock } from "../core/clock.ts";
import { sendProblem } from "./answers.ts";
import type { ControlDeps } from "./deps.ts";

/** Caps how often one address may ask; over it 429 with Retry-After. For what is open to strangers. */
export function limitPerClient(
  { count, perMs }: Rate,
  { clock, visit }: Pick<ControlDeps, "clock" | "visit">,
): RequestHandler {
  return rateLimit({
    limit: count,
    windowMs: perMs,
    legacyHeaders: false,
    standardHeaders: false,
    // Ours: theirs reads headers that `trusted_proxies` may not cover.
    keyGenerator: (request) => clientKey(visit(request).client),
    validate: false,
    store: clockedStore(clock, perMs),
    handler: (_request, response) =>
      sendProblem(response, { code: "RATE_LIMITED", detail: "wait a little", retryAfterS: perMs / 1000 }),
  });
}

const mostClients = 10_000;

/** Fixed windows by our clock, as many as fit: theirs has timers and grows with the number of addresses. */
function clockedStore(clock: Clock, perMs: number): Store {
  const windows = new Map<string, { endsAt: number; hits: number }>();
  const open = (key: string): { endsAt: number; hits: number } => {
    const known = windows.get(key);
    if (known !== undefined && known.endsAt > clock.now()) return known;
    windows.delete(key);
    for (const oldest of windows.keys()) {
      if (windows.size < mostClients) break;
      windows.delete(oldest);
    }
    const window = { endsAt: clock.now() + perMs, hits: 0 };
    windows.set(key, window);
    return window;
  };
  return {
    localKeys: true,
    increment(key) {
      const window = open(key);
      window.hits++;
      return { totalHits: window.hits, resetTime: new Date(clock.wall() + window.endsAt - clock.now()) };
    },
    decrement(key) {
      const window = windows.get(key);
      if (window !== undefined) window.hits--;
    },
    resetKey: (key) => void windows.delete(key),
  };
}
