import assert from "node:assert/strict";
import { afterEach } from "node:test";
import { until } from "./child.ts";
import type { Nodoff } from "./nodoff.ts";

interface Counted {
  readonly alias: string;
  readonly in_flight: number;
  readonly waiters: number;
}

/**
 * Rejects unless nodoff soon counts nothing as in flight and nobody as waiting, and is still there: an unhandled
 * rejection would have ended it. Clients that have left take a moment to be noticed.
 */
export async function nothingInFlight({ api }: Pick<Nodoff, "api">): Promise<void> {
  let counted: readonly Counted[] = [];
  try {
    await until("nothing in flight", async () => {
      const { routes } = (await api("/routes")) as { readonly routes: readonly Counted[] };
      counted = routes.filter(({ in_flight, waiters }) => in_flight !== 0 || waiters !== 0);
      return counted.length === 0 ? true : undefined;
    });
  } catch (error) {
    assert.deepEqual(counted, [], String(error));
    throw error;
  }
}

/** `nothingInFlight` after each test of the file or suite. What a test opens it has to close. */
export function expectNothingInFlight(nodoff: () => Pick<Nodoff, "api">): void {
  afterEach(() => nothingInFlight(nodoff()));
}
