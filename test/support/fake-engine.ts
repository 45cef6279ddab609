import { createMemoryStore } from "../../src/store/memory-store.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { Prober, ProbeTarget } from "../../src/core/prober.ts";
import type { Signal } from "../../src/core/signal.ts";
import type { Store } from "../../src/core/store.ts";

/** Upstreams that answer, or not, by test order. */
export interface FakeProber extends Prober {
  /** What each probe is answered; may be changed at any time. */
  answers: (target: ProbeTarget) => boolean;
  readonly asked: readonly ProbeTarget[];
}

export function fakeProber(answers: (target: ProbeTarget) => boolean = () => true): FakeProber {
  const asked: ProbeTarget[] = [];
  const prober: FakeProber = {
    answers,
    asked,
    probe(target) {
      asked.push(target);
      const ok = prober.answers(target);
      return Promise.resolve({ ok, detail: ok ? "200 OK" : "connection refused" });
    },
  };
  return prober;
}

/**
 * A store in memory; `used` are last uses (wall clock ms). Give it the test's clock where pins end or the clock is set
 * back: without one no time is past and none to come.
 */
export function fakeStore(used: Readonly<Record<string, number>> = {}, clock?: Pick<Clock, "wall">): Store {
  const store = createMemoryStore(clock ?? { wall: () => Number.POSITIVE_INFINITY });
  for (const [alias, at] of Object.entries(used)) store.saveLastUsed(alias, at);
  if (clock !== undefined) return store;
  const pins = new Map<string, number | null>();
  store.pinnedUntil = (alias) => pins.get(alias) ?? null;
  store.savePin = (alias, until) => void pins.set(alias, until);
  return store;
}

/** A signal whose reading the test sets; `asks` false: one that knows at once. */
export function fakeSignal(name: string, read: Signal["read"], asks = true): Signal {
  return { name, needs: null, asks, covers: () => true, required: () => false, read };
}

/** What the doors counted, as the real one says it. */
export function requestsSignal(): Signal {
  return fakeSignal(
    "requests",
    ({ lastUsedAt }) => ({
      kind: "read",
      lastUsedAt: lastUsedAt === Number.NEGATIVE_INFINITY ? null : lastUsedAt,
      inUse: false,
      text: "last request",
    }),
    false,
  );
}
