import type { Clock } from "../../core/clock.ts";
import { toFailure } from "../../core/errors.ts";
import type { Failure } from "../../core/errors.ts";
import type { Change, ProviderObserver } from "../../core/provider.ts";
import type { CallOptions } from "./client.ts";
import type { Declarations } from "./declarations.ts";
import type { Guests } from "./guests.ts";
import { toProviderError } from "./pve-error.ts";

export interface WatchDeps {
  readonly guests: Guests;
  /** null: tags and notes say nothing to nodoff. */
  readonly declarations: Declarations | null;
  readonly clock: Clock;
}

/** The one poll of a cluster, shared by all who watch. */
export interface Watch {
  add(observer: ProviderObserver): { close(): Promise<void> };
  /** Tells all who watch, once the link is known to be up. */
  changed(change: Change): void;
  /** The next list is due with the next poll. */
  restructured(): void;
  /** Something is under way: poll often again. */
  stirred(): void;
  /** Resolves once the rows are no older than `maxAgeMs`. */
  fresh(maxAgeMs: number, options: CallOptions): Promise<void>;
  close(): Promise<void>;
}

const pollMs = 5_000;
/** While nothing changes. */
const quietPollMs = 15_000;
const slowDown = 1.5;
const listMs = 60_000;
const retryMs = [1_000, 2_000, 4_000] as const;
const lastRetryMs = 5_000;

export function createWatch({ guests, declarations, clock }: WatchDeps): Watch {
  const observers = new Set<ProviderObserver>();
  /** undefined: not known yet. */
  let link: Failure | null | undefined;
  /** What changed while the link was not known to be up. */
  let held: Change[] = [];
  let failures = 0;
  let isListDue = true;
  let listedAt = Number.NEGATIVE_INFINITY;
  let polledAt = Number.NEGATIVE_INFINITY;
  let delayMs = pollMs;
  /** The pause under way. */
  let pausedMs = 0;
  let running: { readonly over: Promise<void>; readonly leaving: AbortController } | null = null;
  /** A look somebody asked for outside of the rounds. */
  let looking: Promise<void> | null = null;
  let wakeUp = (): void => undefined;

  async function look(options: CallOptions): Promise<void> {
    if (link === null) await guests.poll(options);
    else await guests.connect(options);
    if (declarations !== null && (await declarations.update(guests.all(), options))) isListDue = true;
    polledAt = clock.now();
  }

  async function round(signal: AbortSignal): Promise<void> {
    try {
      await look({ signal, insist: true });
      if (signal.aborted) return;
      failures = 0;
      if (link !== null) joined();
      if (isListDue || clock.now() - listedAt >= listMs) list();
    } catch (error) {
      if (signal.aborted) return;
      failures++;
      lose(toFailure(toProviderError(error)));
    }
  }

  function joined(): void {
    const isFirst = link === undefined;
    link = null;
    isListDue = true;
    for (const observer of observers) observer.link(null);
    const missed = held;
    held = [];
    // The first list says all there is to say.
    if (!isFirst) for (const change of missed) tell(change);
  }

  function lose(failure: Failure): void {
    const isKnown = link !== undefined && link !== null && link.code === failure.code;
    link = failure;
    if (!isKnown) for (const observer of observers) observer.link(failure);
  }

  function list(): void {
    isListDue = false;
    listedAt = clock.now();
    const looks = guests.looks();
    for (const observer of observers) observer.listed(looks);
  }

  function tell(change: Change): void {
    delayMs = pollMs;
    for (const observer of observers) observer.changed(change);
  }

  function pauseMs(): number {
    if (failures > 0) return retryMs[failures - 1] ?? lastRetryMs;
    const now = delayMs;
    delayMs = Math.min(quietPollMs, delayMs * slowDown);
    return now;
  }

  function untilDue(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    pausedMs = pauseMs();
    const cancel = clock.after(pausedMs, resolve);
    wakeUp = () => {
      cancel();
      resolve();
    };
    return promise;
  }

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await round(signal);
      if (!signal.aborted) await untilDue();
    }
  }

  function begin(): void {
    if (running !== null) return;
    const leaving = new AbortController();
    running = { over: run(leaving.signal), leaving };
  }

  async function end(): Promise<void> {
    const ending = running;
    running = null;
    ending?.leaving.abort(new Error("closed"));
    wakeUp();
    await ending?.over;
  }

  return {
    add(observer) {
      observers.add(observer);
      // As with every engine: nothing is told before this has returned.
      queueMicrotask(() => {
        if (!observers.has(observer)) return;
        if (link !== undefined) observer.link(link);
        if (link === null) observer.listed(guests.looks());
        begin();
      });
      return {
        async close() {
          observers.delete(observer);
          if (observers.size === 0) await end();
        },
      };
    },
    changed(change) {
      if (link === null) tell(change);
      else if (observers.size > 0) held.push(change);
    },
    restructured() {
      isListDue = true;
    },
    stirred() {
      delayMs = pollMs;
      if (pausedMs > pollMs) wakeUp();
    },
    async fresh(maxAgeMs, options) {
      if (clock.now() - polledAt < maxAgeMs) return;
      // Many workloads ask for their counters at the same time. Whoever asked first may have given up: that is no answer.
      const isDone = await looking?.then(
        () => true,
        () => false,
      );
      if (isDone === true && maxAgeMs > 0) return;
      looking = look(options).finally(() => (looking = null));
      await looking;
    },
    async close() {
      observers.clear();
      await end();
    },
  };
}
