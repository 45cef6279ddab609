import { isIP } from "node:net";
import type { Clock } from "./core/clock.ts";
import { NodoffError } from "./core/errors.ts";
import type { LocateQuery, Placement, Provider } from "./core/provider.ts";
import type { RouteSpec, WorkloadSpec } from "./core/spec.ts";

/** The machine of a provider a route leads to: `id` 0 is a node. */
export interface RouteGuest extends Placement {
  readonly provider: string;
}

export interface GuestQuestion {
  readonly route: RouteSpec;
  /** Where the route leads as far as it is known. */
  readonly upstream: string | null;
  readonly workload: WorkloadSpec | null;
}

/**
 * The node or guest behind a route, asked of every provider that can tell. A route with a workload leads to that
 * workload's guest; any other is looked up by its upstream's address or host name and by its alias. Rejects with REFUSED
 * where several fit.
 */
export async function findGuest(
  { route, upstream, workload }: GuestQuestion,
  providers: readonly Provider[],
  signal: AbortSignal,
): Promise<RouteGuest | null> {
  const able = providers.filter(({ locate, name }) => locate !== undefined && (workload?.provider ?? name) === name);
  const query = toQuery(route, { upstream, workload });
  const found: RouteGuest[] = [];
  for (const provider of able) {
    const placement = (await provider.locate?.(query, { signal })) ?? null;
    if (placement !== null && (route.node === undefined || placement.id === 0))
      found.push({ ...placement, provider: provider.name });
  }
  const [first, second] = found;
  if (second === undefined) return first ?? null;
  const names = found.map(({ provider, node, ref }) => `${ref ?? node} at ${provider}`).join(", ");
  throw new NodoffError("REFUSED", `"${route.alias}" may be several: ${names}`);
}

function toQuery(route: RouteSpec, { upstream, workload }: Omit<GuestQuestion, "route">): LocateQuery {
  const nothing: LocateQuery = { ref: null, hostname: null, ip: null, alias: null };
  if (workload !== null) return { ...nothing, ref: workload.ref };
  if (route.node !== undefined) return { ...nothing, hostname: route.node };
  const host = upstream === null ? "" : (URL.parse(upstream)?.hostname ?? "").replace(/^\[|\]$/g, "");
  if (isIP(host) !== 0) return { ...nothing, ip: host, alias: route.alias };
  return { ...nothing, hostname: host === "" ? null : host, alias: route.alias };
}

interface Kept {
  readonly asked: string;
  readonly at: number;
  readonly answer: Promise<RouteGuest | null>;
}

/** How long an answer holds: guests move, and every question may cost one call per guest. */
const keptMs = 60_000;
/** An API caller waits no longer than this for the first answer. */
const patienceMs = 1_000;
const limitMs = 60_000;

/** `findGuest` with a memory, for the API. Never rejects: what cannot be told is null. */
export function createGuestFinder({
  clock,
  providers,
}: {
  readonly clock: Clock;
  readonly providers: () => readonly Provider[];
}): (question: GuestQuestion) => Promise<RouteGuest | null> {
  /** By the route's alias. */
  const kept = new Map<string, Kept>();
  return async (question) => {
    const able = providers().filter(({ locate }) => locate !== undefined);
    if (able.length === 0) return null;
    const { route, upstream, workload } = question;
    const asked = JSON.stringify([route.node, upstream, workload?.provider, workload?.ref]);
    let entry = kept.get(route.alias);
    if (entry?.asked !== asked || clock.now() - entry.at > keptMs) {
      const answer = findGuest(question, able, AbortSignal.timeout(limitMs)).catch(() => null);
      entry = { asked, at: clock.now(), answer };
      kept.set(route.alias, entry);
    }
    const late = new Promise<null>((resolve) => void clock.after(patienceMs, () => resolve(null)));
    return Promise.race([entry.answer, late]);
  };
}
