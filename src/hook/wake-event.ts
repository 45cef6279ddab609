import type { JournalEvent, WakeStep } from "../core/journal.ts";
import { titleByCode } from "../core/problem.ts";

/** An event of `/.nodoff/events` (contract "Page channel"). */
export interface WakeEvent {
  readonly type: WakeStep;
  readonly message: string;
  readonly timestamp: string;
  readonly error?: string;
  readonly eta_ms?: number;
}

/** Each step in words that name nothing of ours: whoever opens the page reads them. */
export const wordsByStep = {
  starting: "Waking up",
  waking_dependency: "Waking something it needs",
  dependency_ready: "Something it needs is ready",
  started: "Started",
  waiting_ready: "Waiting for its first answer",
  ready: "Ready",
  error: "It could not be woken",
  stopped: "It was stopped",
} as const satisfies Record<WakeStep, string>;

/** The public form of a step of a wake; null for events that are none. Engine text only with `showDetails`. */
export function toWakeEvent(event: JournalEvent, showDetails: boolean): WakeEvent | null {
  if (event.type !== "wake" || event.step === undefined) return null;
  const { failure } = event;
  return {
    type: event.step,
    message: showDetails ? event.message : wordsByStep[event.step],
    timestamp: new Date(event.at).toISOString(),
    ...(failure === undefined ? {} : { error: showDetails ? failure.message : titleByCode[failure.code] }),
    ...(event.etaMs === undefined ? {} : { eta_ms: Math.round(event.etaMs) }),
  };
}

/**
 * What a page that comes now has missed: the steps of the latest wake alone, since an older one's `ready` or `error`
 * would be taken for news. `lastId` (Last-Event-ID) narrows that to what it has not seen; an id that is not among them
 * comes from before a restart of nodoff, or from an older wake, and narrows nothing.
 */
export function toMissed(events: readonly JournalEvent[], lastId: number | null): readonly JournalEvent[] {
  const steps = events.filter((event) => event.type === "wake" && event.step !== undefined);
  const start = steps.findLastIndex((event) => event.step === "starting");
  const latest = start === -1 ? steps : steps.slice(start);
  return latest.some((event) => event.id === lastId) ? latest.filter((event) => event.id > (lastId ?? 0)) : latest;
}
