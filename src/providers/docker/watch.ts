import { toFailure } from "../../core/errors.ts";
import type { Failure } from "../../core/errors.ts";
import type { ProviderObserver } from "../../core/provider.ts";
import { follow } from "./connection.ts";
import type { WatchDeps } from "./connection.ts";
import type { Entry } from "./containers.ts";
import { wait } from "../deadline.ts";
import { createRecent } from "./recent.ts";

const backOffFirstMs = 200;
const backOffMaxMs = 5_000;
/** A stream that ends sooner than this was no connection: back off instead of trying at once. */
const livedMs = 1_000;

/**
 * Follows one engine until closed. A lost stream is opened again from the last event on; then comes a list, and what
 * happened in between is told before it, so that the list has the last word. A list every 60 s meets a half-open stream:
 * one that disagrees with what the events told opens a new stream.
 */
export function watchEngine(deps: WatchDeps, observer: ProviderObserver): { close(): Promise<void> } {
  const { clock, client, logger } = deps;
  const closing = new AbortController();
  const recent = createRecent();
  let told: Failure | null | undefined;
  let known: ReadonlyMap<string, Entry> = new Map();

  const link = (failure: Failure | null): void => {
    if (told !== undefined && told?.code === failure?.code) return;
    told = failure;
    observer.link(failure);
  };
  const run = async (): Promise<void> => {
    let failures = 0;
    while (!closing.signal.aborted) {
      const openedAt = clock.now();
      try {
        known = await follow({ ...deps, recent, link, observer }, known, closing.signal);
        failures = clock.now() - openedAt >= livedMs ? 0 : failures + 1;
        logger.debug("event stream ended");
      } catch (error) {
        if (closing.signal.aborted) return;
        failures++;
        link(toFailure(error, "PROVIDER_UNAVAILABLE"));
      }
      client.forget();
      if (failures > 0) await wait(clock, backOffMs(failures, deps.random()), closing.signal).catch(() => undefined);
    }
  };
  const running = run();
  return {
    close() {
      closing.abort(new Error("closed"));
      return running;
    },
  };
}

function backOffMs(failures: number, random: number): number {
  const base = Math.min(backOffMaxMs, backOffFirstMs * 2 ** Math.min(failures - 1, 10));
  return base * (0.75 + random / 2);
}
