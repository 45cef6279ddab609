import type { WeightedUpstream } from "./spec.ts";

/**
 * Whose turn it is, by weight and evenly spread (nginx's smooth round-robin: 2 and 1 give a a b in the order a b a).
 * Those that are not healthy are passed over; where none is, all take turns: a guess is better than a sure failure.
 * null = there is none at all.
 */
export function createTurns(
  upstreams: readonly WeightedUpstream[],
): (isHealthy: (url: string) => boolean) => string | null {
  const seats = upstreams.map(({ url, weight }) => ({ url, weight, credit: 0 }));
  return (isHealthy) => {
    const healthy = seats.filter(({ url }) => isHealthy(url));
    const able = healthy.length > 0 ? healthy : seats;
    const weighted = able.filter(({ weight }) => weight > 0);
    const candidates = weighted.length > 0 ? weighted : able;
    let total = 0;
    let best: (typeof seats)[number] | undefined;
    for (const seat of candidates) {
      const weight = Math.max(1, seat.weight);
      seat.credit += weight;
      total += weight;
      if (best === undefined || seat.credit > best.credit) best = seat;
    }
    if (best === undefined) return null;
    best.credit -= total;
    return best.url;
  };
}
