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

/** A store in memory. */
export function fakeStore(used: Readonly<Record<string, number>> = {}): Store {
  const lastUsed = new Map(Object.entries(used));
  const durations = new Map<string, number[]>();
  return {
    lastUsed: (alias) => lastUsed.get(alias) ?? null,
    saveLastUsed: (alias, at) => void lastUsed.set(alias, at),
    wakeDurations: (alias) => durations.get(alias) ?? [],
    addWakeDuration: (alias, ms) => void durations.set(alias, [...(durations.get(alias) ?? []), ms]),
    close: () => Promise.resolve(),
  };
}

/** A signal whose reading the test sets. */
export function fakeSignal(name: string, read: Signal["read"]): Signal {
  return { name, needs: null, covers: () => true, read };
}
