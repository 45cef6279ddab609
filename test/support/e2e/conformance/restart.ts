import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { asleep, awake, request } from "./acts.ts";
import type { StageDoor } from "./stage.ts";
import type { World } from "./world.ts";

/** What clients of an app that is awake see while nodoff is started anew. */
export interface RestartReport {
  readonly requests: number;
  readonly failed: number;
  /** Those of them that came before nodoff's first look. */
  readonly unsure: number;
  /** What they got, each once. */
  readonly failures: readonly string[];
  /** From the first failure to the first success after the last one, ms. */
  readonly failedForMs: number;
}

const everyMs = 20;
/** How long a proxy may take to notice that nodoff is back. */
const noticeMs = 500;
/** After the restart: a proxy that took notice of the failure may need this long to ask nodoff again. */
const afterMs = 2_500;

/**
 * Restarts nodoff under a steady stream of requests to an app that is awake. With the fail-open kit none may fail; without
 * it those alone that came while nodoff was away.
 */
export async function restartUnderLoad(
  world: World,
  { asksWhere = false }: { readonly asksWhere?: boolean } = {},
): Promise<{ open: RestartReport; closed: RestartReport }> {
  const play = { ...world, guest: world.liar };
  for (const door of [world.open, world.door]) await awake({ ...play, door });
  const over = new AbortController();
  const doors = [world.open, world.door].map((door) => keepAsking({ ...play, door }, over.signal));
  const begun = performance.now();
  await world.nodoff.restart();
  const awayMs = performance.now() - begun;
  await delay(afterMs);
  over.abort();
  const [open, closed] = await Promise.all(doors);
  assert.ok(open !== undefined && closed !== undefined);
  const excused = asksWhere ? open.unsure : 0;
  assert.equal(
    open.failed - excused,
    0,
    `${open.failed} of ${open.requests} failed with fail-open: ${open.failures.join("; ")}`,
  );
  assert.ok(
    closed.failedForMs <= awayMs + noticeMs,
    `requests failed for ${closed.failedForMs} ms, nodoff was away ${awayMs} ms`,
  );
  // It knows what it knew, and does its work.
  await asleep(play);
  assert.equal((await request(play)).status, 200);
  return { open, closed };
}

async function keepAsking(
  play: { readonly door: StageDoor; readonly guest: World["liar"] },
  signal: AbortSignal,
): Promise<RestartReport> {
  let requests = 0;
  let failed = 0;
  let unsure = 0;
  let firstFailure: number | undefined;
  let lastFailure = 0;
  const failures = new Set<string>();
  while (!signal.aborted) {
    requests++;
    const failure = await request(play).then(
      ({ status, text }) => (status === 200 ? undefined : `${status} ${text.slice(0, 200)}`),
      (error: unknown) => String(error),
    );
    const at = performance.now();
    if (failure !== undefined) {
      failed++;
      if (failure.includes('"state":"unknown"')) unsure++;
      failures.add(failure);
      firstFailure ??= at;
      lastFailure = at;
    }
    await delay(everyMs);
  }
  const failedForMs = firstFailure === undefined ? 0 : lastFailure - firstFailure;
  return { requests, failed, unsure, failures: [...failures], failedForMs };
}
