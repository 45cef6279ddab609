import type { Clock } from "../core/clock.ts";

/** Everything a state has under way: ended as a whole when the state is left. */
export interface Scope {
  readonly signal: AbortSignal;
  /** As `clock.after`, cancelled when the scope ends. */
  after(delayMs: number, run: () => void): void;
  end(): void;
}

/** With a `parent` it ends when that aborts, if not before. */
export function createScope(clock: Clock, parent?: AbortSignal): Scope {
  const controller = new AbortController();
  const end = (): void => {
    parent?.removeEventListener("abort", end);
    controller.abort();
  };
  if (parent?.aborted === true) end();
  else parent?.addEventListener("abort", end, { once: true });
  return {
    signal: controller.signal,
    after(delayMs, run) {
      if (controller.signal.aborted) return;
      const cancel = clock.after(delayMs, () => {
        // Some states last for months: what fired must leave nothing behind.
        controller.signal.removeEventListener("abort", cancel);
        run();
      });
      controller.signal.addEventListener("abort", cancel, { once: true });
    },
    end,
  };
}
