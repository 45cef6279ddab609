import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { Notice } from "../core/notices.ts";
import type { ResultCounts } from "../core/tallies.ts";
import { SendError, type Sender, toSendError } from "./sender.ts";

/** Brings notices to one receiver, one after the other, however long that takes; nobody waits for it. */
export interface Delivery {
  add(notice: Notice): void;
  /** Sends one now, once, beside the queue. null = it was taken, else why not. */
  try(notice: Notice): Promise<string | null>;
  readonly counts: ResultCounts;
  /** Gives up what is not sent yet, for this reason. */
  close(why: string): void;
}

export interface DeliveryDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly name: string;
  readonly sender: Sender;
}

/** More wait only while a receiver is away in a storm; then the oldest are worth the least. */
const maxWaiting = 100;
const maxTries = 8;
const firstPauseMs = 1_000;
const longestPauseMs = 60_000;
const tryMs = 10_000;

export function createDelivery({ clock, logger, name, sender }: DeliveryDeps): Delivery {
  const counts: ResultCounts = { ok: 0, failed: 0 };
  const waiting: Notice[] = [];
  const closing = new AbortController();
  let busy = false;
  let ended = "";

  async function attempt(notice: Notice): Promise<SendError | null> {
    const time = new AbortController();
    const abort = (): void => time.abort();
    const cancel = clock.after(tryMs, abort);
    closing.signal.addEventListener("abort", abort, { once: true });
    try {
      await sender.send(notice, { signal: time.signal });
      return null;
    } catch (error) {
      if (closing.signal.aborted) return new SendError(ended, { isWorthRetrying: false });
      return time.signal.aborted ? new SendError("timed out", { isWorthRetrying: true }) : toSendError(error);
    } finally {
      cancel();
      closing.signal.removeEventListener("abort", abort);
    }
  }

  async function deliver(notice: Notice): Promise<void> {
    for (let tries = 1; ; tries++) {
      const failure = await attempt(notice);
      if (failure === null) {
        counts.ok++;
        logger.debug("notice sent", { sender: name, event: notice.event, alias: notice.alias, tries });
        return;
      }
      if (!failure.isWorthRetrying || tries >= maxTries || closing.signal.aborted)
        return giveUp(notice, failure.message, tries);
      const pauseMs = Math.max(failure.retryAfterMs ?? 0, firstPauseMs * 2 ** (tries - 1));
      logger.debug("notice will be sent again", { sender: name, event: notice.event, error: failure.message });
      await pause(Math.min(longestPauseMs, pauseMs));
    }
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        closing.signal.removeEventListener("abort", end);
        resolve();
      };
      const cancel = clock.after(ms, end);
      closing.signal.addEventListener("abort", end, { once: true });
    });
  }

  /** What nobody could be told is at least in the log, as a whole. */
  function giveUp(notice: Notice, why: string, tries: number): void {
    counts.failed++;
    logger.error("notice not delivered", { sender: name, tries, error: why, notice: { ...notice } });
  }

  async function work(): Promise<void> {
    if (busy) return;
    busy = true;
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await deliver(next);
    busy = false;
  }

  return {
    counts,
    add(notice) {
      if (closing.signal.aborted) return giveUp(notice, ended, 0);
      waiting.push(notice);
      const dropped = waiting.length > maxWaiting ? waiting.shift() : undefined;
      if (dropped !== undefined) giveUp(dropped, "too many are waiting", 0);
      void work();
    },
    async try(notice) {
      const failure = await attempt(notice);
      counts[failure === null ? "ok" : "failed"]++;
      return failure === null ? null : failure.message;
    },
    close(why) {
      ended = why;
      closing.abort();
      for (const notice of waiting.splice(0)) giveUp(notice, why, 0);
      sender.close();
    },
  };
}
