import type { Clock } from "../../core/clock.ts";
import type { Failure } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { Change, Power, ProviderObserver } from "../../core/provider.ts";
import type { Client } from "./client.ts";
import type { Containers, Entry } from "./containers.ts";
import { once } from "../deadline.ts";
import { createEventReader } from "./events.ts";
import type { Marks } from "./marks.ts";
import type { RawEvent } from "./raw.ts";
import type { Recent } from "./recent.ts";
import { openStream } from "./stream.ts";

export interface WatchDeps {
  readonly client: Client;
  readonly containers: Containers;
  readonly marks: Marks;
  readonly clock: Clock;
  readonly logger: Logger;
  /** 0 to below 1, for the jitter. */
  readonly random: () => number;
}

export interface FollowDeps extends WatchDeps {
  readonly recent: Recent;
  readonly link: (failure: Failure | null) => void;
  readonly observer: ProviderObserver;
}

type Entries = ReadonlyMap<string, Entry>;

const listTimeoutMs = 10_000;
const watchdogMs = 60_000;
/** `create`, `start` and a rename come together: one list for all. */
const relistMs = 100;
/** Rounds of inspecting again what changed while the list was made. */
const maxRounds = 5;

/**
 * One connection: stream, list, live events. Resolves with what is known when the stream ends or is not to be trusted
 * any more; rejects when the engine cannot be read.
 */
export async function follow(deps: FollowDeps, before: Entries, closing: AbortSignal): Promise<Entries> {
  const { client, clock, logger, observer, recent } = deps;
  const { podman } = await client.session({ signal: closing, limitMs: listTimeoutMs });
  closing.throwIfAborted();
  const ending = new AbortController();
  const { signal } = ending;
  const over = Promise.withResolvers<void>();
  const onClosing = (): void => {
    ending.abort(closing.reason);
    over.resolve();
  };
  closing.addEventListener("abort", onClosing, { once: true });
  let endStream = (): void => undefined;
  const lister = createLister(deps, signal);
  const find = (id: string): Entry | undefined => known.get(id) ?? before.get(id);
  const readEvent = createEventReader({ known: find, marks: deps.marks, podman });
  /** As the changes told so far and the last list have it. */
  const powers = new Map<string, Power>();
  let known = before;
  /** Events that came before the first list; null after it. */
  let early: RawEvent[] | null = [];
  let listing = false;

  const tell = (event: RawEvent): void => {
    const { change, relist } = readEvent(event);
    if (relist) relistSoon();
    if (change === null) return;
    note(powers, event.Actor?.ID ?? "", change);
    observer.changed(change);
  };
  const onEvent = (event: RawEvent): void => {
    if (signal.aborted || !recent.isNew(event)) return;
    lister.touch(event.Actor?.ID ?? "");
    if (early === null) tell(event);
    else early.push(event);
  };
  const accept = (found: Entries): void => {
    known = found;
    powers.clear();
    for (const [id, { look }] of found) powers.set(id, look.power);
    deps.marks.keep(new Set(found.keys()));
    observer.listed([...found.values()].map(({ look }) => look));
  };
  const relist = async (isWatchdog: boolean): Promise<void> => {
    if (listing) return relistSoon();
    listing = true;
    try {
      const { found, meanwhile } = await lister.list(known);
      if (signal.aborted) return;
      if (!isWatchdog || agrees(found, powers, meanwhile)) return accept(found);
      logger.debug("event stream had fallen silent");
      over.resolve();
    } catch (error) {
      // Whether the engine is gone shows when it is connected to anew.
      logger.debug("list failed", { error });
      over.resolve();
    } finally {
      listing = false;
    }
  };
  const relistSoon = once(clock, relistMs, () => void relist(false));
  const watchdog = once(clock, watchdogMs, () => void relist(true).finally(watchdog));

  try {
    const openedAt = clock.wall();
    endStream = await openStream(client, { signal, podman, since: recent.since(), onEvent, onClose: over.resolve });
    // Only behind a Unix socket the engine has our clock for certain.
    if (client.endpoint.kind === "unix") recent.begin(openedAt);
    const { found } = await lister.list(new Map());
    known = found;
    deps.link(null);
    const missed = early;
    early = null;
    for (const event of missed) tell(event);
    // Made after the last of them: it has the last word.
    accept(found);
    watchdog();
    await over.promise;
    return known;
  } finally {
    relistSoon.cancel();
    watchdog.cancel();
    endStream();
    closing.removeEventListener("abort", onClosing);
    ending.abort(new Error("connection over"));
  }
}

interface Lister {
  /** An event came: what is known of this container is out of date. */
  touch(id: string): void;
  /** A list at least as new as every event until now. `meanwhile`: what changed while it was made. */
  list(known: Entries): Promise<{ readonly found: Entries; readonly meanwhile: ReadonlySet<string> }>;
}

function createLister({ containers }: WatchDeps, signal: AbortSignal): Lister {
  const io = { signal, limitMs: listTimeoutMs };
  const touched = new Set<string>();
  return {
    touch: (id) => void touched.add(id),
    async list(known) {
      const unchanged = new Map([...known].filter(([id]) => !touched.has(id)));
      touched.clear();
      const entries = await containers.entries(io, unchanged);
      const found = new Map(entries.map((entry) => [entry.look.id, entry]));
      const meanwhile = new Set<string>();
      for (let round = 0; touched.size > 0 && round < maxRounds; round++) {
        const again = [...touched];
        touched.clear();
        for (const id of again) {
          meanwhile.add(id);
          const entry = found.get(id);
          const now = entry && (await containers.refresh(entry, io));
          if (now === undefined) found.delete(id);
          else found.set(id, now);
        }
      }
      return { found, meanwhile };
    },
  };
}

function note(powers: Map<string, Power>, id: string, change: Change): void {
  switch (change.kind) {
    case "started":
    case "resumed":
      powers.set(id, "running");
      break;
    case "paused":
      powers.set(id, "paused");
      break;
    case "exited":
      powers.set(id, "stopped");
      break;
    case "deleted":
      powers.delete(id);
      break;
    case "health":
      break;
  }
}

/** Whether a list shows what the events led to expect. Crash loops change all the time and prove nothing. */
function agrees(found: Entries, powers: ReadonlyMap<string, Power>, except: ReadonlySet<string>): boolean {
  const ids = new Set([...found.keys(), ...powers.keys()]);
  return [...ids].every((id) => {
    const power = found.get(id)?.look.power;
    const expected = powers.get(id);
    return power === expected || except.has(id) || power === "restarting" || expected === "restarting";
  });
}
