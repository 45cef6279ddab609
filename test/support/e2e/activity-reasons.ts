import { setTimeout as delay } from "node:timers/promises";
import type { Nodoff } from "./nodoff.ts";

/** Writes down why nodoff keeps its workloads awake. */
export interface Journalist {
  /** Signals that said "in use", the most frequent first, each with its words. */
  saidOf(alias: string): string;
  /** All its reasons when it last was awake. */
  lastWords(alias: string): string;
  close(): Promise<void>;
}

interface Workload {
  readonly alias: string;
  readonly state: string;
  readonly reasons: readonly { readonly signal: string; readonly verdict: string; readonly text: string }[];
}

const everyMs = 500;

export function follow(nodoff: Nodoff): Journalist {
  const counts = new Map<string, Map<string, { times: number; text: string }>>();
  const last = new Map<string, string>();
  const over = new AbortController();

  function note({ alias, state, reasons }: Workload): void {
    if (state === "ready") last.set(alias, reasons.map(({ signal, text }) => `${signal}: ${text}`).join("; "));
    const own = counts.get(alias) ?? new Map<string, { times: number; text: string }>();
    counts.set(alias, own);
    for (const { signal, verdict, text } of reasons)
      if (verdict === "in_use") own.set(signal, { times: (own.get(signal)?.times ?? 0) + 1, text });
  }

  const followed = (async () => {
    while (!over.signal.aborted) {
      const answer = (await nodoff.api("/workloads").catch(() => null)) as { workloads: readonly Workload[] } | null;
      for (const workload of answer?.workloads ?? []) note(workload);
      await delay(everyMs, undefined, { signal: over.signal }).catch(() => undefined);
    }
  })();

  return {
    saidOf(alias) {
      const said = [...(counts.get(alias) ?? [])].sort(([, a], [, b]) => b.times - a.times);
      return said.map(([signal, { times, text }]) => `${signal} ${times}x (${text})`).join(", ") || "nothing in use";
    },
    lastWords: (alias) => last.get(alias) ?? "",
    async close() {
      over.abort();
      await followed;
    },
  };
}
