import type { Clock } from "../core/clock.ts";
import { createLineQueue } from "../core/line-queue.ts";
import type { FollowOptions, Provider } from "../core/provider.ts";

const pollMs = 2_000;
const mostLines = 1_000;

/** Follows the output of an engine that can only be asked for the end of it. */
export async function* pollOutput(
  { clock, provider, ref }: { readonly clock: Clock; readonly provider: Provider; readonly ref: string },
  { signal, lines, since }: FollowOptions,
): AsyncGenerator<string> {
  const ask = (): Promise<readonly string[]> =>
    provider.logs(ref, { signal, lines: mostLines, ...(since === undefined ? {} : { since }) });
  let known = await ask();
  yield* lines > 0 ? known.slice(-lines) : [];
  for (;;) {
    await pause(clock, signal);
    if (signal.aborted) return;
    const now = await ask();
    yield* now.slice(overlap(known, now));
    known = now;
  }
}

/** How many lines at the beginning of `now` were the end of `before`. */
function overlap(before: readonly string[], now: readonly string[]): number {
  for (let count = Math.min(before.length, now.length); count > 0; count--) {
    const begin = before.length - count;
    let same = 0;
    while (same < count && before[begin + same] === now[same]) same++;
    if (same === count) return count;
  }
  return 0;
}

function pause(clock: Clock, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.after(pollMs, done);
    signal.addEventListener("abort", done, { once: true });
  });
}

/** What several write, each line behind its writer's prefix. Ends when all have; one that fails ends alone. */
export async function* mergeLines(
  prefixes: readonly string[],
  open: (index: number, signal: AbortSignal) => AsyncIterable<string> | readonly string[],
  signal: AbortSignal,
): AsyncGenerator<string> {
  const leaving = new AbortController();
  const leave = (): void => leaving.abort();
  const queue = createLineQueue(mostLines, leave);
  signal.addEventListener("abort", leave, { once: true });
  if (signal.aborted) leave();
  const all = prefixes.map(async (prefix, index) => {
    for await (const line of open(index, leaving.signal)) queue.push(`${prefix}${line}`);
  });
  void Promise.allSettled(all).then(() => queue.end());
  try {
    yield* queue;
  } finally {
    signal.removeEventListener("abort", leave);
  }
}
