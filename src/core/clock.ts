/** Ends what was armed; calling it again, or after it fired, does nothing. */
export type Cancel = () => void;

/**
 * The only source of time. `now` is monotonic milliseconds and is used for every duration and deadline; `wall` is
 * milliseconds since the epoch and is used only for what people read or the store keeps.
 */
export interface Clock {
  now(): number;
  wall(): number;
  /** Runs `run` once after `delayMs`. The timer never keeps the process alive. */
  after(delayMs: number, run: () => void): Cancel;
}
