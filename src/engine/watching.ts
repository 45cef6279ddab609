import type { Clock } from "../core/clock.ts";
import { type Failure, toFailure } from "../core/errors.ts";
import type { Journal } from "../core/journal.ts";
import type { Logger } from "../core/logger.ts";
import type { Change, Look, Provider } from "../core/provider.ts";
import { type ConfigProblem, inOrderOfClaim, type SpecSet } from "./desired.ts";
import { createDiscovery, type Discovery, type ReadLabels } from "./discovery.ts";
import { placesOf } from "./specs.ts";

/** One provider under watch, as far as it has shown itself. */
export interface Engine {
  readonly provider: Provider;
  /** Every name of everything it has; null before the first list. */
  readonly looks: ReadonlyMap<string, Look> | null;
  /** `looks` are of this very moment. */
  readonly fresh: boolean;
  /** Why it is not reachable; null = it is, or nobody knows yet. */
  readonly failure: Failure | null;
  readonly connected: boolean;
}

/** Follows providers: what they list, what of it is declared by labels, whether they are reachable. */
export interface Watching {
  add(provider: Provider): void;
  /** Forgets a provider at once; what it returns closes it. */
  forget(name: string): () => Promise<void>;
  get(name: string): Engine | undefined;
  engines(): Iterable<Engine>;
  /** Everything a provider has, each once; null = not listed yet, or not known. */
  looksOf(name: string): readonly Look[] | null;
  /** What labels declare, whoever comes first in the order of their claims in front. */
  labelled(): readonly SpecSet[];
  /** What labels got wrong. */
  problems(): readonly ConfigProblem[];
  /** Reads the labels of everything once more: names may be taken, or free, by now. */
  readAnew(): void;
  /** Stops watching and closes all of them. */
  close(): Promise<void>;
}

export interface WatchingDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly journal: Journal;
  readonly read: ReadLabels;
  /** Aliases that labels may not use. */
  readonly taken: () => ReadonlySet<string>;
  /** A list has come; `isOther`: what is declared, or what depends on what, may have changed. */
  readonly listed: (engine: Engine, isOther: boolean) => void;
  readonly changed: (provider: Provider, change: Change) => void;
}

interface Watched extends Engine {
  readonly watch: { close(): Promise<void> };
  looks: ReadonlyMap<string, Look> | null;
  fresh: boolean;
  failure: Failure | null;
  connected: boolean;
  readonly discovery: Discovery;
  /** The compose projects of `looks`, as text: what depends on what follows from them. */
  places: string;
}

export function createWatching(deps: WatchingDeps): Watching {
  const { clock, logger, journal } = deps;
  const watched = new Map<string, Watched>();

  function listed(each: Watched, looks: readonly Look[]): void {
    const byName = new Map<string, Look>();
    for (const look of looks) for (const ref of look.refs) if (!byName.has(ref)) byName.set(ref, look);
    each.looks = byName;
    const places = placesOf(looks);
    const isElsewhere = places !== each.places;
    each.places = places;
    const isDeclared = each.provider.capabilities.discovers && each.discovery.update(looks, deps.taken());
    each.fresh = true;
    deps.listed(each, isDeclared || isElsewhere);
    each.fresh = false;
  }

  function link(each: Watched, failure: Failure | null): void {
    const { name } = each.provider;
    each.connected = failure === null;
    each.failure = failure;
    if (failure === null) logger.info("engine connected", { provider: name });
    else logger.error("engine not reachable", { provider: name, code: failure.code, error: failure.message });
    const message = failure === null ? "connected" : failure.message;
    journal.publish({ type: "provider", alias: name, message, ...(failure === null ? {} : { failure }) });
  }

  /** Never rejects: a provider that does not close must not keep the others from opening. */
  async function end({ watch, provider }: Watched): Promise<void> {
    try {
      await watch.close();
      await provider.close();
    } catch (error) {
      logger.warn("provider did not close cleanly", { provider: provider.name, error: toFailure(error).message });
    }
  }

  function looksOf(name: string): readonly Look[] | null {
    const looks = watched.get(name)?.looks ?? null;
    return looks === null ? null : [...new Set(looks.values())];
  }

  return {
    add(provider) {
      const each: Watched = {
        provider,
        watch: provider.watch({
          listed: (looks) => listed(each, looks),
          changed: (change) => deps.changed(provider, change),
          link: (failure) => link(each, failure),
        }),
        looks: null,
        fresh: false,
        failure: null,
        connected: false,
        discovery: createDiscovery({ clock, logger, provider, read: deps.read }),
        places: "",
      };
      watched.set(provider.name, each);
    },
    forget(name) {
      const each = watched.get(name);
      watched.delete(name);
      return () => (each === undefined ? Promise.resolve() : end(each));
    },
    get: (name) => watched.get(name),
    engines: () => watched.values(),
    looksOf,
    labelled: () => inOrderOfClaim(Array.from(watched.values(), ({ discovery }) => discovery.sets)),
    problems: () => [...watched.values()].flatMap(({ discovery }) => discovery.problems),
    readAnew() {
      for (const { discovery, provider } of watched.values()) {
        const looks = looksOf(provider.name);
        if (looks !== null) discovery.update(looks, deps.taken(), true);
      }
    },
    async close() {
      for (const each of watched.values()) await end(each);
    },
  };
}
