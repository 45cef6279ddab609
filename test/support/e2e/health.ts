import { until } from "./child.ts";
import type { Served } from "./home.ts";

/** What the API says of a route. */
export interface Health {
  readonly status: string;
  readonly detail: string | null;
  readonly consecutive_failures: number;
  readonly last_seen_at: string | null;
}

export const healthOf = async (nodoff: Served, alias: string): Promise<Health> =>
  ((await nodoff.api("/health?detail=full")) as Readonly<Record<string, Health>>)[alias]!;

/** Waits until the health of a route has all of this. */
export const becomes = (nodoff: Served, alias: string, wanted: Partial<Health>): Promise<Health> =>
  until(`${alias} ${JSON.stringify(wanted)}`, async () => {
    const health = await healthOf(nodoff, alias);
    const isSo = Object.entries(wanted).every(([key, value]) => health[key as keyof Health] === value);
    return isSo ? health : undefined;
  });
