import type { HealthStore } from "../core/health-history.ts";
import type { Journal, JournalEvent } from "../core/journal.ts";
import type { Notice } from "../core/notices.ts";

export interface JournalNoticesDeps {
  readonly journal: Journal;
  readonly notify: (notice: Notice) => void;
  /** What people call a workload. */
  readonly nameOf: (alias: string) => string;
  /** Remembers which engines were told of as lost, so that pairs survive a restart. */
  readonly pairs: Pick<HealthStore, "isDown" | "setDown">;
}

/**
 * Makes notices of what the journal tells: wakes and stops that failed, engines lost and back, configuration left out.
 * Each once per spell: a service that is asked for all day fails to wake once. Returns the end.
 */
export function noticeFromJournal({ journal, notify, nameOf, pairs }: JournalNoticesDeps): () => void {
  const starting = new Set<string>();
  /** What was told and is not over: `wake blog`. */
  const told = new Set<string>();

  function once(key: string, notice: Notice): void {
    if (told.has(key)) return;
    told.add(key);
    notify(notice);
  }

  function state({ alias, state: next, failure, at }: JournalEvent): void {
    if (alias === null || next === undefined) return;
    const wasStarting = starting.delete(alias);
    if (next === "starting") starting.add(alias);
    if (next === "ready" || next === "gone") told.delete(`wake ${alias}`);
    if (next === "napping" || next === "gone") told.delete(`stop ${alias}`);
    if (!wasStarting || next !== "error") return;
    const message = `${nameOf(alias)} could not be woken`;
    once(`wake ${alias}`, { event: "wake_failed", alias, at, message, detail: failure?.message ?? null });
  }

  function provider({ alias, failure, at }: JournalEvent): void {
    // No alias holds a space.
    const key = `provider ${alias}`;
    const isLost = failure !== undefined;
    if (pairs.isDown(key) === isLost) return;
    pairs.setDown(key, isLost);
    if (isLost) {
      const message = `Engine ${alias} is not reachable`;
      return notify({ event: "provider.lost", alias, at, message, detail: failure.message });
    }
    notify({ event: "provider.back", alias, at, message: `Engine ${alias} is reachable again`, detail: null });
  }

  return journal.subscribe((event) => {
    const { type, alias, failure, at } = event;
    if (type === "state") return state(event);
    if (type === "provider") return provider(event);
    if (failure === undefined) return;
    if (type === "sleep" && alias !== null) {
      const message = `${nameOf(alias)} could not be stopped`;
      once(`stop ${alias}`, { event: "stop_failed", alias, at, message, detail: failure.message });
    }
    if (type === "config") {
      const message = "Something is wrong in the configuration";
      notify({ event: "config.error", alias, at, message, detail: failure.message });
    }
  });
}
