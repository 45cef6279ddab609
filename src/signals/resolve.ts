import { Resolver } from "node:dns/promises";
import type { Clock } from "../core/clock.ts";
import { canonicalHost, isAddress } from "./places.ts";

/** The addresses of a host, none when it is not known. Never rejects. An answer from before `since` is not used. */
export type Resolve = (host: string, options: { readonly since: number }) => Promise<readonly string[]>;

const keptMs = 30_000;
const maxKept = 1_000;
const patienceMs = 500;

export interface ResolveDeps {
  readonly clock: Clock;
  /** `address:port`; left out = the system's. */
  readonly servers?: readonly string[];
}

/** By DNS queries of our own: a slow server then keeps no other look-up of this process waiting (libuv has 4 threads). */
export function createResolve({ clock, servers }: ResolveDeps): Resolve {
  const known = new Map<string, { readonly at: number; readonly answer: Promise<readonly string[]> }>();
  return (host, { since }) => {
    if (isAddress(host)) return Promise.resolve([host]);
    const now = clock.now();
    const before = known.get(host);
    if (before !== undefined && before.at >= since && now - before.at < keptMs) return before.answer;
    if (known.size >= maxKept) known.clear();
    const resolver = new Resolver({ timeout: patienceMs, tries: 1 });
    if (servers !== undefined) resolver.setServers(servers);
    const answer = lookUp(resolver, host);
    known.set(host, { at: now, answer });
    return answer;
  };
}

async function lookUp(resolver: Resolver, host: string): Promise<readonly string[]> {
  const none = (): string[] => [];
  const found = await Promise.all([resolver.resolve4(host).catch(none), resolver.resolve6(host).catch(none)]);
  return found.flat().map(canonicalHost);
}
