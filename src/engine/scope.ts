import type { Clock } from "../core/clock.ts";

/** Everything a state has under way: ended as a whole when the state is left. */
export interface Scope {
  readonly signal: AbortSignal;
  /** As `clock.after`, cancelled when the scope ends. */
  after(delayMs: number, run: () => void): void;
  end(): void;
}

export function createScope(clock: Clock): Scope {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    after(delayMs, run) {
      if (controller.signal.aborted) return;
      const cancel = clock.after(delayMs, run);
      controller.signal.addEventListener("abort", cancel, { once: true });
    },
    end: () => controller.abort(),
  };
}
